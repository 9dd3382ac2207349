#!/bin/bash
# Sockets that a service manager made are kept over a RESTART, the readers' as well, though no file names
# it; one that is no longer in the services file is closed and gone, so that nobody waits at it.
. tests/system/lib.sh

D=$WORK/a
host a
printf 'service NOBODY { program "%s"; enable off; }\n' "$BIN/ipsecd" >"$D/services"
cat >"$WORK/activate.py" <<-'END'
	import os, socket, sys
	for n, name in enumerate(("netcontrol.sock", "reader.sock")):
	    s = socket.socket(socket.AF_UNIX)
	    s.bind(os.path.join(sys.argv[1], name))
	    os.chmod(os.path.join(sys.argv[1], name), 0o666)
	    s.listen(64)
	    os.dup2(s.fileno(), 13 + n)
	for n in range(2):
	    os.dup2(13 + n, 3 + n, inheritable=True)
	    os.close(13 + n)
	os.environ.update(LISTEN_FDS="2", LISTEN_FDNAMES="operator:reader", LISTEN_PID=str(os.getpid()))
	os.execv(sys.argv[2], sys.argv[2:])
END
ask_at() { printf '%s\n' "$2" | timeout 10 nc -N -U "$D/$1" | tr -d '\r' | tail -n 1; }
start a server python3 "$WORK/activate.py" "$D" "$BIN/multinet_server" -f "$D/services" -s "$D/netcontrol.sock" -l "$D/log"
wait_for 10 test -S "$D/reader.sock"
like "the operators' socket answers" "$(ask_at netcontrol.sock NOOP)" '^200 '
like "the readers' socket answers" "$(ask_at reader.sock SHOW)" '^200 '
like "… and lets them only look" "$(ask_at reader.sock SHUTDOWN)" '^5.*NOTPERM'
like "RESTART" "$(ask_at netcontrol.sock RESTART)" '^222 '
like "the operators' socket answers again" "$(ask_at netcontrol.sock NOOP)" '^200 '
like "the readers' too" "$(ask_at reader.sock SHOW)" '^200 '
like "… for the second time" "$(ask_at netcontrol.sock RESTART; ask_at reader.sock SHOW)" '^200 '

# ---- its own: there, then named no longer
printf 'service NETCONTROL { listen 127.0.0.1 [4599] reader; }\n' >>"$D/services"
like "RESTART anew" "$(ask_at netcontrol.sock RESTART)" '^222 '
ok "… listens on what is new" wait_for 10 on a nc -z 127.0.0.1 4599
like "… and answers there" "$(printf 'NOOP\n' | on a timeout 10 nc -N 127.0.0.1 4599 | tr -d '\r')" '^200 '
sed -i /4599/d "$D/services"
like "RESTART without it" "$(ask_at netcontrol.sock RESTART; ask_at netcontrol.sock NOOP)" '^200 '
fails "… closes it" on a timeout 5 nc -z 127.0.0.1 4599
like "… and says so" "$(cat "$D/log")" 'no longer listening on tcp:127\.0\.0\.1\[4599\]'
like "SHUTDOWN" "$(ask_at netcontrol.sock SHUTDOWN)" '^2'
ok "sockets of the service manager stay" test -S "$D/reader.sock"
finish
