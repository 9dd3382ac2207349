#!/bin/bash
# The operator's day: two hosts under master servers, raw NETCONTROL lines, a killed daemon, the
# causes of failures, two racoons on one host.
. tests/system/lib.sh

A=192.168.1.100 B=192.168.2.100
command -v nc >/dev/null || skip_all "needs nc"

services() { # host: the services file
	cat <<-END
	socket "$WORK/$1/netcontrol.sock";
	reader-socket "$WORK/$1/reader.sock";
	service IPSEC {
		program "$BIN/ipsecd";
		arguments "-F" "-s" "$WORK/$1/ipsec.sock" "-c" "$WORK/$1/ipsec.ctl";
		log-file "$WORK/$1/ipsecd.log";
	}
	service RACOON {
		program "$BIN/racoon";
		arguments "-F" "-d" "-f" "$WORK/$1/racoon.conf" "-s" "$WORK/$1/racoon.ctl" "-S" "$WORK/$1/ipsec.sock";
		after IPSEC;
		log-file "$WORK/$1/racoon.log";
	}
	END
}
racoon_conf() { # peer, further lines of its section, encryption
	cat <<-END
	path pre_shared_key "$WORK/$4/psk.txt";
	timer { counter 3; interval 2 sec; phase1 12 sec; }
	remote $1 {
		exchange_mode main;
		$2
		proposal { encryption_algorithm ${3:-3des}; hash_algorithm md5; authentication_method pre_shared_key; dh_group modp1024; }
	}
	sainfo anonymous {
		pfs_group modp768;
		encryption_algorithm 3des;
		authentication_algorithm hmac_md5;
		compression_algorithm deflate;
	}
	END
}
configure() { # host, peer, secret, further lines, encryption
	racoon_conf "$2" "${4:-}" "${5:-}" "$1" >"$WORK/$1/racoon.conf"
	(umask 077; echo "$2 $3" >"$WORK/$1/psk.txt")
}
console() { # host, words…
	local h=$1
	shift
	MULTINET=$WORK/$h MULTINET_NETCONTROL_SOCKET=$WORK/$h/netcontrol.sock \
		MULTINET_RACOON_JOURNAL=$WORK/$h/racoon.journal \
		ip netns exec "$NS$h" "$BIN/netcontrol" "$@" 2>&1
}
up() { console "$1" racoon show isakmp; } # NOOP works while the service is down
raw() { # host, text: sent as it is
	printf "$2" | timeout 10 nc -N -U "$WORK/$1/netcontrol.sock"
}
master() { # host
	services "$1" >"$WORK/$1/services"
	MULTINET_RACOON_JOURNAL=$WORK/$1/racoon.journal start "$1" master "$BIN/multinet_server" -f "$WORK/$1/services" -l "$WORK/$1/master.txt"
	wait_for 20 up "$1" || { cat "$WORK/$1"/*.log "$WORK/$1/master.txt"; bail "master on $1"; }
}
policies() { # direction from a to b, and back
	cat <<-END
	spdadd 172.16.1.0/24 172.16.2.0/24 any -P $1 ipsec esp/tunnel/$A-$B/require;
	spdadd 172.16.2.0/24 172.16.1.0/24 any -P $2 ipsec esp/tunnel/$B-$A/require;
	END
}
service_pid() { console "$1" show "$2" | sed -n 's/.*Process: *pid *//p'; }
sad() { on "$1" "$BIN/setkey" -D; }

topo_howto
configure a $B 'simple psk'
configure b $A 'simple psk'
master a
master b
setkey_load a < <(policies out in)
setkey_load b < <(policies in out)

# ---- lines
like "a raw line with CRLF gets a framed answer" "$(raw a 'RACOON SHOW\r\n' | tr -d '\r')" '^200 %[A-Z]+-S-'
is "answers come in order, one for each request" \
	"$(raw a 'NOOP\r\nRACOON NOOP\r\nBOGUS\r\nNOOP\r\n' | tr -d '\r' | grep -oE '^[0-9]{3} ' | tr -d '\n')" '200 200 502 200 '
like "an abbreviation is enough" "$(console a rac show isak)" 'no ISAKMP SAs'
like "JSON is JSON" "$(raw a 'RACOON SHOW /FORMAT=JSON\n' | sed -n 's/^200-//p' | jq -r .schema 2>&1)" '^[a-z]'
like "SHOW ALL fits the schema" "$(raw a 'RACOON SHOW ALL/FORMAT=JSON\n' | sed -n 's/^200-//p' |
	tests/transcript/schema.py doc/netcontrol.schema.json 2>&1 && echo fits)" '^fits$'

# ---- the tunnel
like "ESTABLISH answers" "$(console a racoon establish $B)" '^%RACOON-S-NORMAL'
like "ESTABLISH again: already" "$(console a racoon establish $B)" '^%[A-Z]+-S-ALREADY'
ok "ping between the subnets" on na ping -c 2 -i 0.3 -W 5 172.16.2.10
like "with SAs it fits too" "$(raw a 'RACOON SHOW ALL/FORMAT=JSON\n' | sed -n 's/^200-//p' |
	tests/transcript/schema.py doc/netcontrol.schema.json 2>&1 && echo fits)" '^fits$'
