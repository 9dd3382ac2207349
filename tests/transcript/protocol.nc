# protocol.nc - framing, pipelining, what is refused, abbreviations, roles.
% service ECHO { program "@ECHO@"; log-file "echo.log"; }
% service OFF { program "@ECHO@"; enable off; }

== one request, LF and CRLF answered in kind
> NOOP
< 200 %NETCONTROL-S-NORMAL, normal successful completion
>> NOOP
< 200 %NETCONTROL-S-NORMAL, normal successful completion\r
>> ECHO ECHO hello
< 200-hello\r
< 200 %ECHO-S-NORMAL, normal successful completion\r

== pipelined requests are answered in order
>raw echo wait 300\necho echo one\r\nnoop\nbad verb\necho echo two\n
< 200 %ECHO-S-NORMAL, *
< 200-one\r
< 200 %ECHO-S-NORMAL, *\r
< 200 %NETCONTROL-S-NORMAL, *
< 5?? %NETCTL-W-*
< 200-two
< 200 %ECHO-S-NORMAL, *

== a request may come in pieces, blank lines ask nothing
>raw no
wait 50
>raw op\r
wait 50
>raw \n\n   \n\r\n
< 200 %NETCONTROL-S-NORMAL, *\r
> noop
< 200 *

== any case, any unique prefix, ambiguous ones are listed
> eC eCh "Mixed Case"  'x'
< 200-Mixed Case
< 200-'x'
< 200 *
> n
< 503 %NETCTL-W-ABVERB, ambiguous command verb - supply more characters: \n\ may be NOOP, NETCONTROL
> no
< 200 *
> echo s
< 503 %NETCTL-W-ABVERB, *: \s\ may be *SHUTDOWN, START, STOP, *SHOW*
> echo sho
< 200-pid *
< 200 *
> ech vers
< 200-ECHO version 1.0, control interface 1
< 200 *

== unknown words: what may have been meant
> shwo
< 502 %NETCTL-W-IVVERB, *: \shwo\, did you mean SHOW?
> ECKO SHOW
< 511 %NETCTL-W-NOSERVICE, no such service: \ECKO\, did you mean ECHO?
> nonesuch show
< 511 %NETCTL-W-NOSERVICE, *
> FLOOD 5 /NOW
< 502 %NETCTL-W-IVVERB, *: \FLOOD\ is a verb of ECHO, did you mean \ECHO FLOOD 5 /NOW\?
> define x y
< 502 %NETCTL-W-IVVERB, *: \define\ is a verb of LOGICALS, did you mean \LOGICALS define x y\?
> fl
< 502 %NETCTL-W-IVVERB, *: \fl\, HELP lists them
> ECHO FLODO 1
< 502 %NETCTL-W-IVVERB, *did you mean FLOOD?
> ECHO
< 502 %NETCTL-W-IVVERB, *a verb is expected after ECHO*
> NETCONTROL NOOP
< 200 *
> NETCONTROL
< 502 *

