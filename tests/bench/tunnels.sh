# tunnels.sh - one tunnel's throughput beside many others', and spread over all; sourced by run.sh.
#
# TUNNELS tunnels (ESP in UDP, AES-GCM), each with its two SAs and policies: traffic over one of them
# while there are no others, over one while all are there, and over all in turn.

TUNNELS=${TUNNELS:-10000} TUNNEL_ROUNDS=${TUNNEL_ROUNDS:-5} TUNNEL_SECONDS=${TUNNEL_SECONDS:-3}
sprayer=$(cd "$bin/../tests" 2>/dev/null && pwd)/spray

many_conf() { # count, direction of the initiator's, direction back
	awk -v n="$1" -v out="$2" -v back="$3" 'BEGIN {
		alg = "-E aes-gcm-16 0x000102030405060708090a0b0c0d0e0f10111213"
		for (i = 0; i < n; i++) {
			host = sprintf("172.20.%d.%d", i / 256, i % 256)
			printf "add 10.2.0.2[4500] 10.2.0.1[4500] esp-udp %d -m tunnel -u %d %s;\n", 65536 + i, i + 1, alg
			printf "add 10.2.0.1[4500] 10.2.0.2[4500] esp-udp %d -m tunnel -u %d %s;\n", 131072 + i, i + 1, alg
			printf "spdadd 172.16.1.1 %s any -P %s ipsec esp/tunnel/10.2.0.2-10.2.0.1/unique:%d;\n", host, out, i + 1
			printf "spdadd %s 172.16.1.1 any -P %s ipsec esp/tunnel/10.2.0.1-10.2.0.2/unique:%d;\n", host, back, i + 1
		}
	}'
}

many_start() { # name, count
	local side
	pair "$1"
	ip -n "$tag-$1-r" route add local 172.20.0.0/16 dev lo
	ip -n "$tag-$1-i" route add 172.20.0.0/16 via 10.2.0.1 src 172.16.1.1
	for side in i r; do
		ipsecd_start "$1" $side
		if [ $side = i ]; then many_conf "$2" out in; else many_conf "$2" in out; fi >"$D/$1-$side/ipsec.conf"
		ours "$1" $side "$bin/setkey" -f "$D/$1-$side/ipsec.conf" || die setkey
	done
	ours "$1" i ping -c 1 -W 3 -I 172.16.1.1 172.20.0.0 >/dev/null || die 'no ping through the first tunnel'
}

tcp_once() { # name: Mbit/s of TCP to the first tunnel's address
	timeout 60 ip netns exec "$tag-$1-r" iperf3 -s -1 -B 172.20.0.0 >/dev/null 2>&1 &
	wait_for 5 heard "$1"
	timeout 60 ip netns exec "$tag-$1-i" iperf3 -J -c 172.20.0.0 -B 172.16.1.1 -t "$TUNNEL_SECONDS" -O 1 >"$D/$1-i/iperf.json" 2>&1
	wait $!
	jq -r '.end.sum_received.bits_per_second / 1e6 // 0' "$D/$1-i/iperf.json"
}
heard() { [ -n "$(ip netns exec "$tag-$1-r" ss -Hltn sport = :5201)" ]; }

spray_once() { # name, how many addresses: Mbit/s received
	ip netns exec "$tag-$1-i" "$sprayer" send 172.16.1.1 172.20.0.0 "$2" 1300 "$((TUNNEL_SECONDS + 2))" >/dev/null &
	sleep 1
	ip netns exec "$tag-$1-r" "$sprayer" sink 9999 "$TUNNEL_SECONDS"
	wait $!
}

bench_tunnels() {
	local round alone=() beside=() spray1=() spray_all=()
	many_start one 1
	many_start all "$TUNNELS"
	for round in $(seq "$TUNNEL_ROUNDS"); do
		alone+=("$(tcp_once one)")
		beside+=("$(tcp_once all)")
		spray1+=("$(spray_once one 1)")
		spray_all+=("$(spray_once all "$TUNNELS")")
	done
	printf 'tunnels    TCP over one, alone %.0f Mbit/s, beside %s others %.0f Mbit/s, ratio %s (%s)\n' "$(median "${alone[@]}")" \
		"$((TUNNELS - 1))" "$(median "${beside[@]}")" "$(ratio "$(median "${beside[@]}")" "$(median "${alone[@]}")")" \
		"$(range "${beside[*]}" "${alone[*]}")"
	printf 'tunnels    UDP over one, alone %.0f Mbit/s, spread over %s %.0f Mbit/s, ratio %s (%s)\n' "$(median "${spray1[@]}")" \
		"$TUNNELS" "$(median "${spray_all[@]}")" "$(ratio "$(median "${spray_all[@]}")" "$(median "${spray1[@]}")")" \
		"$(range "${spray_all[*]}" "${spray1[*]}")"
	contest_end one all
}
