# show.sh - SHOW of SHOW_SAS SAs (half ISAKMP, half IPsec) through the master server: how long it
# takes, what memory it costs the servers, whom it delays; sourced.
#
# One responder with master server, ipsecd and racoon; initiators as in growth.sh.  Compared are a
# NOOP of the server, and main + quick mode with one more peer, while nothing else is asked and while
# SHOW goes round and round.  SHOW keeps two cores busy with three programs, whatever racoon does, so
# a negotiation is also measured while something else keeps them as busy.

SHOW_SAS=${SHOW_SAS:-100000} SHOW_ROUNDS=${SHOW_ROUNDS:-5} SHOW_TURNS=${SHOW_TURNS:-3}
SHOW_NEGOTIATIONS=${SHOW_NEGOTIATIONS:-100}

# show_master: what growth_start left as responder, again as services of a master server
show_master() {
	local dir=$D/show-r p
	# shellcheck disable=SC2086
	end_pids $responder
	rm -f "$dir/ipsec.sock"
	cat >"$dir/services.master_server" <<-C
	service IPSEC {
		program "$bin/ipsecd";
		arguments "-F" "-s" "$dir/ipsec.sock" "-c" "$dir/ipsecd.ctl";
	}
	service RACOON {
		program "$bin/racoon";
		arguments "-F" "-f" "$dir/racoon.conf" "-s" "$dir/racoon.ctl" "-S" "$dir/ipsec.sock";
		after IPSEC;
	}
	C
	ours_run show r "$bin/multinet_server" -f "$dir/services.master_server" -s "$dir/master.sock"
	master=$last_pid
	wait_for 60 show_up || { tail "$dir/out" >&2; die 'the master server does not start'; }
	ours show r "$bin/setkey" -f "$dir/ipsec.conf" >/dev/null || die setkey
	# The children of the server: the service's program is the last word of /proc/PID/comm.
	for p in $(cat "/proc/$master/task/$master/children"); do
		[ "$(cat "/proc/$p/comm")" != racoon ] || racoon=$p
		[ "$(cat "/proc/$p/comm")" != ipsecd ] || ipsecd=$p
	done
}
show_up() { show_ask start; }
show_ask() { ours show r "$bin/netcontrol" /SOCKET="$D/show-r/master.sock" "$@"; }

show_timed() { # minimum of lines, command…: seconds
	local least=$1 from to lines
	shift
	from=$(date +%s%N)
	lines=$(show_ask "$@" 2>"$D/show.said" | wc -l)
	to=$(date +%s%N)
	[ "$lines" -ge "$least" ] || die "$*: $lines lines, not $least"
	awk -v ns=$((to - from)) 'BEGIN {printf "%.3f", ns / 1e9}'
}
show_median() { # minimum of lines, command…
	local k one=()
	for k in $(seq "$SHOW_ROUNDS"); do
		one+=("$(show_timed "$@")") || exit
	done
	median "${one[@]}"
}

show_peak_reset() { local p; for p; do echo 5 >"/proc/$p/clear_refs"; done; }
show_peak() { awk '$1 == "VmHWM:" {print $2}' "/proc/$1/status"; }
show_rss() { awk '$1 == "VmRSS:" {print $2}' "/proc/$1/status"; }

show_noop() { ip netns exec "$tag-show-r" "$BUILD/tests/noop" "$D/show-r/master.sock" "$1" 200 2000 1; }

# show_busy COMMAND…: go round and round with it until show_quiet
show_busy() {
	rm -f "$D/show.stop"
	while [ ! -e "$D/show.stop" ]; do "$@" >/dev/null 2>&1; done &
	show_busy_pid=$!
}
show_quiet() {
	: >"$D/show.stop"
	wait "$show_busy_pid"
}

# A master of its own with a service that gives the same octets at the same cost (replay_main.c):
# keeps the processors as busy as SHOW does, and has nothing to do with racoon.
show_control() { # nanoseconds of a line of text, of JSON
	local dir=$D/show-r
	show_ask racoon show >"$dir/text" 2>"$D/show.said"
	show_ask racoon show/format=json >"$dir/json" 2>"$D/show.said"
	cat >"$dir/services.replay" <<-C
	service REPLAY { program "$(realpath "$BUILD/tests/replay")"; arguments "$dir/text" "$1" "$dir/json" "$2"; }
	C
	ours_run show r "$bin/multinet_server" -f "$dir/services.replay" -s "$dir/replay.sock"
	wait_for 30 show_replay start || { tail "$dir/out" >&2; die 'the control does not start'; }
}
show_replay() { ours show r "$bin/netcontrol" /SOCKET="$D/show-r/replay.sock" "$@"; }

# show_ns LINES COMMAND…: nanoseconds of racoon for each line of it
show_ns() {
	local lines=$1 us
	shift
	us=$(cpu_us "$racoon")
	show_ask "$@" >/dev/null 2>&1
	awk -v us=$(($(cpu_us "$racoon") - us)) -v n="$lines" 'BEGIN {printf "%.0f", us * 1000 / n}'
}

