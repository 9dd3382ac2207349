#!/bin/bash
# racoonctl: the old commands, columns and exit statuses, on racoon's own socket and through the
# master server's; and the lines that people grep for in racoon's log.
. tests/system/lib.sh

topo_lan 10.9.0.1 10.9.0.2
conf() { # own address, peer's address
	cat <<-END
	path pre_shared_key "$WORK/a/psk.txt";
	listen { isakmp $1 [500]; }
	remote $2 {
		exchange_mode main;
		lifetime time 1 hour;
		proposal { encryption_algorithm aes; hash_algorithm sha1; authentication_method pre_shared_key; dh_group modp1024; }
	}
	sainfo anonymous { lifetime time 30 min; encryption_algorithm aes; authentication_algorithm hmac_sha1; compression_algorithm deflate; }
	END
}
(umask 077; printf '10.9.0.1 psk\n10.9.0.2 psk\n' >"$WORK/a/psk.txt")
conf 10.9.0.1 10.9.0.2 >"$WORK/a/one.conf"
conf 10.9.0.2 10.9.0.1 >"$WORK/b/two.conf"
policies() { # host, direction of what goes to b, of what comes back, name of its racoon
	ipsecd_start "$1"
	setkey_load "$1" <<-END
	spdadd 10.9.0.1/32 10.9.0.2/32[9] udp -P $2 ipsec esp/transport//require;
	spdadd 10.9.0.2/32[9] 10.9.0.1/32 udp -P $3 ipsec esp/transport//require;
	END
	start "$1" "$4" "$BIN/racoon" -F -d -f "$WORK/$1/$4.conf" -s "$WORK/$1/$4.ctl" -S "$WORK/$1/ipsec.sock"
	wait_for 10 test -S "$WORK/$1/$4.ctl" || { cat "$WORK/$1/$4.log"; bail "racoon $4"; }
}
export MULTINET_RACOON_JOURNAL=$WORK/a/journal
policies a out in one
MULTINET_RACOON_JOURNAL=$WORK/b/journal policies b in out two
rc() { on a timeout 60 "$BIN/racoonctl" -s "$WORK/a/one.ctl" "$@"; }
says() { # description, wanted status, pattern, command...
	local what=$1 status=$2 pattern=$3 out got
	shift 3
	out=$("$@" 2>&1)
	got=$?
	is "$what: exit status" $got "$status"
	like "$what" "$out" "$pattern"
}

# ---- before anything is there
is "show-sa without SAs: the heading alone" "$(rc show-sa isakmp)" \
	"Destination            Cookies                           Created"
says "show-sa esp" 0 '^No SAD entries\.$' rc show-sa esp
says "no daemon" 1 'connect: .*nobody.*: No such file' on a "$BIN/racoonctl" -s "$WORK/nobody" ss isakmp
says "unknown command" 1 '^Invalid command \[x\]$' rc x
says "… and what the library said" 1 '^kmpstat: Invalid argument$' rc x
says "unknown protocol" 1 '^unknown protocol foo$' rc show-sa foo
says "delete-sa of none" 1 'NOSUCHSA' rc delete-sa isakmp inet 10.9.0.1 10.9.0.2
says "establish-sa with a user's name" 1 'XAUTH' rc establish-sa -u joe isakmp inet 10.9.0.1 10.9.0.2
says "logout-user" 1 'XAUTH' rc lu joe
says "establish-sa of an unknown peer" 1 'NOCONF' rc es isakmp inet 10.9.0.1 10.9.0.9
says "establish-sa of no policy" 1 'NOPOLICY' rc es esp inet 10.9.0.1/32/0 10.9.0.9/32/0 any
says "wrong family" 1 'inet or inet6' rc es isakmp inet7 10.9.0.1 10.9.0.9
says "wrong upper protocol" 1 'icmp, tcp, udp, gre or any' rc es esp inet 10.9.0.1/32/0 10.9.0.9/32/0 sctp

# ---- show-event from here on
rc show-event >"$WORK/events" 2>&1 &
EVENTS=$!
PIDS+=($EVENTS)
sleep 0.5

