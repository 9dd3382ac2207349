# latency.sh - main + quick mode, from the first datagram to the last on the wire; sourced by run.sh.

LATENCY_ROUNDS=${LATENCY_ROUNDS:-25}

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

# The nine messages of main and quick mode; INITIAL-CONTACT and Deletes do not count.
exchange_lines() { grep -cE 'isakmp: phase (1 . ident|2/others . oakley-quick)' "$D/$1-r/wire"; }
has_lines() { [ "$(exchange_lines "$1")" -ge "$2" ]; }

# watch NAME: tcpdump at the responder's end of that pair, for all rounds
watch() {
	ip netns exec "$tag-$1-r" tcpdump --immediate-mode -Z root -U -lnntt -i vr0 \
		'udp port 500 or udp port 4500' >"$D/$1-r/wire" 2>"$D/$1-r/tcpdump" &
	wait_for 10 grep -q 'listening on' "$D/$1-r/tcpdump" || die 'tcpdump does not start'
}

# exchange NAME COMMAND…: milliseconds between the first and the last IKE message that it causes
exchange() {
	local name=$1 before
	before=$(exchange_lines "$name")
	shift
	"$@" >"$D/$name-i/exchange" 2>&1 || { tail -n 3 "$D/$name-i/exchange" >&2; die "failed: $*"; }
	wait_for 5 has_lines "$name" $((before + 9)) || die "$name: fewer than nine messages on the wire"
	grep -E 'isakmp: phase (1 . ident|2/others . oakley-quick)' "$D/$name-r/wire" |
		awk -v skip="$before" 'NR == skip + 1 {first = $1} {last = $1} END {printf "%.2f\n", (last - first) * 1000}'
}

latency_swan() { # name, group
	local theirs
	theirs=$(libipsec_conf 10.2.0.2 10.2.0.1 172.16.1.1/32 172.16.2.1/32 aes128-sha1)
	swan_start "$tag-$1-i" "$D/$1-i" "${theirs//modp2048/$2}" 'kernel-libipsec { load = yes }' || die charon
	theirs=$(libipsec_conf 10.2.0.1 10.2.0.2 172.16.2.1/32 172.16.1.1/32 aes128-sha1)
	swan_start "$tag-$1-r" "$D/$1-r" "${theirs//modp2048/$2}" 'kernel-libipsec { load = yes }' || die charon
}
latency_ours() { # name, group
	local side
	one_conf "$1-i" 10.2.0.2 10.2.0.1 "$2"
	one_conf "$1-r" 10.2.0.1 10.2.0.2 "$2"
	for side in i r; do
		ipsecd_start "$1" $side
		ours "$1" $side "$bin/setkey" -f "$D/$1-$side/ipsec.conf" || die setkey
		racoon_start "$1" $side
	done
}

bench_latency() {
	local group round ours theirs o s one
	for group in modp1024 modp2048; do
		o=ol$group s=sl$group
		pair $o
		pair $s
		latency_ours $o $group
		latency_swan $s $group
		watch $o
		watch $s
		ours=() theirs=()
		for round in $(seq "$LATENCY_ROUNDS"); do
			one=$(exchange $o ours $o i "$bin/netcontrol" /SOCKET="$D/$o-i/racoon.ctl" establish/child 10.2.0.1) || exit
			ours+=("$one")
			ours $o i "$bin/netcontrol" /SOCKET="$D/$o-i/racoon.ctl" flush >/dev/null 2>&1
			one=$(exchange $s swan "$tag-$s-i" "$D/$s-i" --initiate --child net) || exit
			theirs+=("$one")
			swan "$tag-$s-i" "$D/$s-i" --terminate --ike t >/dev/null 2>&1
		done
		printf 'latency %-8s racoon %6.2f ms, charon %6.2f ms, ratio %s (%s), smaller is better\n' $group \
			"$(median "${ours[@]}")" "$(median "${theirs[@]}")" \
			"$(ratio "$(median "${ours[@]}")" "$(median "${theirs[@]}")")" "$(range "${ours[*]}" "${theirs[*]}")"
		contest_end $o $s
	done
}
