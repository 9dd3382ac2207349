#!/bin/sh
# idents.sh - conditions and tests.  TAP.
#
# Every condition of the facilities RACOON and IPSEC that racoon/ or ipsec/ can end in appears in at
# least one test, as ST_IDENT, as %FACILITY-S-IDENT or as the bare IDENT.  Conditions that no source
# names are listed; that alone is no failure, for a row may wait for its code.
set -u
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT INT TERM

# Names in the sources, once; messages.def itself names each of them.
find lib logicals ipsec setkey racoon server netcontrol -name '*.[ch]' -exec cat {} + |
	grep -oE '\bST_[A-Z0-9]+\b' | sort -u >"$work/used"
find racoon ipsec -name '*.[ch]' -exec cat {} + | grep -oE '\bST_[A-Z0-9]+\b' | sort -u >"$work/daemons"
# Words of the tests that may be idents; the lints are no tests, and what a fuzzer feeds is no check.
find tests -type f ! -path 'tests/lint/*' ! -path 'tests/fuzz/corpus/*' ! -path 'tests/vectors/*' -exec cat {} + |
	grep -aoE '\b(ST_)?[A-Z][A-Z0-9]{2,14}\b' | sed 's/^ST_//' | sort -u >"$work/tests"

untested=
count=0
dead=
while read -r facility ident; do
	if ! grep -qx "ST_$ident" "$work/used"; then
		dead="$dead $facility-$ident"
		continue
	fi
	case $facility in RACOON | IPSEC) ;; *) continue ;; esac
	grep -qx "ST_$ident" "$work/daemons" || continue
	count=$((count + 1))
	grep -qx "$ident" "$work/tests" || untested="$untested $facility-$ident"
done <<L
$(sed -n -E 's/^M\("([A-Z]+)", ([A-Z0-9]+),.*/\1 \2/p' lib/messages.def)
L
for row in $dead; do echo "# $row is named by no source"; done
for row in $untested; do echo "# $row is named by no test"; done
[ "$count" -gt 0 ] || untested=all
if [ -z "$untested" ]; then
	echo "ok - idents: $count conditions of racoon and ipsecd are tested"
else
	echo 'not ok - idents: conditions of racoon and ipsecd are tested'
fi
