#!/bin/bash
# Sessions by the thousand: descriptors, delays, hostile lines.
. tests/system/lib.sh
command -v python3 >/dev/null || skip_all "needs python3"
BUILD=${BUILD:-$(dirname "$BIN")}
ECHO=${BIN%/bin}/tests/echo
[ -x "$ECHO" ] || skip_all "needs tests/echo"

echo "service ECHO { program \"$ECHO\"; }" >"$WORK/services"
MULTINET_LOGICALS=/dev/null "$BIN/multinet_server" -f "$WORK/services" -s "$WORK/s" 2>"$WORK/log" &
server=$!
for _ in $(seq 100); do "$BIN/netcontrol" -s "$WORK/s" start >/dev/null 2>&1 && break; sleep 0.05; done
# With the sanitizers a server takes several times as long for everything.
export SESSIONS_P99_MS=10
! grep -q __asan_init "$BIN/multinet_server" || SESSIONS_P99_MS=50
timeout 120 tests/system/sessions.py "$WORK/s" "$server" || echo 'not ok - sessions: the client ends'
kill "$server"
wait "$server"
rc=$?
[ $rc = 0 ] && ! grep -q Sanitizer "$WORK/log" && echo 'ok - sessions: the server ends in order' ||
	{ tail -n 20 "$WORK/log" | sed 's/^/# /'; echo "not ok - sessions: the server ends in order ($rc)"; }
