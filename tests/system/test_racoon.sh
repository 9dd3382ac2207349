#!/bin/bash
# racoon alone on two hosts: its verbs, RELOAD, what is left after a crash, the engine restarted.
. tests/system/lib.sh

A=192.168.1.100 B=192.168.2.100

conf() { # host, peer, local net, remote net, further lines
	cat >"$WORK/$1/racoon.conf" <<-END
	path pre_shared_key "psk.txt";
	timer { counter 3; interval 2 sec; phase1 10 sec; phase2 10 sec; }
	remote $2 {
		exchange_mode main;
		proposal { encryption_algorithm aes 256; hash_algorithm sha256; authentication_method pre_shared_key; dh_group modp2048; }
	}
	sainfo subnet $3 any subnet $4 any {
		encryption_algorithm aes 128;
		authentication_algorithm hmac_sha256;
		compression_algorithm deflate;
	}
	${5:-}
	END
	(umask 077; echo "$2 the same secret" >"$WORK/$1/psk.txt")
}
racoon_start() { # host
	start "$1" racoon "$BIN/racoon" -F -d -f "$WORK/$1/racoon.conf" -s "$WORK/$1/racoon.sock" \
		-S "$WORK/$1/ipsec.sock"
	wait_for 10 answers "$1" || { cat "$WORK/$1/racoon.log"; bail "racoon on $1"; }
}
tell() { # host, request: the answer
	printf '%s\r\n' "$2" | timeout 30 nc -N -U "$WORK/$1/racoon.sock" | tr -d '\r'
}
answers() { tell "$1" NOOP | grep -q "^200 "; }
json() { tell "$1" "$2/FORMAT=JSON" | sed -n 's/^200-//p'; }
sas() { on "$1" "$BIN/setkey" -D | grep -c 'state=mature'; }
no_sas() { [ "$(sas "$1")" = 0 ]; }
policies() { # host, direction of a to b, and back
	setkey_load "$1" <<-END
	spdadd 172.16.1.0/24 172.16.2.0/24 any -P $2 ipsec esp/tunnel/$A-$B/require;
	spdadd 172.16.2.0/24 172.16.1.0/24 any -P $3 ipsec esp/tunnel/$B-$A/require;
	END
}

topo_howto
conf a $B 172.16.1.0/24 172.16.2.0/24
conf b $A 172.16.2.0/24 172.16.1.0/24
ipsecd_start a
ipsecd_start b
policies a out in
policies b in out
racoon_start a
racoon_start b

# ---- ESTABLISH and SHOW
like "phase 1" "$(tell a "ESTABLISH $B")" "^200 %RACOON-S-NORMAL.*$A\[500\]<=>$B\[500\]"
like "once more: already" "$(tell a "ESTABLISH $B $A")" '^250 %[A-Z]+-S-ALREADY'
is "no IPsec SA by that" "$(sas a)" 0
like "with /CHILD" "$(tell a "ESTABLISH $B/CHILD")" '^200 %RACOON-S-NORMAL'
is "two IPsec SAs here" "$(sas a)" 2
is "two IPsec SAs there" "$(sas b)" 2
ok "ping between the subnets" on na ping -c 2 -i 0.2 -W 3 172.16.2.10
show=$(tell a SHOW)
like "SHOW: the state" "$show" '^200-SAs +1 ISAKMP \(0 half-open\), 2 IPsec installed'
like "SHOW: ISAKMP" "$show" "^200-#[0-9]+ +$A\[500\] +$B\[500\] +[0-9a-f]{16}:[0-9a-f]{16} +init ESTABLISHED +0 07:59"
like "SHOW: IPsec" "$show" "^200-#[0-9]+ +.* esp/tunnel +[0-9a-f]{8} [0-9a-f]{8} .* 172.16.1.0/24 172.16.2.0/24 any"
like "SHOW /FULL: the algorithms" "$(tell a 'SHOW ISAKMP/FULL')" 'main mode, aes-cbc-256/sha256/modp2048, created [ 0-9]+-[A-Z]{3}-20'
like "SHOW PEERS" "$(tell a 'SHOW PEERS')" "^200-$B +$B +up +1 +1 +-"
like "SHOW SCHEDULE" "$(tell a 'SHOW SCHEDULE')" "^200-0 07:59:.* ISAKMP SA expires"
like "SHOW LIMITS" "$(tell a 'SHOW LIMITS')" '^200-half-open ISAKMP SAs +1000'
like "SHOW CONFIG" "$(tell a 'SHOW CONFIG')" '^200-remote 192.168.2.100 \{'
unlike "no secret in any answer" "$(tell a 'SHOW ALL/FULL')" 'same secret'
if command -v jq >/dev/null; then
	is "JSON: schema" "$(json a 'SHOW ALL' | jq -r '.schema, .version' | tr '\n' ' ')" 'multinet.racoon.show 1 '
	is "JSON: SAs" "$(json a SHOW | jq -r '.isakmp[0].state, (.ipsec | length)' | tr '\n' ' ')" 'ESTABLISHED 1 '
