#!/bin/sh
# SPDX-License-Identifier: MIT
#
# marks.sh SOURCE-ROOT - each mark of src/ (mutate.sh) occurs once, and some mutation uses it
#
# The scripts that use marks check that the marks exist.
set -eu
root=$1
problems=$(
    grep -rhoE '/\* M:[^ ]* \*/' "$root/src" | sort | uniq -c | while read -r count _ mark _; do
        mark=${mark#M:}
        [ "$count" = 1 ] || echo "$mark: occurs $count times"
        # port_mutations.sh puts the name of the port before the dash.
        grep -rqE -e "^[^#]*[ =\"'](${mark}|\\\$port-${mark#*-})( |\"|'|\$)" "$root/tests" \
            --include='*mutation*.sh' --include='memory_orders.sh' ||
            echo "$mark: no mutation uses it"
    done
)
echo "$(grep -rhoE '/\* M:[^ ]* \*/' "$root/src" | wc -l) marks${problems:+; }$problems"
[ -z "$problems" ]
