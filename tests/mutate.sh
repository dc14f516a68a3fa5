# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# mutate.sh - makes copies of the library with a mutation, for the tests of the tests; to be sourced
#
# A mutation changes one place of src/, the target:
#
#       some-name       the statement with the mark M:some-name. The mark is a comment at the end of the statement's first
#                       line, or alone on the line before. Of an if or a while it is only the condition.
#       some_name()     the body of this function
#
# The replacement is:
#
#       delete          nothing
#       always, never   true or false, as the condition of an if or a while, or as the value of a return
#       other text      this text
#
# A target that does not exist exactly once is a failure. tests/marks.sh checks that each mark is used.

# The target and the replacement are in the environment. Exit status 0 if exactly one place was changed.
# shellcheck disable=SC2016 # the variables are awk's
mutate_awk='
function is_whole(text) {
    gsub(/ *\/\*[^*]*\*\//, "", text)
    opened = gsub(/\(/, "(", text)
    return opened == gsub(/\)/, ")", text) && (text ~ /[;{]$/ || text ~ /^ *(} )?(else )?(if|while) .*\)$/)
}
function changed(text) {
    match(text, /^ */)
    indent = substr(text, 1, RLENGTH)
    if (replacement == "delete")
        return indent ";"
    if (replacement != "always" && replacement != "never")
        return indent replacement
    value = replacement == "always" ? "true" : "false"
    if (text ~ /^ *return /)
        return indent "return " value ";"
    match(text, /(if|while) \(/)
    head = substr(text, 1, RSTART + RLENGTH - 1)
    match(text, /\)( \{|;)?$/)
    return head value substr(text, RSTART)
}
BEGIN {
    target = ENVIRON["target"]
    replacement = ENVIRON["replacement"]
    is_function = sub(/\(\)$/, "", target)
    mark = "/* M:" target " */"
    count = 0
}
is_function && !in_head && !in_body && /^[A-Za-z]/ && $0 ~ ("[ *]" target "\\(") && !/[;}]$/ { in_head = 1 }
in_head && /;$/ { in_head = 0 }
in_head && /^\{$/ { print "{\n    " replacement "\n}"; in_head = 0; in_body = 1; count++ }
in_body { in_body = !/^}$/; next }
!is_function && (at = index($0, mark)) {
    $0 = substr($0, 1, at - 1)
    sub(/ *$/, "")
    in_statement = 1
    statement = ""
    if ($0 == "")
        next
}
in_statement {
    statement = statement (statement == "" ? "" : "\n") $0
    if (!is_whole(statement))
        next
    $0 = changed(statement)
    in_statement = 0
    count++
}
{ print }
END { exit count != 1 }
'

# make_mutated_source ROOT WORK TARGET REPLACEMENT [FILE]: makes WORK/src, which is ROOT/src with the mutation, in FILE if
# several files have such a function; WORK/changed_file names the file with it. Prints a message and returns 1 if the target
# does not exist exactly once.
make_mutated_source() {
    rm -rf "$2/src"
    cp -R "$1/src" "$2/src"
    case $3 in
    *'()') pattern_="^[A-Za-z].*[ *]${3%??}[(]" ;;
    *) pattern_="/\\* M:$3 \\*/" ;;
    esac
    changed_=0
    for file_ in $(grep -rlE "$pattern_" "$2/src${5:+/$5}"); do
        if target=$3 replacement=$4 awk "$mutate_awk" "$file_" >"$2/changed" && ! cmp -s "$2/changed" "$file_"; then
            cp "$2/changed" "$file_"
            echo "$file_" >"$2/changed_file"
            changed_=$((changed_ + 1))
        fi
    done
    [ $changed_ = 1 ] && return
    echo "src/ has no target '$3', or more than one"
    return 1
}

# core_sources ROOT: the files of the library without its port, as src/meson.build lists them, each on a line.
core_sources() {
    sed -n "/^core_sources = files(/,/)/p" "$1/src/meson.build" | grep -o "[a-z_]*\\.c"
}

# make_library ROOT WORK COMPILER...: makes WORK/libcondvar.so of WORK/src. It has the soname of the real library, so
# LD_PRELOAD puts it in its place. Linux only.
make_library() {
    root_=$1
    work_=$2
    shift 2
    "$@" -std=c11 -O1 -fPIC -shared -pthread -fvisibility=hidden -DCONDVAR_PORT_LINUX \
        -I"$root_/include" -I"$work_/src" \
        -Wl,-soname,libcondvar.so.0 "-Wl,--version-script=$work_/src/condvar.map" \
        -o "$work_/libcondvar.so" "$work_/src/all.c"
}

# ---- For scripts that judge programs by mutations of $root. They use $work, and $name: the mutation. ----

mutations_begin() {
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    failed=0
    detected=0
}

# put_mutation NAME TARGET REPLACEMENT [FILE]: the library with this mutation is in $work/src.
# shellcheck disable=SC2154 # root is set
put_mutation() {
    name=$1
    shift
    if ! why_not=$(make_mutated_source "$root" "$work" "$@"); then
        not_detected "$why_not"
        return 1
    fi
}

# put_library NAME TARGET REPLACEMENT COMPILER...: the library with this mutation is $work/libcondvar.so.
put_library() {
    put_mutation "$1" "$2" "$3" || return 1
    shift 3
    make_library "$root" "$work" "$@" || { not_detected 'it cannot be compiled'; return 1; }
}

not_detected() {
    echo "$name: $1"
    failed=$((failed + 1))
}

is_detected() {
    echo "$name: detected$1"
    detected=$((detected + 1))
}

# The end of the script: its exit status is 0 if each mutation was detected.
mutations_end() {
    echo "$detected mutations detected, $failed not"
    [ "$failed" -eq 0 ]
}