# ---- phase 1
says "establish-sa -w isakmp" 0 '^VPN connexion established$' rc establish-sa -w isakmp inet 10.9.0.1 10.9.0.2
is "… again: that is so already" "$(rc es isakmp inet 10.9.0.1 10.9.0.2; echo $?)" 0
row='[0-9a-f]{16}:[0-9a-f]{16}'
date='[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}'
like "show-sa" "$(rc show-sa isakmp)" "^10\.9\.0\.2\.500           $row $date \$"
like "-l: heading" "$(rc -l ss isakmp)" '^Destination            Cookies                           ST S  V E Created             Phase2$'
like "-l: row" "$(rc -l ss isakmp)" "^10\.9\.0\.2\.500           $row  9 I 10 M $date      0 \$"
like "-ll: heading" "$(rc -ll ss isakmp)" '^Source {40}Destination {35}Cookies {27}ST S  V E Created {13}Phase2$'
like "-ll: row" "$(rc -ll ss isakmp)" "^10\.9\.0\.1\.500 {34}10\.9\.0\.2\.500 {34}$row  9 I 10 M $date      0 \$"
like "the responder's row" "$(on b "$BIN/racoonctl" -s "$WORK/b/two.ctl" -l ss isakmp)" "^10\.9\.0\.1\.500           $row  9 R 10 M $date      0 \$"
like "show-schedule" "$(rc show-schedule)" "^index    tick     xtime    created\$"
like "… the SA's end" "$(rc sc)" "^[0-9]+ +[0-9]+ +[0-9]+ +$date\$"
says "get-cert where there is none" 1 'no certificate' rc get-cert inet 10.9.0.1 10.9.0.2

# ---- phase 2
says "establish-sa -w esp" 0 '^Phase 2 established : 10\.9\.0\.1\[500\] -> 10\.9\.0\.2\[500\]$' \
	rc establish-sa -w esp inet 10.9.0.1/32/0 10.9.0.2/32/9 udp
says "show-sa esp as setkey shows it" 0 '^	esp mode=transport spi=[0-9]+\(0x[0-9a-f]{8}\) reqid=' rc show-sa esp
is "show-sa ah: none" "$(rc show-sa ah | grep -c '	ah')" 0
is "… ipsec: both SAs" "$(rc show-sa ipsec | grep -c '	esp mode')" 2
like "… and their number with phase 1" "$(rc -l ss isakmp)" " 1 \$"

# ---- status
says "status" 0 '^10\.9\.0\.1\[500\] -> 10\.9\.0\.2\[500\]  ESTABLISHED$' rc status
says "status -v" 0 'esp/transport  ESTABLISHED' rc st -v
rc status -v -f json >"$WORK/status.json"
is "status -f json" "$(python3 - "$WORK/status.json" <<-'END'
	import json, sys
	s = json.load(open(sys.argv[1]))
	p = s["phase1"][0]
	print(s["schema_version"], p["state"], p["version"], p["exchange_mode"], p["proposal"]["dh_group"],
	      p["proposal"]["authentication_method"], p["dpd"]["state"], p["remote_id"], len(s["phase2"]))
END
)" "2.0 established 1.0 main modp1024 pre_shared_key answering 10.9.0.2 1"

# ---- SHOW tells of the traffic that the SA database counted
ask_one() { printf '%s\n' "$2" | timeout 20 nc -N -U "$WORK/a/$1.ctl" | tr -d '\r'; }
like "SHOW IPSEC/FULL" "$(ask_one one 'SHOW IPSEC/FULL')" 'lifetime 1800 seconds; in [0-9]+ octets, [0-9]+ packets; out [0-9]+ octets'
like "SHOW ISAKMP/FULL" "$(ask_one one 'SHOW ISAKMP/FULL')" 'lifetime 3600 seconds, .*DPD'

# ---- the end of SAs
says "delete-sa esp" 0 '^$' rc delete-sa esp inet 10.9.0.1/32/0 10.9.0.2/32/9 udp
wait_for 5 sh -c "! MULTINET_IPSEC_SOCKET=$WORK/a/ipsec.sock $BIN/setkey -D | grep -q '	esp mode'"
is "… both SAs go" $? 0
like "… the ISAKMP SA stays" "$(rc -l ss isakmp)" "$row  9 I"
says "delete-sa isakmp" 0 '^$' rc delete-sa isakmp inet 10.9.0.1 10.9.0.2
is "… it goes" "$(rc ss isakmp | wc -l)" 1
says "vpn-connect" 0 '^VPN connexion established$' rc vpn-connect 10.9.0.2
says "vpn-disconnect" 0 'terminated' rc vpn-disconnect 10.9.0.2
says "flush-sa" 0 '^$' rc flush-sa isakmp
says "reload-config prints nothing" 0 '^$' rc reload-config
echo nonsense >>"$WORK/a/one.conf"
says "… but what is wrong" 1 'one\.conf:[0-9]+:[0-9]+: ' rc rc

