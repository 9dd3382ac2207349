# latency.sh - main + quick mode, from the first datagram to the last on the wire; sourced by run.sh.

LATENCY_ROUNDS=${LATENCY_ROUNDS:-15}

one_conf() { # side, our address, the peer's, group
	local in=in out=out
	cat >"$D/$1/racoon.conf" <<-C
	path pre_shared_key "$D/$1/psk.txt";
	remote $3 {
		exchange_mode main;
		proposal { encryption_algorithm aes 128; hash_algorithm sha1; authentication_method pre_shared_key; dh_group $4; }
	}
	sainfo anonymous { encryption_algorithm aes 128; authentication_algorithm hmac_sha1; compression_algorithm deflate; }
	C
	(umask 077; echo "$3 simple psk" >"$D/$1/psk.txt")
	[ "$2" = 10.2.0.2 ] || { in=out; out=in; }
	cat >"$D/$1/ipsec.conf" <<-C
	spdadd 172.16.1.0/24 172.16.2.0/24 any -P $out ipsec esp/tunnel/10.2.0.2-10.2.0.1/require;
	spdadd 172.16.2.0/24 172.16.1.0/24 any -P $in ipsec esp/tunnel/10.2.0.1-10.2.0.2/require;
	C
}

# capture NAME COMMAND…: milliseconds between the first and the last IKE datagram it causes
capture() {
	local ns=$tag-$1-r file=$D/$1-r/wire
	shift
	rm -f "$file"
	ip netns exec "$ns" tcpdump --immediate-mode -Z root -U -lnntt -i vr0 'udp port 500 or udp port 4500' >"$file" 2>/dev/null &
	local dump=$!
	sleep 0.3
	"$@" >/dev/null 2>&1 || say "failed: $*"
	sleep 0.2
	kill $dump
	wait $dump 2>/dev/null
	grep -v 'isakmp: phase 2/others . inf' "$file" | awk '{t = $1} NR == 1 {first = t} END {printf "%.2f\n", (t - first) * 1000}'
}

bench_latency() {
	local group round ours theirs
	for group in modp1024 modp2048; do
		local o=ol$group s=sl$group
		pair $o
		pair $s
		one_conf $o-i 10.2.0.2 10.2.0.1 $group
		one_conf $o-r 10.2.0.1 10.2.0.2 $group
		for side in i r; do
			ipsecd_start $o $side
			ours $o $side "$bin/setkey" -f "$D/$o-$side/ipsec.conf" || die setkey
			racoon_start $o $side
		done
		swan_start "$tag-$s-i" "$D/$s-i" "$(libipsec_conf 10.2.0.2 10.2.0.1 172.16.1.1/32 172.16.2.1/32 aes128-sha1 |
			sed "s/modp2048/$group/")" 'kernel-libipsec { load = yes }' || die charon
		swan_start "$tag-$s-r" "$D/$s-r" "$(libipsec_conf 10.2.0.1 10.2.0.2 172.16.2.1/32 172.16.1.1/32 aes128-sha1 |
			sed "s/modp2048/$group/")" 'kernel-libipsec { load = yes }' || die charon
		ours=() theirs=()
		for round in $(seq "$LATENCY_ROUNDS"); do
			ours+=("$(capture $o ours $o i "$bin/netcontrol" /SOCKET="$D/$o-i/racoon.ctl" establish/child 10.2.0.1)")
			ours $o i "$bin/netcontrol" /SOCKET="$D/$o-i/racoon.ctl" flush >/dev/null
			theirs+=("$(capture $s swan "$tag-$s-i" "$D/$s-i" --initiate --child net)")
			swan "$tag-$s-i" "$D/$s-i" --terminate --ike t >/dev/null
		done
		printf 'latency %-8s racoon %6.2f ms, charon %6.2f ms, ratio %s (smaller is better)\n' $group \
			"$(median "${ours[@]}")" "$(median "${theirs[@]}")" \
			"$(ratio "$(median "${ours[@]}")" "$(median "${theirs[@]}")")"
		swan_stop "$D/$s-i"
		swan_stop "$D/$s-r"
	done
}
