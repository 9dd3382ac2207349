# show.sh - SHOW of SHOW_SAS SAs (half ISAKMP, half IPsec) through the master server: how long it
# takes, what memory it costs the servers, whom it delays; sourced.
#
# One responder with master server, ipsecd and racoon; initiators as in growth.sh.  Compared are a
# NOOP of the server, and main + quick mode with one more peer, while nothing else is asked and while
# SHOW goes round and round.

SHOW_SAS=${SHOW_SAS:-100000} SHOW_ROUNDS=${SHOW_ROUNDS:-5} SHOW_NEGOTIATIONS=${SHOW_NEGOTIATIONS:-40}

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

show_round_and_round() { # until the file is there
	while [ ! -e "$1" ]; do show_ask racoon show >/dev/null 2>&1; done
}

show_noop() { ip netns exec "$tag-show-r" "$BUILD/tests/noop" "$D/show-r/master.sock" "$1" 200 2000 1; }

# show_negotiations FIRST: microseconds of each, by the clock of the initiator's console
show_negotiations() {
	local n from to dir=$D/show$show_last-i
	for n in $(seq "$1" $(($1 + SHOW_NEGOTIATIONS - 1))); do
		from=$(date +%s%N)
		ours "show$show_last" i "$bin/netcontrol" /SOCKET="$dir/racoon.ctl" \
			establish/child/timeout=30 10.2.0.1 "$(peers "$n" "$n" %s)" >"$D/show.said" 2>&1 || die 'no negotiation'
		to=$(date +%s%N)
		echo $(((to - from) / 1000))
	done >"$D/show.negotiations"
	sort -g "$D/show.negotiations" | awk '{v[NR] = $1} END {printf "%d %d", v[int((NR + 1) / 2)], v[NR]}'
}

bench_show() {
	local half=$((SHOW_SAS / 2)) all k quiet busy quiet_n busy_n busy_r kb_m kb_r slow
	. tests/bench/negotiation.sh
	. tests/bench/growth.sh
	# Those of the measurement are of the last initiator.
	all=$((half + 2 * SHOW_NEGOTIATIONS))
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
	# Somebody who begins to read after a while.
	show_ask racoon show 2>"$D/show.said" | (sleep 3; wc -l) >"$D/show.slow"
	slow=$(cat "$D/show.slow")
	[ "$slow" -ge "$SHOW_SAS" ] || die "a slow reader got $slow lines"
	printf 'show        memory at its highest meanwhile, a slow reader among the readers: master %+d KB, racoon %+d KB\n' \
		$(($(show_peak "$master") - kb_m)) $(($(show_peak "$racoon") - kb_r))

	quiet=$(show_noop NOOP)
	quiet_r=$(show_noop 'RACOON NOOP')
	quiet_n=$(show_negotiations "$half") || exit
	rm -f "$D/show.stop"
	show_round_and_round "$D/show.stop" &
	k=$!
	busy=$(show_noop NOOP)
	busy_r=$(show_noop 'RACOON NOOP')
	busy_n=$(show_negotiations $((half + SHOW_NEGOTIATIONS))) || exit
	: >"$D/show.stop"
	wait "$k"
	printf 'show        a NOOP, median and 99th percentile: server %s us, while SHOW goes on %s us; RACOON %s us, %s us\n' \
		"$(show_pair "$quiet")" "$(show_pair "$busy")" "$(show_pair "$quiet_r")" "$(show_pair "$busy_r")"
	printf 'show        a negotiation, median and longest, console included: %s us, while SHOW goes on %s us\n' "$quiet_n" "$busy_n"
	growth_end show
}
show_pair() { awk '{printf "%.0f %.0f", $2, $3}' <<<"$1"; }
