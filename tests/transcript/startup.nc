# startup.nc - start_server.com and stop_server.com, the daemon, two servers for one socket, logs.
# No services file here: the procedure starts the server.

== START_SERVER.COM starts the server and its services, and primes the peers
! mkdir $DIR/conf; printf 'socket "%s";\nlog-file "%s/server.log";\nservice RACOON { program "%s"; log-file "multinet:racoon.log"; }\nservice NEXT { program "%s"; after RACOON; }\n' $SOCKET $DIR $ECHO $ECHO > $DIR/conf/services.master_server
! printf '$ define/nolog multinet_site "here"\n' > $DIR/conf/logicals.com
!3 netcontrol noop
! netcontrol @$REPO/com/start_server.com $DIR/conf 10.9.8.7 > $DIR/out
! grep -q '^RACOON is running, pid ' $DIR/out && grep -q '^NEXT is running, pid ' $DIR/out
! netcontrol noop
! test "$(netcontrol racoon env MULTINET_HOST_NAME)" = 10.9.8.7
! test "$(netcontrol racoon env MULTINET_SITE)" = here
! test "$(netcontrol racoon env MULTINET)" = $DIR/conf
! test -s $DIR/server.log; test -e $DIR/conf/racoon.log

== once more: it is there already
! netcontrol @$REPO/com/start_server.com $DIR/conf
! multinet_server -d -f $DIR/conf/services.master_server
!1 multinet_server -f $DIR/conf/services.master_server
! netcontrol noop

== a failing step stops it, with the step's file and line
! echo 10.1.1.1 > $DIR/conf/peers.dat
!1 netcontrol @$REPO/com/start_server.com $DIR/conf 2> $DIR/err
! grep -q -- '-NETCTL-I-STOPPED, .*start_server.com line .*PRIME' $DIR/err

== STOP_SERVER.COM ends it in order; nothing is left
! netcontrol @$REPO/com/stop_server.com
! test ! -e $SOCKET
!3 netcontrol noop
! grep -q 'service NEXT is halted' $DIR/server.log
! test $(grep -n 'service NEXT is halted' $DIR/server.log | cut -d: -f1) -lt $(grep -n 'service RACOON is halted' $DIR/server.log | cut -d: -f1)

== a socket left behind by a killed server is taken over
! multinet_server -d -f $DIR/conf/services.master_server
! p=$(netcontrol show/format=json | sed 's/.*"pid":\([0-9]*\),"started.*/\1/'); kill -9 $p
wait 300
! test -S $SOCKET
!3 netcontrol noop
! multinet_server -d -f $DIR/conf/services.master_server
! netcontrol noop
! netcontrol shutdown

== services end when their master is killed
! sleep 0.5; test -z "$(fuser $DIR/conf/racoon.log 2>/dev/null)"

== errors in the services file: place and reason, status 1, nothing started
! printf 'service X {\n  program "a";\n  enabel on;\n}\n' > $DIR/bad
!1 multinet_server -f $DIR/bad -s $SOCKET 2> $DIR/err
! grep -q 'bad:3:3: unknown keyword "enabel": did you mean "enable"?' $DIR/err
!1 multinet_server -t -f $DIR/bad
!1 multinet_server -d -f $DIR/bad -s $SOCKET
! test ! -e $SOCKET
!1 multinet_server -f $DIR/nonesuch -s $SOCKET
! multinet_server -t -f $DIR/conf/services.master_server
! multinet_server -D -f $REPO/com/services.master_server | grep -q 'service RACOON {'
! MULTINET=$DIR/empty multinet_server -D | grep -q 'service IPSEC {'
!2 multinet_server --nonsense
!2 multinet_server extra

== what is in the way of a socket is left alone
! echo precious > $DIR/file
!1 multinet_server -f $DIR/conf/services.master_server -s $DIR/file
! grep -q precious $DIR/file
! printf 'service X { program "a"; enable off; }\n' > $DIR/one
!1 env -u MULTINET_NETCONTROL_SOCKET multinet_server -f $DIR/one -s $DIR/$(printf 'x%.0s' $(seq 120))

== the sockets' modes
! multinet_server -d -f $DIR/one -s $SOCKET -r $READER
! test "$(stat -c %a $SOCKET)" = 666 && test "$(stat -c %a $READER)" = 666
! command -v setpriv >/dev/null || exit 0; chmod 755 $DIR; setpriv --reuid 65534 --regid 65534 --clear-groups netcontrol /socket=$SOCKET noop; test $? = 4
! command -v setpriv >/dev/null || exit 0; setpriv --reuid 65534 --regid 65534 --clear-groups netcontrol /socket=$READER show
! netcontrol shutdown
