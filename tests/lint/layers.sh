#!/bin/sh
# layers.sh - the folders depend one way only (doc/ARCHITECTURE.md, "Layers").  TAP.
set -u
cd "$(dirname "$0")/../.."
bad=0
# folder: folders it may include
while read -r folder may; do
	found=$(grep -rnE '^#include "' --include='*.c' --include='*.h' --include='*.def' "$folder" 2>/dev/null |
		sed -E 's/^([^:]*:[0-9]*):#include "([^"]*)".*/\1 \2/' |
		awk -v may=" $folder $may " '{ split($2, part, "/"); if (index(may, " " part[1] " ") == 0) print }')
	[ -z "$found" ] || { echo "$found" | sed "s/^/# $folder may not include: /"; bad=1; }
done <<'L'
lib
logicals lib
ipsec logicals lib
setkey ipsec logicals lib
racoon ipsec logicals lib
server logicals lib
netcontrol logicals lib
L
# The engines know their own layer and below: wire < ike, ikev1 < daemon; conf beside wire.
found=$(grep -rnE '#include "racoon/(daemon|ike|ikev1)/' racoon/wire racoon/conf 2>/dev/null
	grep -rnE '#include "racoon/daemon/' racoon/ike racoon/ikev1 2>/dev/null
	grep -rnE '#include "ipsec/(dp_|.*_uv|sadb_sync)' ipsec/engine racoon/wire racoon/ike racoon/ikev1 racoon/conf 2>/dev/null)
[ -z "$found" ] || { echo "$found" | sed 's/^/# /'; bad=1; }
[ $bad = 0 ] && echo "ok - layers: includes go one way" || echo "not ok - layers: includes go one way"
