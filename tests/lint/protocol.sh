#!/bin/bash
# protocol.sh [BUILD] - the lists of doc/NETCONTROL.md are those of the tables; every condition has an
# explanation and what to do.  TAP.  UPDATE=1 puts the lists into the document.
#
# A list stands between `<!-- list NAME -->` and `<!-- end of list -->`.
set -u
cd "$(dirname "$0")/../.." || exit 1
lists=$(realpath "${1:-${BUILD:-build}}")/tests/lists
doc=doc/NETCONTROL.md
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
[ -x "$lists" ] || { echo "not ok - protocol: no $lists: make unit"; exit 1; }

names=$(sed -n 's/^<!-- list \([a-z]*\) -->$/\1/p' $doc)
for name in $names; do
	"$lists" "$name" >"$work/$name" || { echo "not ok - protocol: list $name"; exit 1; }
	if [ "${UPDATE:-}" = 1 ]; then
		awk -v name="$name" -v file="$work/$name" '
			$0 == "<!-- list " name " -->" { print; while ((getline line < file) > 0) print line; skip = 1 }
			$0 == "<!-- end of list -->" { skip = 0 }
			!skip && $0 != "<!-- list " name " -->" { print }' $doc >"$work/doc" && cat "$work/doc" >$doc
	fi
	awk -v name="$name" '$0 == "<!-- end of list -->" { on = 0 } on; $0 == "<!-- list " name " -->" { on = 1 }' \
		$doc >"$work/there"
	if diff "$work/there" "$work/$name" >"$work/diff"; then
		echo "ok - protocol: list $name"
	else
		sed 's/^/# /' "$work/diff"
		echo "not ok - protocol: list $name of $doc is out of date (UPDATE=1 tests/lint/protocol.sh)"
	fi
done
for name in replies bounds names netcontrol logicals racoon ipsec; do
	echo "$names" | grep -qx $name || echo "not ok - protocol: $doc has no list $name"
done
