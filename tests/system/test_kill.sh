#!/bin/bash
# Masters and daemons that are killed under traffic, each alone and all together: everything recovers
# by itself, the SA databases of both hosts agree afterwards, and nothing is left twice.
#
#	tests/system/test_kill.sh [ROUNDS [racoon|ipsec|master|all]...]
#
# One round of all four unless told; the times until traffic flows again are printed.
. tests/system/lib.sh

A=192.168.1.100 B=192.168.2.100
ROUNDS=${1:-${ROUNDS:-1}}
shift $(($# > 0))
WHAT=${*:-${WHAT:-racoon ipsec master all}}

services() { # host
	cat <<-END
	socket "$WORK/$1/netcontrol.sock";
	service IPSEC {
		program "$BIN/ipsecd";
		arguments "-F" "-s" "$WORK/$1/ipsec.sock" "-c" "$WORK/$1/ipsec.ctl";
		backoff 0 sec;
		log-file "$WORK/$1/ipsecd.log";
	}
	service RACOON {
		program "$BIN/racoon";
		arguments "-F" "-f" "$WORK/$1/racoon.conf" "-s" "$WORK/$1/racoon.ctl" "-S" "$WORK/$1/ipsec.sock";
		after IPSEC;
		backoff 0 sec;
		log-file "$WORK/$1/racoon.log";
	}
	END
}
configure() { # host, peer
	cat >"$WORK/$1/racoon.conf" <<-END
	path pre_shared_key "$WORK/$1/psk.txt";
	timer { counter 5; interval 1 sec; phase1 12 sec; }
	remote $2 {
		exchange_mode main;
		proposal { encryption_algorithm aes; hash_algorithm sha1; authentication_method pre_shared_key; dh_group modp1024; }
	}
	sainfo anonymous { encryption_algorithm aes; authentication_algorithm hmac_sha1; compression_algorithm deflate; }
	END
	(umask 077; echo "$2 one secret" >"$WORK/$1/psk.txt")
	services "$1" >"$WORK/$1/services"
}
console() { # host, words...
	local h=$1
	shift
	MULTINET=$WORK/$h MULTINET_NETCONTROL_SOCKET=$WORK/$h/netcontrol.sock \
		ip netns exec "$NS$h" "$BIN/netcontrol" "$@" 2>&1
}
master() { # host: started by us, as the init system would
	MULTINET_RACOON_JOURNAL=$WORK/$1/racoon.journal start "$1" master \
		"$BIN/multinet_server" -f "$WORK/$1/services" -l "$WORK/$1/master.txt"
}
up() { console "$1" racoon show isakmp; }
policies() { # direction from a to b, and back
	cat <<-END
	spdadd 172.16.1.0/24 172.16.2.0/24 any -P $1 ipsec esp/tunnel/$A-$B/require;
	spdadd 172.16.2.0/24 172.16.1.0/24 any -P $2 ipsec esp/tunnel/$B-$A/require;
	END
}
service_pid() { console "$1" show "$2" | sed -n 's/.*Process: *pid *//p'; }
flows() { on na ping -c 1 -W 1 172.16.2.10; }
spis() { # host, source: SPIs of the usable SAs that come from there
	on "$1" "$BIN/setkey" -D | awk -v from="$2" '/^[0-9]/ { mine = $1 == from }
		mine && /spi=/ { match($0, /0x[0-9a-f]+/); spi = substr($0, RSTART, RLENGTH) }
		mine && /state=(mature|dying)/ { print spi }' | sort -u
}
agree() { # every outbound SPI is inbound at the peer
	local from to lost=
	for from in a b; do
		if [ $from = a ]; then to=b address=$A; else to=a address=$B; fi
		spis $from "$address" >"$WORK/out"
		spis $to "$address" >"$WORK/in"
		[ -s "$WORK/out" ] || return 1
		lost=$lost$(comm -23 "$WORK/out" "$WORK/in")
	done
	[ -z "$lost" ]
}
programs() { # host: the daemons that run in its namespace, each as often as it runs
	local p
	for p in $(ip netns pids "$NS$1"); do
		case $(cat "/proc/$p/comm" 2>/dev/null) in
		multinet_server | racoon | ipsecd) cat "/proc/$p/comm" ;;
		esac
	done | sort | tr '\n' ' '
}
one_of_each() { [ "$(programs a)" = "ipsecd multinet_server racoon " ]; }
tables() { on a nft list tables; }

gone() { # pids: none of them runs any longer
	local p
	for p; do case $(cut -d' ' -f3 "/proc/$p/stat" 2>/dev/null) in '' | Z) ;; *) return 1 ;; esac; done
}
kill_one() { # what: master, racoon, ipsec or all
	local pids=
	case $1 in
	master) pids=${DAEMON[a/master]} ;;
	all) pids="${DAEMON[a/master]} $(service_pid a racoon) $(service_pid a ipsec)" ;;
	*) pids=$(service_pid a "$1") ;;
	esac
	case $1 in master | all) disown "${DAEMON[a/master]}" ;; esac
	# shellcheck disable=SC2086
	kill -9 $pids
	# As a service manager does: the next one when the last one is gone, not while it goes.
	wait_for 5 gone $pids
	case $1 in master | all) master a ;; esac
}

topo_howto
configure a $B
configure b $A
master a
master b
wait_for 20 up a || bail "master on a"
wait_for 20 up b || bail "master on b"
setkey_load a < <(policies out in)
setkey_load b < <(policies in out)
ok "traffic brings the tunnel up" wait_for 20 flows
is "one of each program" "$(programs a)" "ipsecd multinet_server racoon "
before=$(tables)

# ---- an ordered restart loses no packet
ip netns exec "${NS}na" ping -q -i 0.01 -c 400 -W 2 172.16.2.10 >"$WORK/flood" 2>&1 &
flood=$!
PIDS+=($flood)
sleep 0.5
held=$(printf 'NOOP\n' | cat - <(sleep 3) | timeout 5 nc -U "$WORK/a/netcontrol.sock" & sleep 0.5
	console a restart >/dev/null; wait)
wait $flood
like "RESTART of the master: no packet is lost" "$(cat "$WORK/flood")" '400 packets transmitted, 400 received'
like "a session is told why it ends" "$held" 'NETCTL-I-RESTARTING'
is "and the services are the same, once" "$(programs a)" "ipsecd multinet_server racoon "

# ---- killed, in rounds
ip netns exec "${NS}nb" ping -q -i 0.05 172.16.1.10 >/dev/null 2>&1 &
PIDS+=($!)
for round in $(seq "$ROUNDS"); do
	for what in $WHAT; do
		began=$(date +%s%N)
		kill_one $what
		wait_for 30 flows
		result $? "round $round: $what killed: traffic flows again by itself"
		note "$what: $((($(date +%s%N) - began) / 1000000)) ms"
		ok "round $round: $what killed: one of each program runs" wait_for 20 one_of_each
		ok "round $round: $what killed: the service answers" wait_for 20 up a
		ok "round $round: $what killed: the SADs agree" wait_for 20 agree
	done
done
# A successor has its own table before it takes the old one away: they bear two names in turn.
is "the guard's tables are those of the beginning" "$(tables | sed s/_2\$//)" "$before"
finish
