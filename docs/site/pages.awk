# SPDX-License-Identifier: MIT
# A page of Markdown as Doxygen needs it: headings get the anchors that forges give them, and links lead to pages of
# the site. Doxyfile uses this filter, in the root of the sources.

FNR == 1 {
    file = FILENAME
    if (index(file, ENVIRON["PWD"] "/") == 1)
        file = substr(file, length(ENVIRON["PWD"]) + 2)
    folder = file
    if (!sub(/\/[^\/]*$/, "", folder))
        folder = ""
}

/^```/ { code = !code }
code { print; next }

/^#+ / {
    level = length($1)
    anchor = page(file) (level == 1 ? "" : "_" slug(substr($0, level + 2)))
    has_sections = has_sections || level == 2
    if (level > 2 && !has_sections)
        sub(/#/, "")
    print $0 (anchor == "index" ? "" : " {#" anchor "}")
    if (level == 1 && anchor != "index")
        print "[TOC]"
    next
}

# [label]: target
/^\[[a-z]+\]: / { print $1 " " href($2); next }

# [text](target), several times
{
    rest = $0
    gsub(/@VERSION@/, ENVIRON["VERSION"], rest)
    line = ""
    while (match(rest, /\]\([^)]+\)/)) {
        line = line substr(rest, 1, RSTART + 1) href(substr(rest, RSTART + 2, RLENGTH - 3)) ")"
        rest = substr(rest, RSTART + RLENGTH)
    }
    print line rest
}

# The page of a file: docs/testing/models.md has testing-models.html, and the start page is index.html.
function page(path) {
    sub(/^docs\/(site\/)?/, "", path)
    sub(/\.md$/, "", path)
    gsub(/\//, "-", path)
    return tolower(path)
}

function slug(title) {
    gsub(/\]\([^)]*\)/, "", title)
    title = tolower(title)
    gsub(/[^a-z0-9 _-]/, "", title)
    gsub(/ /, "-", title)
    return title
}

# What Doxygen calls the page with the source of a file. If two files have one name, it includes their folders.
function source(path) {
    if (path !~ /\/(thread_pool|shared|port)\.c$/)
        sub(/^.*\//, "", path)
    gsub(/_/, "__", path)
    gsub(/\./, "_8", path)
    gsub(/\//, "_2", path)
    return path "_source.html"
}

function resolve(target,    count, parts, i, path) {
    count = split(folder "/" target, parts, "/")
    path = ""
    for (i = 1; i <= count; i++)
        if (parts[i] == "..")
            sub(/\/[^\/]*$/, "", path)
        else if (parts[i] != "" && parts[i] != ".")
            path = path "/" parts[i]
    return substr(path, 2)
}

function has_readme(path,    line) {
    path = path "/README.md"
    if ((getline line < path) <= 0)
        return 0
    close(path)
    return 1
}

function href(target,    anchor, path) {
    if (target ~ /^[a-z]+:/)
        return target
    anchor = target
    if (!sub(/^[^#]*#/, "", anchor))
        anchor = ""
    sub(/#.*/, "", target)
    path = target == "" ? file : resolve(target)
    if (path ~ /\.md$/)
        return page(path) ".html" (anchor == "" ? "" : "#" page(path) "_" anchor)
    if (path == "include/condvar.h")
        return "group__reference.html"
    if (path == "include/condvar.hpp")
        return "group__cpp.html"
    if (path ~ /\.(c|h|cpp|hpp)$/)
        return source(path)
    if (path ~ /\.svg$/ || path == "LICENSE") {
        sub(/^.*\//, "", path)
        return path
    }
    return has_readme(path) ? page(path "/README.md") ".html" : "files.html"
}
