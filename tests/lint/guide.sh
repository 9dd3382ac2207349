#!/bin/sh
# guide.sh [BUILD] - the guides are up to date: the list of messages, links, commands.  TAP.
set -u
build=${1:-${BUILD:-build}}
cd "$(dirname "$0")/../.." || exit 1
case $build in /*) ;; *) build=$PWD/$build ;; esac
say() { # name, findings
	if [ -z "$2" ]; then echo "ok - guide: $1"; else echo "$2" | sed 's/^/# /'; echo "not ok - guide: $1"; fi
}
say 'links lead to files' "$(for file in doc/guide/*.md; do
	grep -oE '\]\([a-z-]+\.md\)' "$file" | tr -d '])(' | while read -r to; do
		[ -e "doc/guide/$to" ] || echo "$file: no $to"
	done
done)"
say 'every guide is listed' "$(for file in doc/guide/*.md; do
	case $file in */README.md) ;; *) grep -qF "(${file##*/})" doc/guide/README.md || echo "$file" ;; esac
done)"
say 'messages exist' "$(sed '/^<!-- messages/,$d' doc/guide/*.md | grep -ohE '%[A-Z]+-[A-Z]-[A-Z0-9]+' | grep -v '^%FACILITY' |
	while read -r m; do grep -q "^M(\"[A-Z]*\", ${m##*-}," lib/messages.def || echo "$m"; done)"
[ -x "$build/bin/netcontrol" ] || { echo 'ok - guide: list of messages # SKIP netcontrol is not built'; exit 0; }


"$build/bin/netcontrol" --messages >"${TMPDIR:-/tmp}/guide.$$"
say 'the list of messages is the table (make guide-update)' "$(sed '1,/^<!-- messages/d' doc/guide/troubleshooting.md |
	diff - "${TMPDIR:-/tmp}/guide.$$" | head -n 20)"
rm -f "${TMPDIR:-/tmp}/guide.$$"
