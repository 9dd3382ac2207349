#!/bin/bash
# run.sh FILE - hostile datagrams against a live racoon and ipsecd (sanitizer build).  TAP.
#
# Two network namespaces: the peer (192.168.1.100, and 192.168.1.66 for the attacker) and the victim
# (192.168.1.200), each with ipsecd and racoon in the foreground.  After each datagram the peer
# negotiates with the victim.  Needs root.  BUILD: where the programs are.
set -u
export MULTINET_IPSEC_BACKEND=engine # whatever this kernel has
cd "$(dirname "$0")/../.." || exit 1
FILE=$(readlink -f "${1:-tests/vectors/hostile-datagrams/datagrams.json}")
BUILD=${BUILD:-build/san}
if [ "$(id -u)" != 0 ]; then
	echo "ok - hostile # SKIP needs root"
	exit 0
fi
id=mnh$$
dir=$(mktemp -d) || exit 1
pids=
cleanup() {
	trap - EXIT INT TERM
	# shellcheck disable=SC2086
	[ -z "$pids" ] || kill $pids 2>/dev/null
	sleep 0.3
	ip netns del ${id}p 2>/dev/null
	ip netns del ${id}v 2>/dev/null
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

network() {
	ip netns add ${id}p && ip netns add ${id}v &&
		ip -n ${id}p link add eth0 type veth peer name eth0 netns ${id}v &&
		ip -n ${id}p addr add 192.168.1.100/24 dev eth0 && ip -n ${id}p addr add 192.168.1.66/24 dev eth0 &&
		ip -n ${id}v addr add 192.168.1.200/24 dev eth0 || return 1
	for ns in ${id}p ${id}v; do
		ip -n "$ns" link set lo up && ip -n "$ns" link set eth0 up || return 1
	done
}

conf() { # name, peer address
	cat >"$dir/$1.conf" <<C
path pre_shared_key "$dir/$1.psk";
timer { counter 5; interval 3 sec; persend 1; phase1 10 sec; phase2 10 sec; }
remote $2 {
	exchange_mode main;
	my_identifier address;
	proposal { encryption_algorithm aes 128; hash_algorithm sha1; authentication_method pre_shared_key; dh_group 2; }
}
remote anonymous {
	exchange_mode main;
	lifetime time 8 hour;
	proposal { encryption_algorithm aes 128; hash_algorithm sha1; authentication_method pre_shared_key; dh_group 2; }
}
sainfo anonymous {
	encryption_algorithm aes 128;
	authentication_algorithm hmac_sha1;
	compression_algorithm deflate;
}
C
	printf '%s a-shared-secret\n' "$2" 192.168.1.66 >"$dir/$1.psk"
	chmod 600 "$dir/$1.psk"
}

policies() { # name, own address, peer address
	cat >"$dir/$1.spd" <<C
spdadd $2 $3 icmp -P out ipsec esp/transport//require;
spdadd $3 $2 icmp -P in ipsec esp/transport//require;
C
}

wait_for() { # socket
	for _ in $(seq 150); do
		[ -S "$1" ] && return 0
		sleep 0.1
	done
	echo "# $1 did not appear"
	return 1
}

host() { # name, own address, peer address
	local ns=$id$1
	conf "$1" "$3"
	policies "$1" "$2" "$3"
	MULTINET_IPSEC_SOCKET=$dir/$1.pfkey ip netns exec "$ns" "$BUILD/bin/ipsecd" -F -s "$dir/$1.pfkey" \
		-c "$dir/$1.ipsec" >"$dir/$1.ipsecd.log" 2>&1 &
	pids="$pids $!"
	wait_for "$dir/$1.ipsec" && wait_for "$dir/$1.pfkey" || return 1
	MULTINET_IPSEC_SOCKET=$dir/$1.pfkey ip netns exec "$ns" "$BUILD/bin/setkey" -f "$dir/$1.spd" || return 1
	MULTINET_IPSEC_SOCKET=$dir/$1.pfkey ip netns exec "$ns" "$BUILD/bin/racoon" -F -f "$dir/$1.conf" \
		-S "$dir/$1.pfkey" -s "$dir/$1.racoon" >"$dir/$1.racoon.log" 2>&1 &
	pids="$pids $!"
	wait_for "$dir/$1.racoon"
}

logs() {
	for log in "$dir"/*.log; do
		echo "# --- ${log##*/}"
		tail -n 25 "$log" | sed 's/^/# /'
	done
}

if ! network || ! host v 192.168.1.200 192.168.1.100 || ! host p 192.168.1.100 192.168.1.200; then
	logs
	echo "not ok - hostile: the two hosts do not start"
	exit 1
fi
ip netns exec ${id}p "$BUILD/tests/hostile" "$FILE" --target 192.168.1.200 --source 192.168.1.66 \
	--racoon "$dir/v.racoon" --ipsec "$dir/v.ipsec" --peer "$dir/p.racoon" >"$dir/tap"
rc=$?
cat "$dir/tap"
[ $rc = 0 ] || { echo "not ok - hostile: ended with status $rc"; logs; }
grep -q '^not ok' "$dir/tap" && logs
# what the engine refused is counted, and the operator is told which condition explains it
"$BUILD/bin/netcontrol" -s "$dir/v.ipsec" show counters >"$dir/counters" 2>&1
want=$(grep -cE '"file": *"(esp|ah|ipcomp)-' "$FILE")
got=$(awk '/HELP\/MESSAGE/ { for (i = 1; i <= NF; i++) if ($i == "HELP/MESSAGE") n += $(i - 1) } END { print n + 0 }' \
	"$dir/counters")
if [ "$want" -gt 0 ] && [ "$got" -ge "$want" ] && grep -qE 'SPI 0x0*1000|packet is malformed|no such SA' "$dir/v.ipsecd.log"; then
	echo "ok - hostile: $got packets for IPsec are counted by cause, and logged"
else
	sed 's/^/# /' "$dir/counters"
	echo "not ok - hostile: $got packets for IPsec are counted, $want were sent"
fi
# protected traffic, after all that
if ip netns exec ${id}p ping -c 3 -i 0.3 -W 5 192.168.1.200 >"$dir/ping" 2>&1; then
	echo "ok - hostile: a ping is protected afterwards"
else
	sed 's/^/# /' "$dir/ping"
	echo "not ok - hostile: no ping afterwards"
fi
# end the daemons and see whether the sanitizers have something to say
# shellcheck disable=SC2086
kill -TERM $pids 2>/dev/null
for pid in $pids; do wait "$pid" 2>/dev/null; done
pids=
if grep -lE 'ERROR: (Address|Leak)Sanitizer|runtime error:' "$dir"/*.log >"$dir/bad"; then
	while read -r log; do sed 's/^/# /' "$log" | grep -A 30 -E 'Sanitizer|runtime error'; done <"$dir/bad"
	echo "not ok - hostile: sanitizers found something"
else
	echo "ok - hostile: nothing from the sanitizers"
fi
! grep -q '^not ok' "$dir/tap"