fi
like "SHOW /SORT" "$(tell a 'SHOW/SORT=-CREATED,REMOTE')" '^200-#[0-9]+ .*ESTABLISHED'
like "SHOW /SORT by what is not there" "$(tell a 'SHOW ISAKMP/SORT=SPI')" '^509 .*ISAKMP has SERIAL, '
like "SHOW of nothing known" "$(tell a 'SHOW NONSENSE')" '^509 %NETCTL-W-IVKEYW'
like "ESTABLISH of no peer" "$(tell a 'ESTABLISH 192.168.9.9')" '^541 %CONFIG-E-NOCONF'
like "ESTABLISH from a foreign address" "$(tell a "ESTABLISH $B 10.9.9.9")" '^510 %NETCTL-W-IVPARM'
like "ESTABLISH with a wrong time" "$(tell a "ESTABLISH $B/TIMEOUT=0")" '^506 %NETCTL-W-VALREQ'
like "MULTINET_HOST_NAME is not needed to find the local address" "$(tell a 'SHOW PEERS')" up

# ---- DELETE, FLUSH
like "DELETE" "$(tell a "DELETE $B")" '^200 %RACOON-S-NORMAL'
is "no SA here" "$(sas a)" 0
ok "no SA there" wait_for 5 no_sas b
like "DELETE again" "$(tell a "DELETE $B")" '^[25]'
ok "traffic brings them back" wait_for 10 on na ping -c 1 -W 1 172.16.2.10
like "FLUSH IPSEC" "$(tell b 'FLUSH IPSEC')" '^200 %RACOON-S-NORMAL'
is "phase 1 stays" "$(tell b 'SHOW ISAKMP' | grep -c ESTABLISHED)" 1
is "IPsec SAs are gone" "$(sas b)" 0
ok "traffic brings them back again" wait_for 10 on na ping -c 1 -W 1 172.16.2.10

# ---- RELOAD
# Both ends may have begun after the flush: then a second pair lives on for a while.
phase1() { tell a 'SHOW ISAKMP' | grep -oE '[0-9a-f]{16}:[0-9a-f]{16}'; }
cookies=$(phase1)
cp "$WORK/a/racoon.conf" "$WORK/a/sound.conf"
echo 'remote 10.0.0.9 { exchange_mod main; }' >>"$WORK/a/racoon.conf"
reload=$(tell a RELOAD)
like "RELOAD with an error: told" "$reload" '^200-.*racoon.conf:[0-9]+:19: unknown keyword "exchange_mod": did you mean "exchange_mode"\?'
like "… and refused" "$reload" '^540 %CONFIG-E-BADCONF.*stays'
is "… and the SAs stay" "$(phase1)" "$cookies"
cp "$WORK/a/sound.conf" "$WORK/a/racoon.conf"
echo 'remote 10.0.0.9 inherit 192.168.2.100;' >>"$WORK/a/racoon.conf"
reload=$(tell a RELOAD)
like "RELOAD: the plan" "$reload" '^200-remote 10.0.0.9: added'
like "… in numbers" "$reload" '^200 %RACOON-S-NORMAL.*: 2 kept, 0 changed, 0 removed, 1 added'
is "… and the SAs stay" "$(phase1)" "$cookies"
ok "… and carry traffic" on na ping -c 1 -W 2 172.16.2.10
like "… in use" "$(tell a 'SHOW PEERS')" '10.0.0.9 +down'
kill -HUP "${DAEMON[a/racoon]}"
ok "SIGHUP reloads as well" wait_for 5 grep -q 'configuration reloaded: 3 kept' "$WORK/a/racoon.log"
kill -USR1 "${DAEMON[a/racoon]}"
like "SIGUSR1 is no harm" "$(tell a NOOP)" '^200 '

# ---- addresses come and go
on a ip addr add 192.168.1.101/24 dev eth0
ok "a new address is noticed" wait_for 5 sh -c \
	"printf 'SHOW STATE\n' | nc -N -U $WORK/a/racoon.sock | grep -qE '192.168.1.101\[500\]|and [0-9]+ more'"
