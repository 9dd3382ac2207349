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

== a certificate that is revoked: not an octet of data; RELOAD reads the list and drops who has it
! netcontrol certificate client gone/role=operator/output=gone && netcontrol certificate revoke looker | grep -q 'revoked.pem: 1 revoked'
! netcontrol certificate revoke looker 2>&1 | grep -q 'NETCTL-S-ALREADY'
!1 netcontrol certificate revoke nobody 2>/dev/null
!1 netcontrol certificate revoke/serial=xyz 2>/dev/null
! . $DIR/looker; netcontrol /host=localhost:4512 show >/dev/null
! netcontrol reload; netcontrol /host=localhost:4512 show >/dev/null
!4 . $DIR/looker; netcontrol /host=localhost:4512 show 2>/dev/null
! printf 'NOOP\nSHOW\n' | timeout 5 openssl s_client -quiet -connect 127.0.0.1:4512 -cert $DIR/tls/looker.pem -key $DIR/tls/looker.key 2>/dev/null >$DIR/out; test ! -s $DIR/out
! netcontrol accounting | grep -q 'certificate refused: certificate revoked'
! mkfifo $DIR/pipe; (timeout 20 openssl s_client -quiet -connect 127.0.0.1:4512 -cert $DIR/tls/gone.pem -key $DIR/tls/gone.key <$DIR/pipe >$DIR/out 2>/dev/null; echo over >$DIR/over) & exec 7>$DIR/pipe; echo NOOP >&7; for n in $(seq 200); do grep -qs '^200' $DIR/out && break; sleep 0.1; done; grep -q '^200' $DIR/out && netcontrol certificate revoke $DIR/tls/gone.pem && netcontrol reload || exit 1; for n in $(seq 200); do test -s $DIR/over && exit 0; sleep 0.1; done; exit 1
! cp $DIR/tls/revoked.pem $DIR/list; echo nonsense >$DIR/tls/revoked.pem; netcontrol reload 2>&1 | grep -q 'TLS: .*no revocation list'; cp $DIR/list $DIR/tls/revoked.pem
! openssl crl -in $DIR/tls/revoked.pem -CAfile $DIR/tls/authority.pem -noout 2>&1 | grep -q 'verify OK'

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
