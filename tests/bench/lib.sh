# lib.sh - two namespaces for each contestant, clean-up, and the arithmetic; sourced by run.sh.

BUILD=${BUILD:-build}
bin=$(cd "$BUILD/bin" && pwd) || exit 1
export MULTINET_IPSEC_BACKEND=engine # whatever this kernel has
D=$(mktemp -d "${TMPDIR:-/tmp}/multinet-bench.XXXXXX")
tag=mb$$

# Ends processes of ours, found by namespace and never by a remembered id: politely, then after ten seconds not.
end_pids() {
	local p tries
	for p; do kill "$p" 2>/dev/null; done
	for p; do
		tries=0
		while kill -0 "$p" 2>/dev/null && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
		kill -9 "$p" 2>/dev/null
		wait "$p" 2>/dev/null
	done
}

bench_cleanup() {
	local n
	trap - EXIT INT TERM
	for n in $(ip netns list | awk -v t="$tag-" 'index($1, t) == 1 {print $1}'); do
		# shellcheck disable=SC2046
		end_pids $(ip netns pids "$n")
		ip netns del "$n"
	done
	rm -rf "$D"
}

# contest_end NAME…: the processes and namespaces of these pairs; initiators first
contest_end() {
	local name side
	for name; do
		for side in i r; do
			# shellcheck disable=SC2046
			end_pids $(ip netns pids "$tag-$name-$side")
			ip netns del "$tag-$name-$side"
			rm -f "$D/$name-$side/pid"
		done
	done
}
trap bench_cleanup EXIT
trap 'exit 130' INT TERM

say() { printf '# %s\n' "$*" >&2; }
die() { echo "bench: $*" >&2; exit 1; }

# pair NAME: namespaces $tag-NAME-i and $tag-NAME-r, 10.2.0.2 and 10.2.0.1, subnets 172.16.1/2
pair() {
	local i=$tag-$1-i r=$tag-$1-r
	ip netns add "$i"
	ip netns add "$r"
	ip link add vi0 netns "$i" type veth peer name vr0 netns "$r"
	ip -n "$i" addr add 10.2.0.2/16 dev vi0
	ip -n "$r" addr add 10.2.0.1/16 dev vr0
	ip -n "$i" addr add 172.16.1.1/32 dev lo
	ip -n "$r" addr add 172.16.2.1/32 dev lo
	for n in "$i" "$r"; do ip -n "$n" link set lo up; done
	ip -n "$i" link set vi0 up
	ip -n "$r" link set vr0 up
	ip -n "$i" route add 172.16.2.0/24 via 10.2.0.1 src 172.16.1.1
	ip -n "$r" route add 172.16.1.0/24 via 10.2.0.2 src 172.16.2.1
	mkdir -p "$D/$1-i" "$D/$1-r"
}

wait_for() { # seconds command…
	local end=$(($(date +%s) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt "$end" ] || return 1
		sleep 0.1
	done
}

# ours NAME SIDE PROGRAM ARG…: run one of our programs in the background in that namespace
ours_run() {
	local ns=$tag-$1-$2 dir=$D/$1-$2
	shift 2
	ip netns exec "$ns" env MULTINET="$dir" MULTINET_IPSEC_SOCKET="$dir/ipsec.sock" \
		MULTINET_RACOON_JOURNAL="$dir/racoon.journal" "$@" >>"$dir/out" 2>&1 &
	last_pid=$!
}
ours() {
	local ns=$tag-$1-$2 dir=$D/$1-$2
	shift 2
	ip netns exec "$ns" env MULTINET="$dir" MULTINET_IPSEC_SOCKET="$dir/ipsec.sock" "$@"
}
ipsecd_start() { # NAME SIDE
	ours_run "$1" "$2" "$bin/ipsecd" -F -s "$D/$1-$2/ipsec.sock" -c "$D/$1-$2/ipsecd.ctl"
	wait_for 10 test -S "$D/$1-$2/ipsec.sock" || { tail "$D/$1-$2/out" >&2; die 'ipsecd does not start'; }
}
racoon_answers() { # also true when it has ended: no use in waiting
	! kill -0 "$last_pid" 2>/dev/null || ours "$1" "$2" "$bin/netcontrol" /SOCKET="$D/$1-$2/racoon.ctl" noop
}
racoon_start() { # NAME SIDE
	ours_run "$1" "$2" "$bin/racoon" -F -f "$D/$1-$2/racoon.conf" -s "$D/$1-$2/racoon.ctl" \
		-S "$D/$1-$2/ipsec.sock" -l "$D/$1-$2/racoon.log"
	if ! wait_for 30 racoon_answers "$1" "$2" || ! kill -0 "$last_pid" 2>/dev/null; then
		tail "$D/$1-$2/out" "$D/$1-$2/racoon.log" >&2
		die 'racoon does not start'
	fi
}

libipsec_conf() { # local, remote, local subnet, remote subnet, ESP proposal
	cat <<-C
	connections { t {
		version = 1
		local_addrs = $1
		remote_addrs = $2
		encap = yes
		proposals = aes128-sha1-modp2048
		local { auth = psk
			id = $1 }
		remote { auth = psk
			id = $2 }
		children { net {
			local_ts = $3
			remote_ts = $4
			esp_proposals = $5
		} }
	} }
	secrets { ike-1 { secret = "simple psk" } }
	C
}

# Both sum over processes: time on a CPU in microseconds (all threads), memory in KB.
cpu_us() {
	local p
	for p; do cat "/proc/$p/task/"*/schedstat; done | awk '{t += $1} END {printf "%.0f", t / 1000}'
}
rss_kb() {
	local p
	for p; do cat "/proc/$p/status"; done | awk '$1 == "RssAnon:" {t += $2} END {print t + 0}'
}
# rss_rests PID…: what they read at their beginning (policies, for one) is in
rss_rests() {
	local was=0 now
	now=$(rss_kb "$@")
	while [ $((now - was)) -gt 16 ]; do
		was=$now
		sleep 1
		now=$(rss_kb "$@")
	done
}
median() { printf '%s\n' "$@" | sort -g | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.2f", (b > 0 ? a / b : 0)}'; }
tenths() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.1f", (b > 0 ? a / b : 0)}'; }
# range "A1 A2 …" "B1 B2 …": the least and the greatest of the rounds' own ratios
range() {
	awk -v a="$1" -v b="$2" 'BEGIN {
		n = split(a, x, " ")
		split(b, y, " ")
		for (i = 1; i <= n; i++) {
			r = y[i] > 0 ? x[i] / y[i] : 0
			if (i == 1 || r < least) least = r
			if (r > most) most = r
		}
		printf "%.2f to %.2f", least, most
	}'
}