== parameters and qualifiers
> ECHO ECHO
< 507 %NETCTL-W-INSFPRM, *: ECHO text...
> SHOW A B
< 508 %NETCTL-W-MAXPARM, *
> SHOW/NONE
< 504 %NETCTL-W-IVQUAL, *: \NONE\, valid here: /FORMAT, /FULL
> SHOW/FORMAT=XML
< 506 %NETCTL-W-VALREQ, *
> SHOW/FORM=J
< 200-{"schema":"multinet.services","version":1,*
< 200 *
> "unclosed
< 500 %NETCTL-W-SYNTAX, *: quotation mark is never closed at column 1
> SHOW nonesuch
< 511 *
> ECHO/FORMAT=JSON SHOW
< 504 %NETCTL-W-IVQUAL, *qualifiers stand after the verb

== a line of 4096 octets is taken, a longer one ends the session
>raw echo echo x\*4086\n
<~ 200 %ECHO-S-NORMAL, *
>raw noop\nx\*4097\nnoop\n
< 200 *
< 501 %NETCTL-E-LINELONG, command line too long: *
<eof

== a long line without an end
>raw x\*9000
< 501 %NETCTL-E-LINELONG, *
<eof

== a NUL octet ends the session, what came before it is answered
>raw noop\nsh\0ow\nnoop\n
< 200 *
< 500 %NETCTL-W-SYNTAX, *: NUL octet
<eof

== control characters are refused and never echoed
>raw echo echo \x1b\n
< 200-x1b
< 200 *
>raw noop \r x\n
< 500 %NETCTL-W-SYNTAX, *control character*
> noop
< 200 *

== half-closed: what was asked is answered first
>raw echo wait 200\necho echo last
half
< 200 *
< 200-last
< 200 *
<eof

== a client that goes away cancels what it asked for
@gone
> echo wait 60000
wait 100
close
wait 300
! grep -q 'WAIT cancelled' $DIR/echo.log

== readers may look, not touch
@r reader
> SHOW
<~ 200 *
> ECHO SHOW
< 200-pid *
< 200 *
> ECHO CRASH
< 530 %NETCTL-E-NOTPERM, not permitted: CRASH needs the operator's role
> ECHO STOP
< 530 %NETCTL-E-NOTPERM, *
> SHUTDOWN
< 530 *
> RELOAD
< 530 *

== HELP comes from the tables
> HELP
< 200-NETCONTROL: *
<~ 200-  SHOW*
<~ 200-  ECHO
< 200-  OFF
< 200-  NETCONTROL
< 200-  LOGICALS
< 200 *
> HELP SHOW
< 200-NETCONTROL SHOW *
<~ 200-  /FORMAT=TEXT|JSON*
< 200-  /FULL*
< 200 *
> ECHO HELP
< 200-Verbs of every service:
< 200-  RESTART*
<~ 200-  FLOOD lines*
<~ 200 *
> ECHO HELP FLOOD
< 200-ECHO FLOOD lines
<~ 200 *
> OFF HELP
< 200-OFF is not running*
<~ 200-  START*
<~ 200 *
> HELP/MESSAGE NOPROPOSAL
< 200-%RACOON-E-NOPROPOSAL, *
<~ 200-  Action: *
< 200 *
> HELP NONSENSE
< 512 %NETCTL-W-NOTOPIC, *
> HELP/FORMAT=JSON
< 200-{"schema":"multinet.help",*
< 200 *

== HELP with a service, and the order of words
> HELP EC
< 200-Verbs of every service:
<~ 200-ECHO, any unique abbreviation will do:
<~ 200 *
> HELP ECHO FLOOD
< 200-ECHO FLOOD lines
<~ 200 *
> HELP OFF
< 200-OFF is not running: *
<~ 200 *
> HELP FREEZE
< 512 *: \FREEZE\ is a verb of ECHO, did you mean \HELP ECHO FREEZE\?
> HELP NONESUCH
< 512 *: \NONESUCH\
> COMPLETE "HELP ECHO FREE"
< 200-FREEZE?stop answering
< 200 *
> STOP ECHO
< 502 *: the service comes first, did you mean \ECHO STOP\?
> SHOW ECHO FULL
< 508 *: the service comes first, did you mean \ECHO SHOW FULL\?
> STOP
< 502 *: \STOP\ is for a service, whose name comes first

== COMPLETE asks the server and the service
> COMPLETE "ec"
< 200-ECHO?service, running
< 200 *
> COMPLETE "echo fl"
< 200-FLOOD?say much
< 200 *
> COMPLETE "off "
< 200-RESTART*
<~ 200-VERSION*
< 200 *
> COMPLETE "show /f"
< 200-/FORMAT=TEXT|JSON*
< 200-/FULL*
< 200 *
> COMPLETE "sho/"
< 200-/FORMAT=TEXT|JSON*
< 200-/FULL*
< 200 *
> COMPLETE "show/format=j"
< 200-JSON?
< 200 *
> COMPLETE "show ec"
< 200-ECHO?service, running
< 200 *
> COMPLETE "ec show/"
< 200-/FORMAT=TEXT|JSON*
< 200 *
> COMPLETE "netc sho"
< 200-SHOW?*
< 200 *
> COMPLETE "help/message NOPS"
< 200-NOPSK?*
< 200 *
> COMPLETE "nonesuch "
< 200 *
> COMPLETE "echo ""open"
< 200 *

== sessions that come and go leave nothing behind
! printf 'ECHO NOOP\r\n' | nc -N -U $SOCKET | od -c | grep -q '\\r  *\\n$'
! p=$(netcontrol show/format=json | sed 's/.*"pid":\([0-9]*\),"started.*/\1/'); echo $p > $DIR/pid; ls /proc/$p/fd | wc -l > $DIR/before
! for i in $(seq 200); do printf 'ECHO NOOP\r\nNOOP\n' | timeout 20 nc -N -U $SOCKET & done > $DIR/answers; wait; test $(grep -c '^200 ' $DIR/answers) = 400
! for i in $(seq 20); do printf 'ECHO WAIT 60000\n' | timeout 0.3 nc -U $SOCKET & done; wait; sleep 0.3
! test $(ls /proc/$(cat $DIR/pid)/fd | wc -l) = $(cat $DIR/before)

== a slow reader does not delay others
@slow
> echo flood 200000
@other
! s=$(date +%s%N); for i in 1 2 3 4 5 6 7 8; do netcontrol echo noop 2>/dev/null || exit 1; done; test $((($(date +%s%N) - s) / 1000000)) -lt 3000
> NOOP
< 200 *
@slow
<~ 200 %ECHO-S-NORMAL, *

== a slow reader costs bounded memory and gets everything
> echo flood 200000
wait 700
! p=$(netcontrol show/format=json | sed 's/.*"pid":\([0-9]*\),"started.*/\1/'); test $(ps -o rss= -p $p) -lt 250000
<~ 200-line 199999 *
< 200 %ECHO-S-NORMAL, *

== others are served meanwhile
@slow
> echo flood 200000
wait 300
@quick
> echo echo hi
< 200-hi
< 200 *
@slow
<~ 200 %ECHO-S-NORMAL, *

== MONITOR
@m
> MONITOR
< 200 *
@a
> echo tell "peer is up"
< 200 *
@m
< +ECHO: peer is up
> MONITOR OFF
< 200 *

== DEBUG
> DEBUG 1
< 200 %NETCONTROL-S-NORMAL, *: log level is DEBUG
> DEBUG -1
< 510 %NETCTL-W-IVPARM, *
> DEBUG 0
< 200 *INFO
