#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The marks of src/ (faulty.sh): each is there once, and some fault uses it. That a mark which is used is there, is
# seen to where it is used.
#
# usage: marks SOURCE-ROOT
set -eu
root=$1
problems=$(
    grep -rhoE '/\* M:[^ ]* \*/' "$root/src" | sort | uniq -c | while read -r count _ mark _; do
        mark=${mark#M:}
        [ "$count" = 1 ] || echo "$mark: is there $count times"
        # (Of a port's marks, the part before the dash may be the name of the port: port_faults.)
        grep -rqE -e "^[^#]*[ =\"'](${mark}|\\\$port-${mark#*-})( |\"|'|\$)" "$root/tests" \
            --include='*faults' --include='*faulty.sh' --include='*mutations.sh' ||
            echo "$mark: no fault uses it"
    done
)
echo "$(grep -rhoE '/\* M:[^ ]* \*/' "$root/src" | wc -l) marks${problems:+; }$problems"
[ -z "$problems" ]
