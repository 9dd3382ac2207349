#!/bin/sh
# compile.sh - no warnings with gcc and clang, every header stands alone.  TAP.
set -u
cd "$(dirname "$0")/../.."
flags=$(make -s print-cflags)
check() { # name, compiler, files
	name=$1 cc=$2
	shift 2
	out=$(printf '%s\n' "$@" | xargs -P 2 -n 8 "$cc" $flags -Werror -fsyntax-only 2>&1) &&
		echo "ok - compile: $name" || { echo "$out" | head -n 40 | sed 's/^/# /'; echo "not ok - compile: $name"; }
}
# shellcheck disable=SC2046
check 'clang without warnings' clang $(git ls-files -co --exclude-standard '*.c')
# shellcheck disable=SC2046
check 'gcc without warnings' gcc $(git ls-files -co --exclude-standard '*.c' | grep -v '^tests/fuzz/')
bad=$(git ls-files -co --exclude-standard '*.h' | while read -r header; do
	# shellcheck disable=SC2086
	printf '#include "%s"\nint unused_;\n' "$header" | gcc $flags -Wno-missing-prototypes -fsyntax-only -x c - 2>/dev/null || echo "# $header"
done)
[ -z "$bad" ] && echo 'ok - compile: headers stand alone' || { echo "$bad"; echo 'not ok - compile: headers stand alone'; }
