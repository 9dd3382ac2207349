# supervisor.nc - services that die, hang, do not start; START, STOP, RESTART; RELOAD; SHUTDOWN.
% service ECHO { program "@ECHO@"; backoff 2 sec; log-file "echo.log"; }
% service NEXT { program "@ECHO@"; after ECHO; log-file "next.log"; }
% service OFF { program "@ECHO@"; enable off; log-file "off.log"; }
% service DIES { program "@ECHO@"; arguments "-x" "7"; backoff 1 sec; attempts 2; enable off; }
% service MUTE { program "@ECHO@"; arguments "-n"; ready-time 300 sec; enable off; }
% service LATE { program "@ECHO@"; arguments "-n"; ready-time 1 sec; restart never; enable off; }
% service DEAF { program "@ECHO@"; arguments "-k"; stop-time 1 sec; enable off; }
% service NONE { program "nonesuch-program"; enable off; }
% service PLAIN { program "sleep"; arguments "1000"; readiness off; enable off; }

== START waits until the service is ready, STOP until it is down
> OFF SHOW
< 200-Service OFF is halted since *
<~ 421 %NETCTL-E-NOTRUNNING, service is not running: OFF was never started
> OFF START
< 200 %*-S-NORMAL, *: OFF is running, pid *
> OFF START
< 250 %NETCTL-S-ALREADY, already done: OFF is running, pid *
> OFF ECHO hi
< 200-hi
< 200 *
> OFF STOP
< 200-telling the peers
< 200 *: OFF is stopped
> OFF STOP
< 250 %NETCTL-S-ALREADY, *
> OFF ECHO hi
< 421 %NETCTL-E-NOTRUNNING, *: OFF was stopped by the operator

== NOOP VERSION HELP work while the service is down
> OFF NOOP
< 200 *
> OFF VERSION
< 200-OFF is not running; NETCONTROL version *
< 200 *
> OFF HELP
< 200-*
<~ 200 *

== RESTART gives a new process
> OFF RESTART
< 200 *: OFF is running, pid *
> OFF RESTART
< 200-telling the peers
< 200 *: OFF is running, pid *
> OFF SHUTDOWN
< 200-telling the peers
< 200 *: OFF is stopped

== killed with -9: not running at once, brought back, the request under way told
@w
> ECHO WAIT 60000
@a
> ECHO SHOW
< 200-pid *
< 200 *
! kill -9 $(netcontrol echo show | sed -n 's/^pid //p')
wait 100
> ECHO SHOW
< 200-Service ECHO is waiting to be started again (back-off) since *
< 200-  Reason:   ended by signal 9 (Killed), next start in ? s
<~ 421 %NETCTL-E-NOTRUNNING, service is not running: ECHO ended by signal 9 (Killed), next start in ? s
> ECHO ECHO hi
< 421 %NETCTL-E-NOTRUNNING, *
@w
< 422 %NETCTL-E-SERVICELOST, service ended before it answered: ECHO ended by signal 9 (Killed)
wait 2300
> ECHO ECHO back
< 200-back
< 200 *
> SHOW ECHO
< 200-Service ECHO is running since *
< 200-  Process:  pid *
< 200-  Last:     ended by signal 9 (Killed), *
< 200-  Restarts: 1 since it was started, 1 failures in a row
<~ 200 *

== START in the pause starts at once
> ECHO CRASH
< 422 *
> ECHO START
< 200 *: ECHO is running, pid *

== requests of many sessions all get an end when the service dies
@1
> ECHO WAIT 60000
@2
> ECHO WAIT 60000
@3
>raw ECHO WAIT 100\nECHO CRASH\nECHO ECHO x\nNOOP\n
< 200 *
< 422 *
< 421 *
< 200 *
@1
< 422 *
@2
< 422 *
> ECHO START
< 200 *

== a service that ended by itself in good order stays down
> OFF START
< 200 *
> OFF QUIT 0
< 422 %NETCTL-E-SERVICELOST, *: OFF ended with status 0
> OFF SHOW
< 200-Service OFF is halted *
<~ 421 *: OFF ended with status 0

