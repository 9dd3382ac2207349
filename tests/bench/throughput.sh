# throughput.sh - TCP and UDP through one tunnel, both ends on this machine; sourced by run.sh.
#
# Contestants: ours with ESP in UDP (what libipsec does too), ours with plain ESP, strongSwan's
# kernel-libipsec, wireguard-go.  STREAMS: tcp, or octets of UDP payload.  ALGORITHMS: gcm cbcsha1 cbcsha256.

ROUNDS=${ROUNDS:-3} STREAM_SECONDS=${STREAM_SECONDS:-3} STREAMS=${STREAMS:-tcp 64 576 1372}
ALGORITHMS=${ALGORITHMS:-gcm cbcsha1 cbcsha256}

# Octets of UDP payload that came out of the tunnel: joined packets have one header.
came_out() { # contestant
	ip -n "$tag-$1-r" -s -j link show type tun | jq '[.[].stats64.rx | .bytes - 28 * .packets] | add // 0'
}

# Mbit/s that the application received; of UDP, what the tunnel handed to its host is left in $D/NAME-carried.
# The two differ by what the application's socket had no room for.
stream() { # contestant, tcp|octets
	local server before how=()
	[ "$2" = tcp ] || how=(-u -b 0 -l "$2")
	before=$(came_out "$1")
	timeout 60 ip netns exec "$tag-$1-r" iperf3 -s -1 -B 172.16.2.1 >/dev/null 2>&1 &
	server=$!
	wait_for 5 listening "$1"
	timeout 60 ip netns exec "$tag-$1-i" iperf3 -J -c 172.16.2.1 -B 172.16.1.1 -t "$STREAM_SECONDS" -O 1 \
		${how[@]+"${how[@]}"} >"$D/$1-i/iperf.json" 2>"$D/$1-i/iperf.err" ||
		{ kill $server; die "$1: iperf3: $(jq -r .error "$D/$1-i/iperf.json")"; }
	wait $server
	awk -v n=$(($(came_out "$1") - before)) -v s=$((STREAM_SECONDS + 1)) 'BEGIN {print n * 8 / s / 1e6}' >"$D/$1-carried"
	# Of UDP, what was sent less what was lost.
	jq -r '.end | ((.sum_received.bits_per_second // .sum.bits_per_second // 0) *
		(if .sum_received.bytes then 1 else 1 - (.sum.lost_percent // 0) / 100 end)) / 1e6' "$D/$1-i/iperf.json"
}
listening() { [ -n "$(ip netns exec "$tag-$1-r" ss -Hltn sport = :5201)" ]; }

ours_tunnel() { # name, esp|esp-udp, setkey's algorithms
	local side port=
	[ "$2" = esp ] || port='[4500]'
	for side in i r; do
		ipsecd_start "$1" $side
		{
			echo "add 10.2.0.2$port 10.2.0.1$port $2 0x1001 -m tunnel -r 64 $3;"
			echo "add 10.2.0.1$port 10.2.0.2$port $2 0x1002 -m tunnel -r 64 $3;"
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

wireguard_side() { # name side own-address peer-address own-subnet peer-subnet peer's side
	local ns=$tag-$1-$2 d=$D/$1-$2
	# One socket directory for all namespaces: names differ by side and run.
	ip netns exec "$ns" env LOG_LEVEL=error wireguard-go -f "wg$$$2" >"$d/out" 2>&1 &
	wait_for 5 test -S "/var/run/wireguard/wg$$$2.sock" || die 'wireguard-go does not start'
	wg set "wg$$$2" listen-port 51820 private-key "$d/key" peer "$(cat "$D/$1-$7/pub")" \
		allowed-ips "$6" endpoint "$4:51820" || die 'wg set'
	ip -n "$ns" link set "wg$$$2" mtu 1400 up
	ip -n "$ns" route replace "$6" dev "wg$$$2" src "$5"
}
wireguard_tunnel() { # name
	local side
	for side in i r; do
		(umask 077; wg genkey >"$D/$1-$side/key"; wg pubkey <"$D/$1-$side/key" >"$D/$1-$side/pub")
	done
	wireguard_side "$1" i 10.2.0.2 10.2.0.1 172.16.1.1 172.16.2.0/24 r
	wireguard_side "$1" r 10.2.0.1 10.2.0.2 172.16.2.1 172.16.1.0/24 i
	wait_for 5 ip netns exec "$tag-$1-i" ping -c 1 -W 1 -I 172.16.1.1 172.16.2.1 || die 'no ping through wireguard-go'
}

line() { # what, unit, name, figures, figures of libipsec
	local a b
	a=$(median $4) b=$(median $5)
	printf 'throughput %-10s %-5s %-14s %7.0f %s, of libipsec %s (%s)\n' "${1% *}" "${1#* }" "$3" "$a" "$2" \
		"$(ratio "$a" "$b")" "$(range "$4" "$5")"
}

contest() { # algorithm, setkey's, strongSwan's
	local kind round c what
	local -A got carried
	pair "u$1" && ours_tunnel "u$1" esp-udp "$2"
	pair "e$1" && ours_tunnel "e$1" esp "$2"
	pair "s$1" && libipsec_tunnel "s$1" "$3"
	what="u e s"
	if command -v wireguard-go >/dev/null; then
		pair "w$1" && wireguard_tunnel "w$1"
		what="u e s w"
	fi
	for kind in $STREAMS; do
		got=() carried=()
		for round in $(seq "$ROUNDS"); do
			for c in $what; do
				got[$c]+=" $(stream "$c$1" "$kind")" || exit
				carried[$c]+=" $(cat "$D/$c$1-carried")"
			done
		done
		lines "$1 $kind" Mbit/s got
		[ "$kind" = tcp ] || lines "$1 $kind" carried carried
	done
	for c in $what; do contest_end "$c$1"; done
}
lines() { # what, unit, name of the figures
	local -n of=$3
	line "$1" "$2" 'ipsecd, UDP' "${of[u]}" "${of[s]}"
	line "$1" "$2" 'ipsecd, ESP' "${of[e]}" "${of[s]}"
	[ -z "${of[w]:-}" ] || line "$1" "$2" 'wireguard-go' "${of[w]}" "${of[s]}"
	line "$1" "$2" 'libipsec' "${of[s]}" "${of[s]}"
}

bench_throughput() {
	local name ours_algorithms theirs_algorithms
	while IFS='|' read -r name ours_algorithms theirs_algorithms; do
		case " $ALGORITHMS " in *" $name "*) contest "$name" "$ours_algorithms" "$theirs_algorithms" </dev/null ;; esac
	done <<-'T'
	gcm|-E aes-gcm-16 0x000102030405060708090a0b0c0d0e0f10111213|aes128gcm16
	cbcsha1|-E aes-cbc 0x000102030405060708090a0b0c0d0e0f -A hmac-sha1 0x000102030405060708090a0b0c0d0e0f10111213|aes128-sha1
	cbcsha256|-E aes-cbc 0x000102030405060708090a0b0c0d0e0f -A hmac-sha256 0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f|aes128-sha256
	T
}
