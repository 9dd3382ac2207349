#!/bin/bash
# demo.sh - the main job, shown as an operator would do it.
#
# Two hosts (192.168.1.100 and 192.168.2.100, a router between them, 172.16.1.0/24 and
# 172.16.2.0/24 behind them) with the racoon.conf, psk.txt and setkey.conf of the IPsec HOWTO, each
# with a master server that hosts RACOON and the embedded IPsec engine.  Every host is a process
# with a network and mount namespace of its own; all of it is gone at the end.  Exits with 1 at the
# first step that differs from what it should show.
set -u
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build}
bin=$(cd "$BUILD/bin" && pwd) com=$PWD/com
work=$(mktemp -d "${TMPDIR:-/tmp}/multinet-demo.XXXXXX")
tag=demo$$
declare -A pid
step=0

say() { printf '\n\033[1m%2d. %s\033[0m\n' $((++step)) "$*"; }
show() { sed 's/^/      /'; }
fail() {
	printf '\n*** step %d: %s\n' "$step" "$*"
	for host in a b; do
		for file in "$work/$host"/log/*; do
			[ -s "$file" ] && { echo "--- $file"; tail -n 25 "$file"; }
		done
	done
	exit 1
}

# ------------------------------------------------------------------------------------- hosts
host_new() { # name: a process that holds a network and a mount namespace with its own /run and /etc
	local host=$1
	mkdir -p "$work/$host/etc" "$work/$host/log"
	cp -a /etc/. "$work/$host/etc/" 2>/dev/null
	unshare --net --mount --propagation private sh -c '
		mount --bind "$0/etc" /etc && mount -t tmpfs tmpfs /run && mkdir -p /run/multinet &&
		ip link set lo up && sysctl -qw net.ipv4.ip_forward=1 && echo up >"$0/up" && exec sleep 900' \
		"$work/$host" &
	pid[$host]=$!
	for _ in $(seq 100); do [ -s "$work/$host/up" ] && return; sleep 0.05; done
	fail "namespaces cannot be made (root is needed)"
}
on() { # host command…
	local host=$1
	shift
	nsenter -t "${pid[$host]}" --net --mount env PATH="$bin:/usr/sbin:/usr/bin:/sbin:/bin" \
		MULTINET=/etc/multinet HOME=/root TERM=dumb "$@"
}
link() { # host address host address: a cable with an end in each
	ip link add "$tag-x" netns "${pid[$1]}" type veth peer name "$tag-y" netns "${pid[$3]}" || fail "no veth"
	on "$1" ip link set "$tag-x" name "to-$3"
	on "$3" ip link set "$tag-y" name "to-$1"
	on "$1" ip addr add "$2" dev "to-$3"
	on "$3" ip addr add "$4" dev "to-$1"
	on "$1" ip link set "to-$3" up
	on "$3" ip link set "to-$1" up
}
typed() { # host command…: shown as typed on that host, output kept in $out
	local host=$1 rc
	shift
	printf '   [%s]$ %s\n' "${title[$host]}" "$*"
	out=$(on "$host" "$@" 2>&1)
	rc=$?
	[ -z "$out" ] || printf '%s\n' "$out" | show
	return $rc
}
must() { # pattern…: each must appear in what the last command showed
	local pattern
	for pattern; do
		printf '%s\n' "$out" | grep -qE -- "$pattern" || fail "expected to see: $pattern"
	done
}
must_not() { ! printf '%s\n' "$out" | grep -qE -- "$1" || fail "did not expect: $1"; }
eventually() { # seconds command…
	local end=$(($(date +%s) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -le "$end" ] || return 1
		sleep 0.2
	done
}
cleanup() {
	local host
	trap - EXIT INT TERM
	for host in a b; do
		[ -z "${pid[$host]:-}" ] || on "$host" netcontrol @"$com/stop_server.com" >/dev/null 2>&1
	done
	[ -z "${dump:-}" ] || kill "$dump" 2>/dev/null
	for host in "${!pid[@]}"; do kill "${pid[$host]}" 2>/dev/null; wait "${pid[$host]}" 2>/dev/null; done
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

declare -A title=([a]=192.168.1.100 [b]=192.168.2.100 [ca]=172.16.1.10 [cb]=172.16.2.10 [r]=router)
for host in a b r ca cb; do host_new $host; done
link a 192.168.1.100/24 r 192.168.1.1/24
link b 192.168.2.100/24 r 192.168.2.1/24
link a 172.16.1.1/24 ca 172.16.1.10/24
link b 172.16.2.1/24 cb 172.16.2.10/24
on a ip route add default via 192.168.1.1
on b ip route add default via 192.168.2.1
on ca ip route add default via 172.16.1.1
on cb ip route add default via 172.16.2.1

# the HOWTO's files; the other host has them with the addresses exchanged
swap='s/192\.168\.1\.100/@A/g; s/192\.168\.2\.100/192.168.1.100/g; s/@A/192.168.2.100/g
	s/172\.16\.1\./@N/g; s/172\.16\.2\./172.16.1./g; s/@N/172.16.2./g'
for host in a b; do
	etc=$work/$host/etc
	mkdir -p "$etc/multinet"
	cp tests/system/howto/racoon.conf "$etc/multinet/racoon.conf"
	cp tests/system/howto/setkey.conf "$etc/multinet/ipsec.conf"
	cp com/services.master_server "$etc/multinet/"
	cp tests/system/howto/psk.txt "$etc/psk.txt"
	if [ $host = b ]; then
		sed -i "$swap" "$etc/multinet/racoon.conf" "$etc/multinet/ipsec.conf" "$etc/psk.txt"
	fi
	chmod 600 "$etc/psk.txt"
	rm -f "$etc/multinet/peers.dat"
done

# ------------------------------------------------------------------------------------- the show
say 'The configuration of 192.168.1.100: racoon.conf and the policies, as the IPsec HOWTO prints them'
show <"$work/a/etc/multinet/racoon.conf"
show <"$work/a/etc/multinet/ipsec.conf"
typed a racoon -t -f multinet:racoon.conf || fail 'racoon -t'

say 'Start the master server on both hosts: RACOON, the IPsec engine, the policies'
for host in a b; do
	typed $host netcontrol @"$com/start_server.com" || fail 'start_server.com'
done
typed a netcontrol show || fail 'SHOW'
must 'RACOON.*(running|RUNNING)' 'IPSEC.*(running|RUNNING)'

say 'What goes over the wire between the two, from now on'
on r tcpdump --immediate-mode -Z root -U -lnni any 'host 192.168.1.100 or host 172.16.1.10' \
	>"$work/wire" 2>/dev/null &
dump=$!
eventually 5 test -e "$work/wire"
sleep 0.5

say 'Prime the peer: phase 1 only'
typed a netcontrol racoon establish 192.168.2.100 || fail 'ESTABLISH'
must '%RACOON-S-NORMAL'

say 'SHOW on both sides: one ISAKMP SA, the same cookies'
typed a netcontrol racoon show isakmp || fail 'SHOW'
must '192\.168\.2\.100'
cookie=$(printf '%s\n' "$out" | grep -oE '[0-9a-f]{16}:[0-9a-f]{16}' | head -n 1)
typed b netcontrol racoon show isakmp || fail 'SHOW'
must "$cookie"

say 'A ping from subnet to subnet: the first packet asks for IPsec SAs, then all of them go as ESP'
typed ca ping -c 4 -i 0.4 -W 5 172.16.2.10 || fail 'ping'
must ' [34] received|4 packets transmitted, 4 received'
sleep 0.3
out=$(grep -E 'ESP\(spi' "$work/wire" | head -n 4)
printf '   [router]$ tcpdump\n'
printf '%s\n' "$out" | show
must 'IP 192\.168\.1\.100 > 192\.168\.2\.100: ESP\(spi=0x[0-9a-f]+,seq=0x1\)'
out=$(grep -E '172\.16\.' "$work/wire")
[ -z "$out" ] || fail 'packets of the subnets crossed in clear'

say 'The databases'
typed a setkey -D || fail 'setkey -D'
must 'esp mode=tunnel spi=' 'E: 3des-cbc' 'A: hmac-md5' 'state=mature'
typed a setkey -DP || fail 'setkey -DP'
must 'esp/tunnel/192\.168\.1\.100-192\.168\.2\.100/require'
typed b netcontrol racoon show ipsec || fail 'SHOW IPSEC'

say 'FLUSH: the peer is told, both ends forget'
typed a netcontrol racoon flush || fail 'FLUSH'
eventually 5 sh -c "! nsenter -t ${pid[b]} --net --mount $bin/setkey -D | grep -q mature" || fail 'the peer kept its SAs'
typed b setkey -D
must 'No SAD entries'

say '… and the next packet brings the tunnel up again by itself'
typed ca ping -c 3 -i 0.4 -W 8 172.16.2.10 || fail 'ping'
typed a netcontrol racoon show ipsec || fail 'SHOW IPSEC'
must '172\.16\.2\.'

say 'Kill racoon: not running is said at once, the supervisor brings it back, traffic recovers'
racoon_pid=$(on a netcontrol show racoon | sed -n 's/.*Process: *pid *//p')
[ -n "$racoon_pid" ] || fail 'SHOW RACOON does not tell the process'
printf '   [192.168.1.100]$ kill -9 %s\n' "$racoon_pid"
kill -9 "$racoon_pid"
sleep 0.1
typed a netcontrol racoon show
must 'NOTRUNNING|not running'
eventually 15 sh -c "nsenter -t ${pid[a]} --net --mount $bin/netcontrol racoon show isakmp" || fail 'racoon did not come back'
eventually 20 sh -c "nsenter -t ${pid[ca]} --net ping -c 1 -W 2 172.16.2.10" || fail 'traffic did not recover'
typed ca ping -c 2 -i 0.4 -W 5 172.16.2.10 || fail 'ping'

say 'SHUTDOWN of RACOON on both hosts: peers are told, own SAs are removed, policies stay'
typed a netcontrol racoon shutdown || fail 'SHUTDOWN'
typed b netcontrol racoon shutdown || fail 'SHUTDOWN'
for host in a b; do
	typed $host setkey -D
	must 'No SAD entries'
done

say 'Stop the master servers'
for host in a b; do
	typed $host netcontrol @"$com/stop_server.com" || fail 'stop_server.com'
done
out=$(on a ip rule; on a ip link)
must_not 'fwmark|mnipsec'
printf '\nDone: everything was as it should be.\n'
