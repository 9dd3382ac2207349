#!/bin/sh
# run_logical.sh - golden transcripts of the program `logical`, as TAP.
#
# Each tests/conf/logical/NAME.in is a shell script run line by line in an empty directory; NAME.ok is
# what a terminal would show: `$ line`, its output, and `[status]` when that is not 0.
# `run_logical.sh --update` writes the .ok files anew: read the difference before keeping it.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=${BUILD:-build}
case $build in /*) ;; *) build=$PWD/$build ;; esac
program=$build/bin/logical
here=$PWD/tests/conf/logical
update=${1:-}
[ -x "$program" ] || { echo "not ok - logical: $program is not built"; exit 1; }
# Where MULTINET leads by itself depends on the prefix: transcripts say ETCDIR.
etcdir=$(env -i MULTINET_LOGICALS=/dev/null "$program" translate MULTINET:)

transcript() { # FILE.in
	work=$(mktemp -d) || exit 1
	cp "${1%.in}.logicals" "$work/system.logicals" 2>/dev/null
	while IFS= read -r line; do
		case $line in '' | '#'*) printf '%s\n' "$line"; continue ;; esac
		printf '$ %s\n' "$line"
		(
			cd "$work" || exit 1
			env -i PATH="${program%/*}:/usr/bin:/bin" LC_ALL=C \
				MULTINET_LOGICALS=system.logicals \
				ASAN_OPTIONS="${ASAN_OPTIONS:-}" UBSAN_OPTIONS="${UBSAN_OPTIONS:-}" \
				timeout 20 sh -c "$line" >"$work.out" 2>&1
		)
		status=$?
		sed "s|$etcdir|ETCDIR|g" "$work.out"
		[ $status = 0 ] || printf '[%d]\n' $status
	done <"$1"
	rm -rf "$work" "$work.out"
}

for input in "$here"/*.in; do
	name=${input##*/}
	name=${name%.in}
	if [ "$update" = --update ]; then
		transcript "$input" >"$here/$name.ok"
		continue
	fi
	if out=$(transcript "$input" | diff -u "$here/$name.ok" -); then
		echo "ok - logical: $name"
	else
		printf '%s\n' "$out" | sed 's/^/# /'
		echo "not ok - logical: $name"
	fi
done