# show_negotiations FILE: adds the microseconds of the next SHOW_NEGOTIATIONS, as a waiting client sees them
show_negotiations() {
	peers "$show_next" $((show_next + SHOW_NEGOTIATIONS - 1)) 'establish/child/timeout=30 10.2.0.1 %s' |
		ip netns exec "$tag-show$show_last-i" "$BUILD/tests/noop" "$D/show$show_last-i/racoon.ctl" - 200 \
		"$SHOW_NEGOTIATIONS" 1 >>"$D/show.negotiations.$1" || die 'no negotiation'
	show_next=$((show_next + SHOW_NEGOTIATIONS))
}
show_told() { # file: median and 99th percentile in milliseconds
	sort -g "$D/show.negotiations.$1" |
		awk '{v[NR] = $1} END {printf "%.1f %.1f", v[int((NR + 1) / 2)] / 1000, v[int(NR * 0.99 + 0.99)] / 1000}'
}

# What a negotiation takes meanwhile, in turns, so that the machine's moods are everybody's.
show_delays() {
	local round
	show_control "$(show_ns "$SHOW_SAS" racoon show)" "$(show_ns "$SHOW_SAS" racoon show/format=json)"
	for round in $(seq "$SHOW_TURNS"); do
		show_negotiations alone
		show_busy show_replay replay show
		show_negotiations control
		show_quiet
		show_busy show_ask racoon show
		show_negotiations text
		show_quiet
		show_busy show_replay replay show/format=json
		show_negotiations control-json
		show_quiet
		show_busy show_ask racoon show/format=json
		show_negotiations json
		show_quiet
		show_busy show_ask racoon show/sort=-remote,created
		show_negotiations sort
		show_quiet
	done
	printf 'show        a negotiation, median and 99th percentile of %d: alone %s ms\n' \
		$((SHOW_TURNS * SHOW_NEGOTIATIONS)) "$(show_told alone)"
	printf 'show        while SHOW goes round and round %s ms, sorted %s ms; while another program gives the same at the same cost %s ms\n' \
		"$(show_told text)" "$(show_told sort)" "$(show_told control)"
	printf 'show        the same as JSON %s ms; while another program gives it %s ms\n' "$(show_told json)" "$(show_told control-json)"
}

bench_show() {
	local half=$((SHOW_SAS / 2)) all k quiet busy quiet_r busy_r kb_m kb_r slow
	. tests/bench/negotiation.sh
	. tests/bench/growth.sh
	# Those of the measurement are of the last initiator.
	all=$((half + 6 * SHOW_TURNS * SHOW_NEGOTIATIONS)) show_next=$half
	growth_start show $all
	show_master
	for ((k = 0; k < half; k += HOST_PEERS)); do
		growth_bring show $k $(((k + HOST_PEERS < half ? k + HOST_PEERS : half) - 1))
	done
	show_last=$(((all - 1) / HOST_PEERS))
	[ $((half / HOST_PEERS)) = "$show_last" ] || die 'SHOW_SAS: the last initiator has to have all those measured'

	kb_m=$(show_rss "$master") kb_r=$(show_rss "$racoon")
	show_peak_reset "$master" "$racoon"
	printf 'show        %d SAs through the master server: text %s s, JSON %s s; ISAKMP as CSV %s s, sorted %s s\n' "$SHOW_SAS" \
		"$(show_median "$SHOW_SAS" racoon show)" "$(show_median "$SHOW_SAS" racoon show/format=json)" \
		"$(show_median "$half" racoon show isakmp/format=csv)" \
		"$(show_median "$half" racoon show isakmp/sort=-remote,created)"
	printf 'show        the %d of ipsecd: text %s s, JSON %s s, sorted %s s\n' "$SHOW_SAS" \
		"$(show_median "$SHOW_SAS" ipsec show sad)" "$(show_median "$SHOW_SAS" ipsec show sad/format=json)" \
		"$(show_median "$SHOW_SAS" ipsec show sad/sort=spi)"
	# Somebody who begins to read after a while.
	show_ask racoon show 2>"$D/show.said" | (sleep 3; wc -l) >"$D/show.slow"
	slow=$(cat "$D/show.slow")
	[ "$slow" -ge "$SHOW_SAS" ] || die "a slow reader got $slow lines"
	printf 'show        memory at its highest meanwhile, a slow reader among the readers: master %+d KB, racoon %+d KB\n' \
		$(($(show_peak "$master") - kb_m)) $(($(show_peak "$racoon") - kb_r))

	quiet=$(show_noop NOOP)
	quiet_r=$(show_noop 'RACOON NOOP')
	show_busy show_ask racoon show
	busy=$(show_noop NOOP)
	busy_r=$(show_noop 'RACOON NOOP')
	show_quiet
	printf 'show        a NOOP, median and 99th percentile: server %s us, while SHOW goes on %s us; RACOON %s us, %s us\n' \
		"$(show_pair "$quiet")" "$(show_pair "$busy")" "$(show_pair "$quiet_r")" "$(show_pair "$busy_r")"
	show_delays
	growth_end show
}
show_pair() { awk '{printf "%.0f %.0f", $2, $3}' <<<"$1"; }
