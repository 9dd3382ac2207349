#!/bin/bash
# Jobs of SUBMIT while the master server is killed: those that wait run at their time, those whose
# time has passed run at once when it is back, none runs twice.
. tests/system/lib.sh

export MULTINET=$WORK MULTINET_LOGICALS=/dev/null MULTINET_NETCONTROL_SOCKET=$WORK/master.sock
export HOME=$WORK
jobs=24 # those of the last part, due together: more than run at once

echo '# no services' >"$WORK/services"
master() {
	"$BIN/multinet_server" -f "$WORK/services" -s "$WORK/master.sock" -l "$WORK/master.log" &
	server=$!
	PIDS+=("$server")
	wait_for 20 "$BIN/netcontrol" noop || { cat "$WORK/master.log"; bail "the master server does not start"; }
}
crash() { kill -9 "$server"; wait "$server" 2>/dev/null; }
submit() { # name, after
	printf 'write sys$output "ran"\n' >"$WORK/$1.com"
	"$BIN/netcontrol" submit "multinet:$1.com/log_file=multinet:$1.log/after=$2" >>"$WORK/submitted" 2>&1 ||
		note "$(tail -n 1 "$WORK/submitted")"
}
runs() { cat "$WORK/$1.log" 2>/dev/null | grep -c '^ran'; }
ran() { [ "$(runs "$1")" -gt 0 ]; }
ran_at() { stat -c %Y "$WORK/$1.log"; }
queued() { "$BIN/netcontrol" show queue 2>&1 | grep -c "$1"; }
worked_off() { [ "$(queued tomorrow) $(queued many)" = "1 0" ]; }

master
start=$(date +%s)
submit missed +0:0:02
submit later +0:0:07
submit tomorrow TOMORROW
printf 'write sys$output "ran"\nwait 0:0:02\nwrite sys$output "end"\n' >"$WORK/atwork.com"
"$BIN/netcontrol" submit multinet:atwork.com/log_file=multinet:atwork.log >/dev/null 2>&1
ok "a job is at work" wait_for 20 ran atwork
due=$("$BIN/netcontrol" show queue 2>/dev/null | grep -E 'later|tomorrow')
crash
is "nobody runs a job while the server is away" "$(sleep 3; runs missed)" 0
master
ok "one whose time has passed runs at once when it is back" wait_for 20 ran missed
is "those that wait do so under their numbers, for the same times" \
	"$("$BIN/netcontrol" show queue 2>/dev/null | grep -E 'later|tomorrow')" "$due"
ok "what was at work went on to its end" wait_for 20 grep -qx end "$WORK/atwork.log"
like "and the log tells that its end is not known" "$(cat "$WORK/master.log")" \
	'WARNING: job [0-9]+ \(atwork\) was running when the server before this one ended'
ok "the next runs in its turn" wait_for 20 ran later
ok "not before its time" test "$(ran_at later)" -ge $((start + 7))
is "none of them ran twice" "$(runs missed) $(runs later) $(runs atwork) $(runs tomorrow)" '1 1 1 0'

# Many at once, and the server dies in their midst, again and again.
when=$(date -d '+3 seconds' +%H:%M:%S)
for n in $(seq $jobs); do submit "many$n" "$when"; done
is "$jobs jobs for the same second" "$(queued many)" $jobs
done_jobs() { cat "$WORK"/many*.log 2>/dev/null | grep -c ran; }
some_more() { [ "$(done_jobs)" -ge "$1" ]; }
for least in 1 8 16; do
	wait_for 20 some_more $least
	crash
	master
done
ok "the queue is worked off" wait_for 30 worked_off
# One that was being started in the very moment may have got no process: it is told, not run again.
lost=$(grep -c '(many[0-9]*) was running when the server' "$WORK/master.log")
note "$lost were at work when the server was killed"
ran_all() { [ $(($(done_jobs) + 3)) -ge $jobs ]; }
wait_for 20 ran_all
once=0
for n in $(seq $jobs); do
	[ "$(runs "many$n")" -le 1 ] || note "many$n ran $(runs "many$n") times"
	once=$((once + ($(runs "many$n") == 1)))
done
is "none ran twice" "$(done_jobs)" "$once"
ok "each ran, or was just being started and is told of ($once of $jobs, $lost)" \
	test "$((once + lost))" -ge $jobs -a "$once" -ge $((jobs - 3))
"$BIN/netcontrol" delete "$("$BIN/netcontrol" show queue 2>/dev/null | awk '$2 == "tomorrow" {print $1}')" >/dev/null 2>&1
"$BIN/netcontrol" shutdown >/dev/null 2>&1
wait "$server"
is "the server ends in order" $? 0
fails "an empty queue leaves no file" test -e "$WORK/master.sock.queue"
finish