# ---- events
end_process $EVENTS
like "show-event: phase 1 up" "$(cat "$WORK/events")" '^Phase 1 established : 10\.9\.0\.1\[500\] -> 10\.9\.0\.2\[500\]$'
like "… phase 2 up" "$(cat "$WORK/events")" '^Phase 2 established : 10\.9\.0\.1\[500\] -> 10\.9\.0\.2\[500\]$'
like "… phase 2 down" "$(cat "$WORK/events")" '^Phase 2 deleted : '
like "… phase 1 down" "$(cat "$WORK/events")" '^Phase 1 deleted : '
rc se >"$WORK/events2" 2>&1 &
EVENTS=$!
PIDS+=($EVENTS)
sleep 0.5

# ---- through the master server
cat >"$WORK/a/services" <<-END
	socket "$WORK/a/master.sock";
	reader-socket "$WORK/a/master-reader.sock";
	service RACOON { program "$BIN/racoon"; arguments "-F" "-f" "$WORK/a/three.conf" "-S" "$WORK/a/ipsec.sock"; }
END
sed '/^nonsense/d; s/\[500\]/[15502]/' "$WORK/a/one.conf" >"$WORK/a/three.conf"
MULTINET_RACOON_JOURNAL=$WORK/a/three.journal start a master "$BIN/multinet_server" -f "$WORK/a/services"
wait_for 10 sh -c "echo 'RACOON NOOP' | nc -N -U $WORK/a/master.sock | grep -q '^200 '" ||
	{ cat "$WORK/a/master.log"; bail "master server"; }
like "the master server's socket is found" "$(MULTINET_NETCONTROL_SOCKET=$WORK/a/master.sock on a "$BIN/racoonctl" ss isakmp)" '^Destination '
mc() { on a timeout 20 "$BIN/racoonctl" -s "$WORK/a/master.sock" "$@"; }
mc show-event >"$WORK/events3" 2>&1 &
THREE=$!
PIDS+=($THREE)
sleep 0.5
says "establish through it" 0 '^VPN connexion established$' mc es -w isakmp inet 10.9.0.1 10.9.0.2
like "… shown" "$(mc ss isakmp)" "^10\.9\.0\.2\.500 .*$row"
like "… and told" "$(cat "$WORK/events3")" '^Phase 1 established : 10\.9\.0\.1\[15502\] -> 10\.9\.0\.2\[500\]$'

# ---- racoon ends
stop a one
is "one ends well" $? 0
wait_for 5 grep -q '^Racoon terminated$' "$WORK/events2"
is "show-event tells of the end" $? 0

# ---- lines that people grep for
log() { # description, extended regular expression, of one's log
	grep -Eq -- "$2" "$WORK/a/one.log"
	local status=$?
	[ $status = 0 ] || note "not in the log: $2"
	result $status "log: $1"
}
E='10\.9\.0\.1\[500\](<=>|-|->)10\.9\.0\.2\[500\]'
log "start" '10\.9\.0\.1\[500\] used as isakmp port \(fd=[0-9]+\)'
log "configuration" 'Reading configuration from "'
log "phase 1 begins" "INFO: initiate new phase 1 negotiation: $E"
log "its mode" 'INFO: begin Identity Protection mode\.'
log "phase 1 is up" "INFO: ISAKMP-SA established $E spi:[0-9a-f]{16}:[0-9a-f]{16}"
log "phase 1 is deleted" "INFO: ISAKMP-SA deleted $E spi:"
log "phase 2 begins" "INFO: initiate new phase 2 negotiation: $E"
log "phase 2 is up" 'INFO: IPsec-SA established: ESP/Transport 10\.9\.0\.1\[[0-9]+\]->10\.9\.0\.2\[[0-9]+\] spi=[0-9]+\(0x[0-9a-f]+\)'
log "vendor ID" 'received Vendor ID: DPD'
log "accepted request" 'accept a request to establish IKE-SA: 10\.9\.0\.2'
log "flushed peer" 'Flushing all SAs for peer 10\.9\.0\.2'
log "no configuration" 'ERROR: no configuration found for 10\.9\.0\.9'
log "no policy" 'NOTIFY: no outbound policy found'
log "shutdown" 'racoon process [0-9]+ shutdown'
log "signal" 'caught signal 15'
is "lines about SAs have its number" "$(grep -E '(ISAKMP|IPsec)-SA (established|deleted)' "$WORK/a/one.log" | grep -Evc ' #[0-9]+$')" 0
finish
