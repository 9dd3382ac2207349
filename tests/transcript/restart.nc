# restart.nc - a new image of the server takes over; who did what; logical names; access over TCP.
% service ECHO { program "@ECHO@"; log-file "echo.log"; logical "ONLY_ECHO=yes"; environment "FLAVOUR=mint"; max-sessions 2; }
% service NEXT { program "@ECHO@"; after ECHO; log-file "OPCOM"; }
% service NETCONTROL { listen 127.0.0.1 [4519] operator; reject-hosts 127.0.0.9 ::ffff:127.0.0.8; reject-message "not from there"; }

== RESTART: the sockets stay, the processes stay, sessions are told
! netcontrol start 2>/dev/null; netcontrol echo show >$DIR/before; netcontrol next show >>$DIR/before
@idle
> NOOP
< 200 *
@busy
> ECHO WAIT 60000
wait 200
@a
> RESTART
< 222 %NETCTL-I-RESTARTING, *
< 222 %NETCTL-I-RESTARTING, *: connect again
<eof
@idle
< 222 %NETCTL-I-RESTARTING, *: connect again
<eof
@busy
< 222 %NETCTL-I-RESTARTING, *
<eof
! netcontrol echo show >$DIR/after; netcontrol next show >>$DIR/after; cmp $DIR/before $DIR/after
! netcontrol echo env FLAVOUR | grep -q mint

== requests in ten restarts: none is lost, no descriptor is
! ls /proc/$(netcontrol show | sed -n '1s/.*pid \([0-9]*\),.*/\1/p')/fd | wc -l >$DIR/fds
! for i in 1 2 3 4 5 6 7 8 9 10; do netcontrol restart && netcontrol echo echo $i || exit 1; done
! p=$(netcontrol show | sed -n '1s/.*pid \([0-9]*\),.*/\1/p'); for n in $(seq 40); do test $(ls /proc/$p/fd | wc -l) -le $(cat $DIR/fds) && exit 0; sleep 0.05; done; ls -l /proc/$p/fd; exit 1
! netcontrol echo show >$DIR/after; netcontrol next show >>$DIR/after; cmp $DIR/before $DIR/after

== a service that dies after the restart is seen and started again
! kill -9 $(netcontrol echo show | sed -n 's/^pid //p')
wait 1700
> ECHO SHOW
< 200-pid *
< 200 *
> SHOW ECHO
<~ 200-  Restarts: 1 since*
<~ 200 *

== a job waits, and one runs, over a restart
! printf 'wait 0:1:00\n' >$DIR/slow.com; printf 'write sys$output "done"\n' >$DIR/soon.com
! netcontrol submit multinet:slow.com/log_file=multinet:slow.log | grep -q started; netcontrol submit multinet:soon.com/after=+0:0:02/log_file=multinet:soon.log | grep -q holding
! netcontrol show queue | grep ' slow ' >$DIR/before; netcontrol restart && netcontrol show queue | grep ' slow ' | cmp - $DIR/before
! for n in $(seq 200); do grep -qsx done $DIR/soon.log && exit 0; sleep 0.1; done; exit 1
! netcontrol delete $(awk '{print $1}' $DIR/before) 2>&1 | grep -q 'told to end'; for n in $(seq 200); do netcontrol show queue 2>&1 | grep -q '0 jobs' && exit 0; sleep 0.1; done; exit 1
@r reader
> SUBMIT "/x.com"
< 530 *

== a bad services file: nothing is restarted
! cp $DIR/services $DIR/good; echo 'servise X {}' >>$DIR/services
> RESTART
< 200-*services:4:1: *
< 540 %CONFIG-E-BADCONF, *: nothing was restarted
! cp $DIR/good $DIR/services

== what the file says at the RESTART is applied
! grep -v NEXT $DIR/good >$DIR/services
! netcontrol restart; netcontrol show >$DIR/out; ! grep -q '^NEXT' $DIR/out || { sleep 2; netcontrol show | grep -q '^NEXT .*running' && exit 1; exit 0; }
! cp $DIR/good $DIR/services; netcontrol reload; netcontrol next start; true

