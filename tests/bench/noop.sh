#!/bin/bash
# noop.sh - NOOP of the master server against redis-server's PING: the same client, Unix sockets, in
# turns.  Sourced by run.sh, or run alone: tests/bench/noop.sh.

noop_redis() { # directory: a redis-server that keeps nothing
	redis-server --port 0 --unixsocket "$1/redis.sock" --save '' --appendonly no --daemonize no \
		--dir "$1" >/dev/null 2>&1 &
	noop_redis_pid=$!
}
noop_master() {
	printf 'service NETCONTROL { }\n' >"$1/services"
	MULTINET_LOGICALS=/dev/null "$bin/multinet_server" -f "$1/services" -s "$1/master.sock" 2>/dev/null &
	noop_master_pid=$!
}
noop_middle() { sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

bench_noop() {
	local d round what depth count ours theirs
	command -v redis-server >/dev/null || { echo 'noop: needs redis-server'; return; }
	d=$(mktemp -d "${TMPDIR:-/tmp}/multinet-noop.XXXXXX")
	noop_redis "$d"
	noop_master "$d"
	for round in $(seq 100); do
		[ -S "$d/redis.sock" ] && [ -S "$d/master.sock" ] && break
		sleep 0.05
	done
	for what in '64 400000' '1 40000'; do
		read -r depth count <<<"$what"
		: >"$d/ours" >"$d/theirs"
		for round in 1 2 3 4 5; do
			"$BUILD/tests/noop" "$d/master.sock" NOOP 200 "$count" "$depth" >>"$d/ours"
			"$BUILD/tests/noop" "$d/redis.sock" PING +PONG "$count" "$depth" >>"$d/theirs"
		done
		if [ "$depth" = 1 ]; then
			ours=$(awk '{ print $2 }' "$d/ours" | noop_middle)
			theirs=$(awk '{ print $2 }' "$d/theirs" | noop_middle)
			awk -v o="$ours" -v t="$theirs" 'BEGIN {
				printf "noop: latency of one: NOOP %.1f us, redis PING %.1f us: ratio %.2f (less is better)\n", o, t, o / t }'
		else
			ours=$(awk '{ print $1 }' "$d/ours" | noop_middle)
			theirs=$(awk '{ print $1 }' "$d/theirs" | noop_middle)
			awk -v o="$ours" -v t="$theirs" -v n="$depth" 'BEGIN {
				printf "noop: %d at a time: NOOP %d a second, redis PING %d a second: ratio %.2f (more is better)\n", n, o, t, o / t }'
		fi
	done
	kill "$noop_redis_pid" "$noop_master_pid"
	wait "$noop_redis_pid" "$noop_master_pid" 2>/dev/null
	rm -rf "$d"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	cd "$(dirname "$0")/../.." || exit 1
	BUILD=${BUILD:-build}
	bin=$BUILD/bin
	bench_noop
fi
