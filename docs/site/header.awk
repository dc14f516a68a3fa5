# SPDX-License-Identifier: MIT
# condvar.h and condvar.hpp as Doxygen needs them. Both are manuals that are read as text. Here the first comment and
# the sections up to "Private" become groups, one in the other, and all comments there become Doxygen's. Each line
# keeps its number, because the site also shows the sources. Doxyfile uses this filter.

BEGIN {
    cpp = ARGV[1] ~ /\.hpp$/
    while ((getline line < ARGV[1]) > 0)
        if (is_section(line))
            sections[short(title(line))]
    close(ARGV[1])
}

private_part { print; next }
/^\/\* ======== Private/ {
    print_comment("")
    print "/** @} */" (cpp ? "" : "/** @} */") $0
    private_part = 1
    next
}

# A comment is kept in `block` until the next line is known, which decides what the comment belongs to.
size > 0 && block[size] !~ /\*\/$/ { block[++size] = $0; next }
{ print_comment($0) }
/^(    )?\/\*/ { block[size = 1] = $0; next }
/^private:/ && hidden { print "/** @endcond */" $0; hidden = 0; next }
in_section && !cpp && /[;,] +\/\* .*\*\/$/ && !/private/ { sub(/\/\* /, "/**< ") } # behind a member
{ print }
END { print_comment("") }

function is_section(line) { return line ~ /^\/\* ---- .* -+ \*\/$/ }
function title(line) { sub(/^\/\* ---- /, "", line); sub(/ -+ \*\/$/, "", line); return line }
function short(name) { sub(/:.*/, "", name); return name }
function id(name) { name = tolower(short(name)); gsub(/[^a-z]+/, "_", name); return "c_" name }

# Where a command needs a line of its own, it takes the place of the empty line behind the comment.
function print_comment(next_line,    attached) {
    if (size == 0)
        return
    attached = next_line ~ /^#define/ || next_line !~ /^(#|$)/
    if (is_section(block[1]))
        begin_section(title(block[1]))
    else if (block[1] == "/*" && !had_intro) {
        had_intro = 1
        print_block(cpp ? "/** @defgroup cpp C++" : "/** @defgroup reference Reference", 1)
    } else if (block[1] ~ /^ +\/\* Wrong arguments/) {
        print "    /** @cond */" block[1]
        hidden = 1
    } else if (block[1] ~ /\/\*\*/ || (attached && (cpp ? block[1] ~ /^ / : in_section))) {
        sub(/\/\*\*?/, "/**", block[1])
        print_block(text(block[1]))
    } else if (cpp || !in_section || size == 1)
        print_block(block[1])
    else if (block[4] ~ /^ \*     COND_[A-Z]+\(/) {
        block[size] = " *//** @def " macro(block[5])
        print_block("/** @def " macro(block[4]))
        printf " * See %s(). */", macro(block[4])
    } else {
        block[size] = " * @{ */"
        print_block("/** @} *//** @addtogroup " group)
    }
    size = 0
}

function begin_section(name) {
    if (cpp && name ~ /members/) { # these functions appear in the classes
        print block[1]
        return
    }
    group = cpp ? "cpp" : id(name)
    printf "%s", in_section ? "/** @} */" : cpp ? "" : "/** @endcond */"
    print cpp ? "/** @addtogroup cpp" : "/** @defgroup " group " " name
    printf " * @{ */"
    in_section = 1
}

# The name of a macro that is defined in the private part.
function macro(line) { match(line, /COND_[A-Z]+/); return substr(line, RSTART, RLENGTH) }

function print_block(first, is_intro,    i, line, skip) {
    print first
    for (i = 2; i <= size; i++) {
        line = block[i]
        if (is_intro && !cpp && (i == 2 || line == " * Contents" || skip)) { # the title; the contents to the end
            skip = i > 2
            print i == size ? " * @{ *//** @cond */" : " *" # until the first section
        } else if (is_heading(i))
            print " * <h3>" substr(line, 4) "</h3>"
        else
            print text(line)
    }
}

# A short line between empty lines, or above a list.
function is_heading(i) {
    return block[i] ~ /^ \* [A-Z][^.;(),]*[^.;:,]$/ && length(block[i]) < 50 && (i == 2 || block[i - 1] == " *") && \
        block[i + 1] ~ /^ \*( - .*)?$/
}

function text(line,    name, result) {
    if (line ~ /^ \*     /) # code
        return line
    for (name in sections)
        sub("\"" name "\"", "@ref " id(name) " &", line)
    sub(/docs\/reference\/misuse\.md/, "@ref reference-misuse \"&\"", line)
    gsub(/</, "\\<", line)
    result = "(0|E[A-Z][A-Z]+|Other errors|Any other error)" # an error and its meaning: a list
    if (line ~ "^ \\* " result "((, | or )" result ")*: ")
        line = " * - " substr(line, 4)
    return line
}