like "CSV has a line for each" "$(console a racoon show ipsec/format=csv)" '"esp","tunnel","0x[0-9a-f]{8}","0x[0-9a-f]{8}"'
like "chosen by address and state" "$(console a racoon show isakmp 192.168.2.*/state=established)" '192.168.2.100'
like "none of another address" "$(console a racoon show isakmp 10.9.*)" 'no ISAKMP SAs'
before=$(console a racoon show ipsec | grep -oE '[0-9a-f]{8} [0-9a-f]{8}')
like "RESTART of the master server" "$(console a restart)" 'NETCTL-I-RESTARTING'
is "the SAs stay" "$(console a racoon show ipsec | grep -oE '[0-9a-f]{8} [0-9a-f]{8}')" "$before"
ok "and carry traffic" on na ping -c 2 -i 0.3 -W 5 172.16.2.10
like "who did it is known" "$(console a accounting)" 'restart: %NETCTL-I-RESTARTING'
like "SHOW lists both SAs" "$(console a racoon show)" "$B"
like "the peer shows the same phase 1" "$(console b racoon show isakmp)" \
	"$(console a racoon show isakmp | grep -oE '[0-9a-f]{16}:[0-9a-f]{16}' | head -n 1)"
like "setkey -D shows the SAs" "$(sad a)" 'esp mode=tunnel'

# ---- flush, and back
ok "FLUSH" console a racoon flush
like "our SAD is empty" "$(sad a)" 'No SAD entries'
ok "the peer was told" wait_for 5 sh -c "! MULTINET_IPSEC_SOCKET=$WORK/b/ipsec.sock $BIN/setkey -D | grep -q mature"
ok "traffic brings it up again" on na ping -c 2 -i 0.3 -W 8 172.16.2.10

# ---- lists in order
order() { console a -q ipsec show "sad/sort=$1/format=json" | jq -c '[.entries[].spi]'; }
is "SHOW SAD/SORT: by SPI" "$(order spi)" "$(order octets,state | jq -c sort)"
is "… all of them" "$(order spi | jq length)" 2
is "… and from the last to the first" "$(order -spi)" "$(order spi | jq -c reverse)"
like "SHOW SPD/SORT" "$(console a ipsec show spd/sort=direction,-destination | tr '\n' ' ')" '^in .* out .* fwd '
is "a key that policies have not" "$(console a ipsec show spd/sort=spi >/dev/null 2>&1; echo $?)" 2

for what in sad spd counters limits status; do
	console a -q ipsec show "$what/format=json" >"$WORK/answer"
	ok "SHOW $what fits its schema" sh -c "tests/transcript/schema.py doc/netcontrol.schema.json <$WORK/answer"
