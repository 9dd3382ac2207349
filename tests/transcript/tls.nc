# tls.nc - NETCONTROL on other hosts: certificates, roles, several hosts at once.
% service ECHO { program "@ECHO@"; reject-hosts 127.0.0.1; reject-message "not over the net"; }
% service OPEN { program "@ECHO@"; }
% service NETCONTROL { idle-time 2 sec; }

== a private authority and certificates
! netcontrol certificate authority && netcontrol certificate server localhost && netcontrol certificate client ops1/role=operator
! netcontrol certificate client looker/output=looker
!1 netcontrol certificate client again 2>/dev/null
!2 netcontrol certificate client 2>/dev/null
!2 netcontrol certificate nonsense x 2>/dev/null
! test $(stat -c %a $DIR/tls/client.key) = 600
! sed -i 's/idle-time/listen-tls 127.0.0.1 [4512]; idle-time/' $DIR/services; netcontrol restart; sleep 0.5; netcontrol show
! echo 'export MULTINET_NETCONTROL_CERTIFICATE=$DIR/tls/looker.pem MULTINET_NETCONTROL_KEY=$DIR/tls/looker.key' >$DIR/looker

== an operator from another host
! netcontrol /host=localhost:4512 show | grep -q '^ECHO .*running'
! netcontrol /host=localhost:4512 debug 0
! netcontrol /host=localhost:4512 open echo hi | grep -q '^hi$'
! netcontrol accounting | grep -q 'tls:CN=ops1,OU=operator@127.0.0.1'

== its services may refuse the host
! netcontrol -H localhost:4512 echo show 2>&1 | grep -q 'NETCTL-E-REJECTED, .*not over the net'

== a reader's certificate
! . $DIR/looker; netcontrol /host=localhost:4512 show
!4 . $DIR/looker; netcontrol /host=localhost:4512 debug 0 2>/dev/null

== wrong name, no certificate, no TLS: not an octet of data
!4 netcontrol /host=127.0.0.1:4512 show 2>/dev/null
! printf 'NOOP\nSHOW\n' | timeout 5 openssl s_client -quiet -connect 127.0.0.1:4512 2>/dev/null >$DIR/out; test ! -s $DIR/out
! printf 'NOOP\nSHOW\n' | timeout 5 openssl s_client -quiet -tls1_2 -connect 127.0.0.1:4512 -cert $DIR/tls/client.pem -key $DIR/tls/client.key 2>/dev/null >$DIR/out; test ! -s $DIR/out
! printf 'NOOP\nSHOW\n' | timeout 5 nc -N 127.0.0.1 4512 >$DIR/out; ! grep -q NETCONTROL $DIR/out
! netcontrol accounting | grep -q 'did not return a certificate'

== several hosts at once
! netcontrol '/host=(localhost:4512,localhost:4512)' show >$DIR/out 2>$DIR/err; test $(grep -c '^localhost:4512  OPEN ' $DIR/out) = 2
! grep -q '2 of 2 hosts: done' $DIR/err
!3 netcontrol '/host=(localhost:4512,localhost:1)' noop 2>/dev/null

== a session that is idle is told and ended
@a
> NOOP
< 200 *
wait 3000
< 223 %NETCTL-I-IDLE, *
<eof