== max-sessions
@w1
> ECHO WAIT 3000
@w2
> ECHO WAIT 3000
wait 200
@a
> ECHO SHOW
< 452 %SYSTEM-E-LIMIT, *ECHO takes 2 requests at once

== ACCOUNTING: who did what, over restarts too; refusals as well
@r reader
> SHUTDOWN
< 530 *
> ACCOUNTING
< 530 *
@a
> ACCOUNTING
<~ 200-  restart: %NETCTL-I-RESTARTING
<~ 200-  SHUTDOWN: %NETCTL-E-NOTPERM
< 200-*NETCONTROL uid *
< 200-  ACCOUNTING: %NETCTL-E-NOTPERM
< 200 %*: * entries
> ACCOUNTING/SINCE=nonsense
< 510 *
> ACCOUNTING/FORMAT=JSON/SINCE=-0:10
< 200-{ "schema": "multinet.accounting", *
<~ 200 *
! for c in 'show' 'show queue' 'show echo' 'help' 'help show' 'help/message notperm' 'accounting' 'echo help'; do netcontrol "$c/format=json" 2>/dev/null | $REPO/tests/transcript/schema.py $REPO/doc/netcontrol.schema.json || { echo "$c"; exit 1; }; done
! netcontrol accounting/format=json 2>/dev/null | jq -e '.schema == "multinet.accounting" and (.entries | length) > 3'
> ACCOUNTING/FORMAT=CSV/WHO=nobody
< 200-time,service,who,result,request
< 200 *: 0 entries

== LOGICALS: the system table is the server's
> LOGICALS DEFINE FRED "a b",/etc/x
< 200 *
> LOGICALS DEFINE FRED c
< 253 %DCL-I-SUPERSEDE, previous value of FRED has been superseded
> LOGICALS SHOW FRED
< 200-   "FRED" = "c" (LNM$SYSTEM_TABLE)
< 200 *
> LOGICALS SHOW NONESUCH
< 252 %SHOW-S-NOTRAN, no translation for logical name NONESUCH
> LOGICALS DEASSIGN NONESUCH
< 520 %SYSTEM-F-NOLOGNAM, no logical name match
> LOGICALS DEFINE/PROCESS X y
< 522 *
@r reader
> LOGICALS SHOW FRED
< 200-   "FRED" = "c" (LNM$SYSTEM_TABLE)
< 200 *
> LOGICALS DEFINE FRED d
< 530 *
@a
> SHOW ECHO
<~ 200-  Names:    changed since it was started: FRED
<~ 200 *
> ECHO RESTART
<~ 200 *
> LOGICALS SAMPLED FRED
<~ 200-ECHO, sampled *
< 200-  "FRED" = "c"
<~ 200 *
> LOGICALS DEFINE FRED e
< 253 *
> LOGICALS SAMPLED FRED
<~ 200-ECHO, sampled *: RESTART takes over what has changed
< 200-  "FRED" = "c", changed since: now "e"
<~ 200 *
> RESTART
< 222 *
< 222 *
<eof
@b
> LOGICALS SAMPLED
<~ 200-  "ONLY_ECHO" = "yes"
< 200-  "FRED" = "c", changed since: now "e"
<~ 200 *
> LOGICALS NAMES
<~ 200-MULTINET_SVCORDER *
<~ 200-  Waits for SPMD, *
<~ 200 *
> LOGICALS STOP
< 200 *
> LOGICALS SHOW
< 421 *
> LOGICALS START
< 200 *
> NETCONTROL STOP
< 502 *

== over TCP: rejected hosts, also as ::ffff:
! printf 'noop\nshow\n' | nc -N 127.0.0.1 4519 | grep -q '^200 %NETCONTROL-S-NORMAL'
! printf 'noop\n' | nc -N -s 127.0.0.9 127.0.0.1 4519 | grep -q '^531 %NETCTL-E-REJECTED, .*not from there'
! printf 'noop\n' | nc -N -s 127.0.0.8 127.0.0.1 4519 | grep -q '^531 '
! netcontrol accounting | grep -q 'tcp:127.0.0.9'

== OPCOM
@m
> MONITOR
< 200 *
! kill -0 $(netcontrol next show | sed -n 's/^pid //p')
! netcontrol next stop
<~ +service NEXT *