done

# ---- kill -9
kill -9 "$(service_pid a racoon)"
sleep 0.1
down=$(raw a 'RACOON SHOW\n')
like "SHOW says at once that it does not run" "$down" '^421 %NETCTL-E-NOTRUNNING'
ok "the supervisor brings it back" wait_for 20 up a
ok "traffic recovers by itself" wait_for 20 on na ping -c 1 -W 1 172.16.2.10
is "SAs of the dead instance are gone: two are left" "$(sleep 1; sad a | grep -c 'state=mature')" 2
ok "traffic from the other side too" on nb ping -c 2 -i 0.3 -W 5 172.16.1.10

# ---- the engine dies
kill -9 "$(service_pid a ipsec)"
ok "IPSEC comes back" wait_for 20 console a ipsec show counters
setkey_load a < <(policies out in)
ok "traffic recovers after the engine's death" wait_for 30 on na ping -c 1 -W 1 172.16.2.10

# ---- failures name their cause on both sides
redo() { # both configurations anew
	ok "RELOAD on a" console a racoon reload
	ok "RELOAD on b" console b racoon reload
	console a racoon flush >/dev/null
	sleep 0.3
}
configure b $A 'another psk'
redo
like "wrong PSK, initiator" "$(console a racoon establish/timeout=40 $B)" '%RACOON-E-(PSKMISMATCH|AUTHFAILED)'
like "wrong PSK, responder" "$(console b racoon show failures)" 'PSKMISMATCH'
configure b $A 'simple psk' '' 'aes 128'
redo
like "no common proposal, initiator" "$(console a racoon establish/timeout=40 $B)" '%RACOON-E-NOPROPOSAL'
like "no common proposal, responder" "$(console b racoon show failures)" 'NOPROPOSAL'
configure b $A 'simple psk' "peers_identifier address 192.168.9.9; verify_identifier on;"
redo
like "wrong identity, initiator" "$(console a racoon establish/timeout=40 $B)" '%RACOON-E-(IDMISMATCH|PEERREFUSED)'
like "wrong identity, responder" "$(console b racoon show failures)" 'IDMISMATCH'
ok "STOP racoon on b" console b racoon stop
like "a silent peer" "$(console a racoon establish/timeout=40 $B)" '%RACOON-E-NORESPONSE'
ok "START it again" console b racoon start
ok "… and it works" wait_for 10 up b
like "nothing for an unknown peer" "$(console a racoon establish 192.168.7.7)" '%CONFIG-E-NOCONF'

# ---- who may do what
as_nobody() { # socket, lines
	printf "$2" | timeout 5 setpriv --reuid 65534 --regid 65534 --clear-groups nc -N -U "$WORK/a/$1" 2>&1
}
like "a reader may look" "$(as_nobody reader.sock 'RACOON SHOW ISAKMP\n')" '^200 %RACOON-S-NORMAL'
like "… and not flush" "$(as_nobody reader.sock 'RACOON FLUSH\n')" '^530 %NETCTL-E-NOTPERM'
like "… nor reach the operators' socket" "$(as_nobody netcontrol.sock 'NOOP\n')" '%NETCTL-E-NOTPERM, not permitted: uid 65534'

# ---- shutdown
configure b $A 'simple psk'
redo
ok "ESTABLISH/CHILD" console a racoon establish/child $B
ok "SHUTDOWN" console a racoon shutdown
like "our SAD is empty of our SAs" "$(sad a)" 'No SAD entries'
ok "… and the peer's" wait_for 5 sh -c "! MULTINET_IPSEC_SOCKET=$WORK/b/ipsec.sock $BIN/setkey -D | grep -q mature"
like "policies stay" "$(on a "$BIN/setkey" -DP)" 'esp/tunnel'
stop a master
is "the master ends well" $? 0
stop b master
is "the other too" $? 0
unlike "no route, rule or device is left" "$(on a ip rule; on a ip link)" 'fwmark|mnipsec'
finish
