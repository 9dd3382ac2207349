# throughput.sh - one TCP stream through one tunnel, both ends on this machine; sourced by run.sh.

ROUNDS=${ROUNDS:-5} STREAM_SECONDS=${STREAM_SECONDS:-4}

stream() { # contestant: Mbit/s received
	local server
	timeout 60 ip netns exec "$tag-$1-r" iperf3 -s -1 -B 172.16.2.1 >/dev/null 2>&1 &
	server=$!
	wait_for 5 listening "$1"
	timeout 60 ip netns exec "$tag-$1-i" iperf3 -J -c 172.16.2.1 -B 172.16.1.1 -t "$STREAM_SECONDS" -O 1 >"$D/$1-i/iperf.json" 2>&1 ||
		{ kill $server; die "$1: iperf3: $(jq -r .error "$D/$1-i/iperf.json")"; }
	wait $server
	jq -r '.end.sum_received.bits_per_second / 1e6 // 0' "$D/$1-i/iperf.json"
}
listening() { [ -n "$(ip netns exec "$tag-$1-r" ss -Hltn sport = :5201)" ]; }

ours_tunnel() { # name, setkey's algorithms
	local side
	for side in i r; do
		ipsecd_start "$1" $side
		{
			echo "add 10.2.0.2 10.2.0.1 esp 0x1001 -m tunnel -r 64 $2;"
			echo "add 10.2.0.1 10.2.0.2 esp 0x1002 -m tunnel -r 64 $2;"
			local out=out in=in
			[ $side = i ] || { out=in; in=out; }
			echo "spdadd 172.16.1.0/24 172.16.2.0/24 any -P $out ipsec esp/tunnel/10.2.0.2-10.2.0.1/require;"
			echo "spdadd 172.16.2.0/24 172.16.1.0/24 any -P $in ipsec esp/tunnel/10.2.0.1-10.2.0.2/require;"
		} >"$D/$1-$side/ipsec.conf"
		ours "$1" $side "$bin/setkey" -f "$D/$1-$side/ipsec.conf" || die 'setkey'
	done
	ours "$1" i ping -c 1 -W 3 -I 172.16.1.1 172.16.2.1 >/dev/null || die 'no ping through our tunnel'
}

libipsec_tunnel() { # name, ESP proposal
	swan_start "$tag-$1-i" "$D/$1-i" "$(libipsec_conf 10.2.0.2 10.2.0.1 172.16.1.1/32 172.16.2.1/32 "$2")" \
		'kernel-libipsec { load = yes }' || die charon
	swan_start "$tag-$1-r" "$D/$1-r" "$(libipsec_conf 10.2.0.1 10.2.0.2 172.16.2.1/32 172.16.1.1/32 "$2")" \
		'kernel-libipsec { load = yes }' || die charon
	swan "$tag-$1-i" "$D/$1-i" --initiate --child net >/dev/null || die 'charon negotiates'
	ip netns exec "$tag-$1-i" ping -c 1 -W 3 -I 172.16.1.1 172.16.2.1 >/dev/null || die 'no ping through libipsec'
	ip -n "$tag-$1-i" route get 172.16.2.1 from 172.16.1.1 | grep -q ' dev ipsec' || die 'charon set no route to its tunnel'
}

bench_throughput() {
	local name ours theirs round one ours_algorithms theirs_algorithms
	while IFS='|' read -r name ours_algorithms theirs_algorithms; do
		pair "o$name"
		pair "s$name"
		ours_tunnel "o$name" "$ours_algorithms"
		libipsec_tunnel "s$name" "$theirs_algorithms"
		ours=() theirs=()
		for round in $(seq "$ROUNDS"); do
			one=$(stream "o$name") || exit
			ours+=("$one")
			one=$(stream "s$name") || exit
			theirs+=("$one")
		done
		printf 'throughput %-8s ipsecd %7.0f Mbit/s, libipsec %7.0f Mbit/s, ratio %s (%s)\n' "$name" \
			"$(median "${ours[@]}")" "$(median "${theirs[@]}")" \
			"$(ratio "$(median "${ours[@]}")" "$(median "${theirs[@]}")")" "$(range "${ours[*]}" "${theirs[*]}")"
		contest_end "o$name" "s$name"
	done <<-'T'
	gcm|-E aes-gcm-16 0x000102030405060708090a0b0c0d0e0f10111213|aes128gcm16
	cbcsha1|-E aes-cbc 0x000102030405060708090a0b0c0d0e0f -A hmac-sha1 0x000102030405060708090a0b0c0d0e0f10111213|aes128-sha1
	T
}