ok "… and used" wait_for 5 grep -q '192.168.1.101\[500\] used as isakmp port' "$WORK/a/racoon.log"
on a ip addr del 192.168.1.101/24 dev eth0
ok "one that went is noticed" wait_for 5 grep -q '192.168.1.101\[500\] is gone' "$WORK/a/racoon.log"

# ---- DEBUG, MONITOR
like "DEBUG 2" "$(tell a 'DEBUG 2')" 'DEBUG2'
like "DEBUG 0" "$(tell a 'DEBUG 0')" 'logging DEBUG$'
like "MONITOR shows events" "$( (printf 'MONITOR\n'; sleep 0.3; tell a "DELETE $B" >/dev/null; sleep 0.5) |
	timeout 10 nc -U -q 1 "$WORK/a/racoon.sock")" '^\+.*ISAKMP-SA deleted'
ok "up again" wait_for 10 on na ping -c 1 -W 1 172.16.2.10

# ---- killed
old=$(on a "$BIN/setkey" -D | grep -o 'spi=[0-9]*' | sort | tr '\n' ' ')
ok "the journal knows the SAs" test "$(grep -c '^+ esp' "$WORK/a/racoon.journal")" -ge 2
unlike "and no keys" "$(cat "$WORK/a/racoon.journal")" '[0-9a-f]{16}'
stop a racoon KILL
is "killed: its SAs are still there" "$(on a "$BIN/setkey" -D | grep -o 'spi=[0-9]*' | sort | tr '\n' ' ')" "$old"
racoon_start a
recovered() { [ "$(sas a)" -ge 2 ] && [ "$(sas b)" -ge 2 ] && on na ping -c 1 -W 1 172.16.2.10; }
ok "started again: traffic recovers" wait_for 15 recovered
left=$(for spi in $old; do on a "$BIN/setkey" -D | grep -o "$spi("; done)
is "and nothing of the dead one is left" "$left" ''

# ---- the engine ends and comes back, without its policies until they are loaded
ipsecd_stop a KILL
ipsecd_start a
policies a out in
again() { on na ping -c 1 -W 1 172.16.2.10; }
ok "the engine restarted: traffic recovers" wait_for 20 again
ok "SAs are there again" test "$(sas a)" -ge 2

# ---- flushed behind its back
had=$(sas a)
echo 'flush ah;' | setkey_load a
ok "flush ah: racoon hears of it" wait_for 5 grep -q 'was flushed: its ah SAs' "$WORK/a/racoon.log"
tell a NOOP >/dev/null
is "… and keeps the others" "$(sas a)" "$had"
on a "$BIN/setkey" -F
ok "setkey -F: traffic recovers" wait_for 20 again

# ---- causes of failure
failure() { # description, expected ident at a, and at b
	like "$1: here" "$(tell a "ESTABLISH $B")" "%RACOON-E-$2"
	like "$1: there" "$(tell b 'SHOW FAILURES')" "%RACOON-E-$3"
}
tell a "DELETE $B" >/dev/null
(umask 077; echo "$B another secret" >"$WORK/a/psk.txt")
tell a RELOAD >/dev/null
failure "wrong key" '(PSKMISMATCH|AUTHFAILED|PEERREFUSED|NORESPONSE)' '(PSKMISMATCH|AUTHFAILED)'
(umask 077; echo "$B the same secret" >"$WORK/a/psk.txt")
sed -i 's/hash_algorithm sha256/hash_algorithm sha512/' "$WORK/a/racoon.conf"
tell a RELOAD >/dev/null
failure "no common proposal" '(NOPROPOSAL|PEERREFUSED)' 'NOPROPOSAL'
stop b racoon
like "silent peer" "$(tell a "ESTABLISH $B")" '^466 %RACOON-E-NORESPONSE'
like "kept, with the remedy" "$(tell a 'SHOW FAILURES')" 'remedy: Check the address'
like "/NOWAIT does not wait" "$(time -p tell a "ESTABLISH $B/NOWAIT" 2>&1)" '^200 %RACOON-S-'
like "/TIMEOUT" "$(tell a "ESTABLISH $B/TIMEOUT=1")" '^430 %NETCTL-E-TIMEOUT'

# ---- the end
like "SHUTDOWN" "$(tell a SHUTDOWN)" '^221 '
ok "it ends" wait_for 8 sh -c "! kill -0 ${DAEMON[a/racoon]} 2>/dev/null"
is "no SA is left" "$(sas a)" 0
fails "no journal is left" test -e "$WORK/a/racoon.journal"
for h in a b; do
	unlike "no sanitizer report on $h" "$(cat "$WORK/$h"/*.log)" 'Sanitizer|runtime error'
	unlike "no secret in the log of $h" "$(cat "$WORK/$h/racoon.log")" 'same secret'
done
finish