== attempts come to an end
> DIES START
<~ 423 %NETCTL-E-STARTFAILED, *: DIES ended with status 7, next start in 1 s
wait 1400
> DIES SHOW
< 200-Service DIES is given up (failed) since *
<~ 421 *: DIES ended with status 7, given up after 2 failures: START tries again

== a program that cannot be executed
> NONE START
<~ 423 %NETCTL-E-STARTFAILED, *: NONE could not be executed (nonesuch-program: no such file or directory), *

== never ready: told, and stopped
> LATE START
<~ 423 %NETCTL-E-STARTFAILED, *: LATE was not ready in time, *

== stopping what is starting, asked for in another session
@a
> MUTE START
@b
> MUTE SHOW
< 200-Service MUTE is being started since *
<~ 421 *: MUTE is being started
> MUTE STOP
< 200 *
@a
<~ 423 *MUTE was stopped by the operator*

== what takes no notice of SHUTDOWN and SIGTERM is killed
> DEAF START
< 200 *
> DEAF STOP
< 200 *: DEAF is stopped
> SHOW DEAF
< 200-Service DEAF is halted *
<~ 200-  Last:     ended by signal 9 (Killed), *
<~ 200 *

== a service without a channel
> PLAIN START
< 200 *: PLAIN is running, pid *
> PLAIN SHOW
< 200-Service PLAIN is running *
<~ 200 *
> PLAIN FLUSH
< 502 *: \FLUSH\, PLAIN takes no commands
> PLAIN STOP
< 200 *

== a stopped (SIGSTOP) service does not hold others up
> ECHO FREEZE
@b
> NEXT ECHO hi
< 200-hi
< 200 *
! p=$(netcontrol "show/format=json" | sed 's/.*"service":"ECHO","state":"running","pid":\([0-9]*\),.*/\1/'); until grep -q "^State:.T" /proc/$p/status; do sleep 0.05; done; kill -CONT $p
> ECHO ECHO hi
< 200-hi
< 200 *

== no channel descriptor or name is left for the service's own children
> ECHO ENV MULTINET_CHANNEL
< 200-(none)
< 200 *
> ECHO ENV MULTINET_NETCONTROL_SOCKET
< 200-*/s
< 200 *

== RELOAD: errors change nothing
! cp $DIR/services $DIR/good; echo 'service BAD { prgram "x"; }' >> $DIR/services
> RELOAD
< 200-*services:*:*: unknown keyword "prgram": did you mean "program"?
<~ 540 %CONFIG-E-BADCONF, configuration has errors: nothing was changed
> SHOW BAD
< 511 *

== RELOAD: added, removed, changed
! sed 's|^service OFF.*|service FRESH { program "'$ECHO'"; }|; s/^\(service NEXT.*\)}/\1 stop-time 9 sec; }/' $DIR/good > $DIR/services
> OFF START
< 200 *
> RELOAD
< 200-OFF: removed, being stopped
< 200-NEXT: changed, takes effect when it is next started
< 200-FRESH: added, being started
< 200 *
wait 300
> FRESH ECHO hi
< 200-hi
< 200 *
> OFF SHOW
< 511 %NETCTL-W-NOSERVICE, *
> RELOAD
< 200 *nothing changed
! rm $DIR/services
> RELOAD
< 200-*services*
< 55? *nothing was changed

== START of all: what is down and enabled
> ECHO STOP
< 200-*
< 200 *
> START
<~ 200-ECHO is running, pid *
<~ 200 *services running

== SHUTDOWN stops in order, answers when all are down, and the socket is free then
> FRESH STOP
<~ 200 *
@m
> MONITOR
< 200 *
@a
> SHUTDOWN
< 221 %NETCTL-I-SHUTTING, shutting down: all services are down
<eof
! test ! -e $SOCKET
@m
<~ +service NEXT is halted*
<~ +service ECHO is halted*
<eof
