#!/bin/sh
# length.sh - files stay under 900 lines, functions under 100, lines under 101 columns.  TAP.
set -u
cd "$(dirname "$0")/../.."
files=$(git ls-files -co --exclude-standard '*.c' '*.h')
say() { # name, findings
	if [ -z "$2" ]; then echo "ok - length: $1"; else echo "$2" | sed 's/^/# /'; echo "not ok - length: $1"; fi
}
# shellcheck disable=SC2086
say 'files' "$(wc -l $files | awk '$2 != "total" && $1 > 900 {print $2 ": " $1 " lines"}')"
# shellcheck disable=SC2086
say 'functions' "$(awk 'FNR == 1 {inside = 0}
	/^\{/ {inside = 1; start = FNR; next}
	/^\}/ {if (inside && FNR - start > 100) printf "%s:%d: %d lines\n", FILENAME, start, FNR - start; inside = 0}' $files)"
# shellcheck disable=SC2086
say 'columns' "$(awk '{line = $0; n = 0; for (i = 1; i <= length(line); i++) {if (substr(line, i, 1) == "\t") n += 8 - n % 8; else n++}
	if (n > 100 && FILENAME !~ /messages\.def/) printf "%s:%d: %d columns\n", FILENAME, FNR, n}' $(echo "$files" | tr ' ' '\n' | grep -v '_rows\.c$\|lib/alg') | head -n 20)"
say 'promises' "$(git ls-files -co --exclude-standard '*.c' '*.h' '*.sh' '*.md' | grep -v '^tests/lint/' | xargs grep -nwE 'XXX|FIXME|TODO|not (yet )?implemented' | head -n 20)"
