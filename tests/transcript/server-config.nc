# server-config.nc - the console's configuration mode against a file and a server.
% service ECHO {
%   program "@ECHO@"; # answers
% }

== nothing applies before SAVE and RELOAD
! cd $DIR; ln -s $(command -v netcontrol) $DIR/server-config; cp $DIR/services $DIR/SERVICES.MASTER_SERVER
! cd $DIR; printf 'select echo\nset stop-time 8 sec\nshow differences\nquit\n' | netcontrol server-config > $DIR/out
! cd $DIR; grep -q '^service ECHO: changed$' $DIR/out && grep -q '^  + stop-time 8 sec;$' $DIR/out
! cd $DIR; cmp $DIR/services $DIR/SERVICES.MASTER_SERVER
! cd $DIR; printf 'sel ec\ncopy echo second\nset env A=1 "B=x y"\ndisable\nsave\nshow differences\n' | $DIR/server-config services > $DIR/out 2>$DIR/err
! cd $DIR; grep -q 'NETCTL-S-CFGSAVED' $DIR/err && grep -q '^Nothing has been changed' $DIR/out
! cd $DIR; grep -q 'program .*; # answers' $DIR/services && grep -q '^service SECOND {' $DIR/services
! cd $DIR; grep -q 'environment "A=1" "B=x y";' $DIR/services && multinet_server -t -f $DIR/services
! cd $DIR; ! netcontrol show | grep -q SECOND
! cd $DIR; printf 'reload\n' | netcontrol server-config services
! cd $DIR; netcontrol show | grep -q SECOND

== a wrong value is refused at SET with what was expected; a script that stops changes nothing
!1 cd $DIR; printf 'select echo\nset stop-time 8 sec\nset restart sometimes\nsave\n' | netcontrol server-config services 2> $DIR/err
! cd $DIR; grep -q 'CFGREFUSED, nothing was changed: unknown word "sometimes": expected never, on-failure or always' $DIR/err
! cd $DIR; grep -q 'CFGUNSAVED' $DIR/err; ! grep -q stop-time $DIR/services
!2 cd $DIR; printf 'set program x\n' | netcontrol server-config services 2> $DIR/err
! cd $DIR; grep -q 'no service is selected' $DIR/err
!2 cd $DIR; printf 'select echo\nset program x;y\n' | netcontrol server-config services 2> $DIR/err
!2 cd $DIR; printf 'select echo\nset program\n' | netcontrol server-config services 2> $DIR/err
! cd $DIR; grep -q 'expected SET program "file";' $DIR/err
!1 cd $DIR; printf 'add third "/x"\nreload\n' | netcontrol server-config services 2> $DIR/err
! cd $DIR; grep -q 'CFGUNSAVED, changes are not saved: SAVE first' $DIR/err

== EXIT saves; a file that others wrote meanwhile is not overwritten
! cd $DIR; printf 'delete second\nexit\n' | netcontrol server-config services
! cd $DIR; ! grep -q SECOND $DIR/services
!1 cd $DIR; printf 'add third "/x"\nspawn echo "# more" >> services\nsave\n' | netcontrol server-config services 2> $DIR/err
! cd $DIR; grep -q 'NETCTL-E-CFGSTALE' $DIR/err && ! grep -q THIRD $DIR/services
! cd $DIR; printf 'add third "/x"\nspawn echo "# again" >> services\nsave/force\n' | netcontrol server-config services
! cd $DIR; grep -q THIRD $DIR/services && ! grep -q again $DIR/services
!1 cd $DIR; printf 'service X { }\n' > $DIR/bad; netcontrol server-config bad 2> $DIR/err < /dev/null
! cd $DIR; grep -q 'bad:1:13: service X has no program' $DIR/err && grep -q CFGBAD $DIR/err
! cd $DIR; printf 'save\n' | netcontrol server-config new && multinet_server -t -f $DIR/new
