# same.nc - one session by three hands: raw lines through nc -U, a script on the console's standard
# input, and a procedure; a new user's, with his mistakes.
% service ECHO { program "@ECHO@"; }
% service OFF { program "@ECHO@"; enable off; }

== the session
! netcontrol start 2>/dev/null; netcontrol -q echo noop
! printf '%s\r\n' 'help/message noproposal' 'shwo' 'echo echo "a b" c' 'show echo/bogus' 'off flood 3' 'help echo flood' 'racon show' 'echo flood 3' 'sh off/form=json' 'echo' 'echo echo' 'version' >$DIR/lines

== through nc -U
! nc -N -U $SOCKET <$DIR/lines | tr -d '\r' >$DIR/nc.out; sed -n 's/^200-//p' $DIR/nc.out >$DIR/nc.data; sed -n 's/^[2-5][0-9][0-9] //p' $DIR/nc.out >$DIR/nc.last
! test $(wc -l <$DIR/nc.last) = 12
! cut -d, -f1 $DIR/nc.last | tr '\n' ' ' | grep -qx '%NETCONTROL-S-NORMAL %NETCTL-W-IVVERB %ECHO-S-NORMAL %NETCTL-W-IVQUAL %NETCTL-E-NOTRUNNING %ECHO-S-NORMAL %NETCTL-W-NOSERVICE %ECHO-S-NORMAL %NETCTL-W-ABVERB %NETCTL-W-IVVERB %NETCTL-W-INSFPRM %NETCONTROL-S-NORMAL '

== through a script: the same data, the same conditions
! (echo 'set noon'; tr -d '\r' <$DIR/lines) | netcontrol >$DIR/script.data 2>$DIR/script.last; cmp $DIR/nc.data $DIR/script.data
! grep -v -e '-S-NORMAL' $DIR/nc.last >$DIR/wrong; grep '^%' $DIR/script.last | cmp - $DIR/wrong

== and as a procedure, which stops at the first mistake unless told not to
! (echo '$ set noon'; sed 's/\r$//; s/^/$ /' $DIR/lines) >$DIR/session.com; netcontrol @session >$DIR/com.data 2>$DIR/com.last; cmp $DIR/nc.data $DIR/com.data
! (sed 's/\r$//; s/^/$ /' $DIR/lines) >$DIR/session.com; netcontrol @session >$DIR/com.data 2>$DIR/com.last; test $? = 2 && grep -q 'IVVERB' $DIR/com.last && ! grep -q '^a b' $DIR/com.data
