# bulk.sh - 100,000 SAs and 100,000 policies: load, dump, flush, memory, and what they cost a packet;
# sourced by run.sh.
#
# The engine keeps both; of the kernel, the policies alone (a kernel without ESP takes no SAs), against
# `ip -batch` and `ip xfrm` on the same NETLINK_XFRM in the same run.

BULK=${BULK:-100000} BULK_ROUNDS=${BULK_ROUNDS:-3}

# Addresses 10.64.0.0 upwards, one a policy and an SA pair; none of them is ever sent anything.
bulk_files() {
	awk -v n="$BULK" -v sa="$D/sas.conf" -v sp="$D/policies.conf" -v batch="$D/policies.batch" 'BEGIN {
		for (i = 0; i < n; i++) {
			peer = sprintf("10.%d.%d.%d", 64 + int(i / 65536), int(i / 256) % 256, i % 256)
			printf "add 10.2.0.2 %s esp 0x%x -m tunnel -E aes-gcm-16 0x%040x;\n", peer, 65536 + i, i >sa
			printf "spdadd 172.16.1.0/24 %s/32 any -P out ipsec esp/tunnel/10.2.0.2-%s/require;\n", peer, peer >sp
			printf "xfrm policy add src 172.16.1.0/24 dst %s/32 dir out priority 2147483648 " \
				"tmpl src 10.2.0.2 dst %s proto esp mode tunnel level required\n", peer, peer >batch
		}
	}'
}

seconds() { # command…: wall time
	local from to
	from=$(date +%s%N)
	"$@" >"$D/bulk.out" 2>"$D/bulk.err" || { head -n 3 "$D/bulk.err" >&2; die "$*"; }
	to=$(date +%s%N)
	awk -v ns=$((to - from)) 'BEGIN {printf "%.3f", ns / 1e9}'
}
counted() { # how many lines of the last command's output begin so
	[ "$(grep -c "$1" "$D/bulk.out")" = "$BULK" ] || die "a dump has $(grep -c "$1" "$D/bulk.out") entries, not $BULK"
}
per_entry() { awk -v kb="$1" -v n="$BULK" 'BEGIN {printf "%.0f", kb * 1024 / n}'; }

bulk_engine() {
	local pid before after load dump flush what
	pair bulk
	ipsecd_start bulk i
	pid=$(ip netns pids "$tag-bulk-i")
	for what in sas policies; do
		before=$(rss_kb "$pid")
		load=$(seconds ours bulk i "$bin/setkey" -B engine -f "$D/$what.conf") || exit
		after=$(rss_kb "$pid")
		if [ $what = sas ]; then
			dump=$(seconds ours bulk i "$bin/setkey" -B engine -D) || exit
			counted '^10\.2\.0\.2 10\.'
			flush=$(seconds ours bulk i "$bin/setkey" -B engine -F) || exit
		else
			dump=$(seconds ours bulk i "$bin/setkey" -B engine -DP) || exit
			counted '^172\.16\.1\.0/24'
			flush=$(seconds ours bulk i "$bin/setkey" -B engine -FP) || exit
		fi
		printf 'bulk engine %-8s %d: load %s s, dump %s s, flush %s s, %s bytes each\n' $what "$BULK" \
			"$load" "$dump" "$flush" "$(per_entry $((after - before)))"
	done
	contest_end bulk
}

# What a packet costs in the engine, in nanoseconds out and in, with one SA and with all of them.
bulk_lookup() {
	local program=$bin/../tests/eng_bench
	[ -x "$program" ] || { say 'bulk: no look-up, tests/eng_bench was not built'; return; }
	"$program" 400000 "$BULK" aes-gcm-16 | awk '$2 == 64 {
		for (i = 1; i <= NF; i++) {
			if ($i == "out") out = $(i + 1)
			if ($i == "in") into = $(i + 1)
		}
		printf "bulk engine look-up: 64 octets through %d of %d SAs and policies: out %.0f ns, in %.0f ns\n",
			$6, $4, 1e9 / out, 1e9 / into
	}'
}

kernel_kb() { awk '$1 ~ /^Slab:|^VmallocUsed:|^Percpu:/ {t += $2} END {print t}' /proc/meminfo; }

bulk_xfrm() {
	local round before ns=$tag-bulkx-i
	local -a load=() dump=() flush=() ip_load=() ip_dump=() ip_flush=()
	local kb=0
	pair bulkx
	for round in $(seq "$BULK_ROUNDS"); do
		before=$(kernel_kb)
		load+=("$(seconds ip netns exec "$ns" "$bin/setkey" -B xfrm -f "$D/policies.conf")") || exit
		kb=$(($(kernel_kb) - before))
		dump+=("$(seconds ip netns exec "$ns" "$bin/setkey" -B xfrm -DP)") || exit
		counted '^172\.16\.1\.0/24'
		flush+=("$(seconds ip netns exec "$ns" "$bin/setkey" -B xfrm -FP)") || exit
		ip_load+=("$(seconds ip -n "$ns" -batch "$D/policies.batch")") || exit
		ip_dump+=("$(seconds ip -n "$ns" xfrm policy)") || exit
		counted '^src 172\.16\.1\.0/24'
		ip_flush+=("$(seconds ip -n "$ns" xfrm policy flush)") || exit
	done
	bulk_ratio load load ip_load '-batch'
	bulk_ratio dump dump ip_dump 'xfrm policy'
	bulk_ratio flush flush ip_flush 'xfrm policy flush'
	printf 'bulk xfrm memory in the kernel: %s bytes a policy\n' "$(per_entry $kb)"
	contest_end bulkx
}
bulk_ratio() { # what, names of the two lists, ip's arguments
	local -n a=$2 b=$3
	printf 'bulk xfrm %-5s %d policies: setkey %s s, ip %s %s s, ratio %s (%s)\n' "$1" "$BULK" \
		"$(median "${a[@]}")" "$4" "$(median "${b[@]}")" \
		"$(ratio "$(median "${b[@]}")" "$(median "${a[@]}")")" "$(range "${b[*]}" "${a[*]}")"
}

# One TCP stream with the tunnel's own SAs alone, and with all the others beside them.
bulk_stream() {
	local round one crowd
	local -a alone=() among=()
	for crowd in no yes; do
		pair "bulk$crowd"
		ours_tunnel "bulk$crowd" esp-udp '-E aes-gcm-16 0x000102030405060708090a0b0c0d0e0f10111213'
		[ $crowd = no ] || for one in i r; do
			ours "bulk$crowd" $one "$bin/setkey" -B engine -f "$D/sas.conf" || die setkey
			ours "bulk$crowd" $one "$bin/setkey" -B engine -f "$D/policies.conf" || die setkey
		done
	done
	for round in $(seq "$ROUNDS"); do
		one=$(stream bulkno tcp) || exit
		alone+=("$one")
		one=$(stream bulkyes tcp) || exit
		among+=("$one")
	done
	printf 'bulk stream: alone %.0f Mbit/s, among %d SAs and policies %.0f Mbit/s, ratio %s (%s)\n' \
		"$(median "${alone[@]}")" "$BULK" "$(median "${among[@]}")" \
		"$(ratio "$(median "${among[@]}")" "$(median "${alone[@]}")")" "$(range "${among[*]}" "${alone[*]}")"
	contest_end bulkno bulkyes
}

bench_bulk() {
	. tests/bench/throughput.sh
	bulk_files
	bulk_engine
	bulk_lookup
	bulk_xfrm
	bulk_stream
}
