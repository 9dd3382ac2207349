#!/bin/sh
# run.sh - golden configuration pairs, as TAP.
#
#	tests/conf/run.sh BINDIR          compare
#	UPDATE=1 tests/conf/run.sh BINDIR write what the programs say now; then read the diff
#
# X.in is read by the program.  X.ok is its output, and X.warn its standard error if there is any;
# X.err instead is the standard error of a file that must be refused, with exit status 1 and no
# output; X.found the output, also with exit status 1, of a check that finds something.  A first line `# options: …` in X.in adds options.  What setkey printed must read back into
# the same requests.
bin=$(cd "${1:?usage: run.sh BINDIR}" && pwd) || exit 2
here=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT INT TERM
MULTINET_LOGICALS=$tmp/none LC_ALL=C
export MULTINET_LOGICALS LC_ALL
count=0 failed=0

tell() { # tell STATUS NAME [FILE of what differs]
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $count - $2"
	else
		failed=$((failed + 1))
		echo "not ok $count - $2"
		if [ -n "$3" ]; then sed 's/^/# /' "$3"; fi
	fi
}

compare() { # compare EXPECTED ACTUAL NAME
	if [ -n "$UPDATE" ]; then cp "$2" "$1"; fi
	diff -u "$1" "$2" > "$tmp/diff" 2>&1
	tell $? "$3" "$tmp/diff"
}

# golden NAME COMMAND…: the command ends in the option that takes the file.
golden() {
	name=$1; shift
	options=$(sed -n '1s/^# options: //p' "$name.in")
	# shellcheck disable=SC2086 # options are words
	timeout 20 "$@" $options -f "$name.in" > "$tmp/out" 2> "$tmp/err" < /dev/null
	status=$?
	label=$(basename "$PWD")/$name
	if [ -n "$UPDATE" ] && [ ! -e "$name.ok" ] && [ $status -ne 0 ] && [ ! -s "$tmp/out" ]; then
		: > "$name.err"
	fi
	if [ -e "$name.err" ]; then
		compare "$name.err" "$tmp/err" "$label is refused"
		[ $status -eq 1 ] && [ ! -s "$tmp/out" ]
		tell $? "$label ends with status 1 and no output" "$tmp/out"
		return 1
	fi
	if [ -n "$UPDATE" ] && [ ! -e "$name.ok" ] && [ $status -ne 0 ]; then : > "$name.found"; fi
	if [ -e "$name.found" ]; then
		compare "$name.found" "$tmp/out" "$label"
		[ $status -eq 1 ] && [ ! -s "$tmp/err" ]
		tell $? "$label ends with status 1 and no error" "$tmp/err"
		return 1
	fi
	compare "$name.ok" "$tmp/out" "$label"
	if [ -n "$UPDATE" ] && [ -s "$tmp/err" ]; then cp "$tmp/err" "$name.warn"; fi
	[ -e "$name.warn" ] && cp "$name.warn" "$tmp/warn" || : > "$tmp/warn"
	diff -u "$tmp/warn" "$tmp/err" > "$tmp/diff" && [ $status -eq 0 ]
	tell $? "$label ends with status 0 and the warnings expected" "$tmp/diff"
}

cd "$here/setkey" || exit 2
for file in *.in; do
	golden "${file%.in}" "$bin/setkey" -n -v || continue
	case $options in *--check*) continue ;; esac
	# shellcheck disable=SC2086 # options are words
	"$bin/setkey" -n -v -k $options -f "$tmp/out" > "$tmp/again" 2> "$tmp/err"
	diff -u "$tmp/out" "$tmp/again" > "$tmp/diff"
	tell $? "setkey/${file%.in} reads back" "$tmp/diff"
done

echo "1..$count"
[ "$failed" -eq 0 ]
