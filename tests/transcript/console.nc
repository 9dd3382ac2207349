# console.nc - the console: exit statuses, procedures, symbols, programs, PRIME.
% service ECHO { program "@ECHO@"; log-file "echo.log"; }
% service RACOON { program "@ECHO@"; enable off; log-file "racoon.log"; }

== exit statuses
!0 netcontrol noop >/dev/null
!0 netcontrol echo echo hi >/dev/null
!1 netcontrol echo refuse because 2>/dev/null
!1 netcontrol racoon flush 2>/dev/null
!2 netcontrol shwo 2>/dev/null
!2 netcontrol echo echo 2>/dev/null
!2 netcontrol -x 2>/dev/null
!2 netcontrol /timeout=x noop 2>/dev/null
!3 netcontrol /socket=$DIR/nowhere noop 2>/dev/null
!4 netcontrol /socket=$READER shutdown 2>/dev/null
!5 netcontrol /timeout=1 echo wait 5000 2>/dev/null
!0 netcontrol --help >/dev/null
!0 netcontrol --version >/dev/null

== output: lines on standard output, what went wrong on standard error
! test "$(netcontrol echo echo 'a b' c)" = "$(printf 'a b\nc')"
! test "$(netcontrol noop 2>&1)" = "%NETCONTROL-S-NORMAL, normal successful completion"
! test "$(netcontrol "echo echo x")" = x
! test -z "$(netcontrol echo refuse why 2>/dev/null)"
! netcontrol echo refuse why 2>&1 | grep -q '^%RACOON-E-NOPROPOSAL, .*: why$'
! netcontrol echo echo "it's" | grep -q "^it's$"
! netcontrol echo echo $DIR | grep -q "^$DIR$"

== the socket by logical name, environment, option
! env -u MULTINET_NETCONTROL_SOCKET netcontrol -s $SOCKET noop
!3 env -u MULTINET_NETCONTROL_SOCKET netcontrol /socket=/nonexistent/x noop 2>/dev/null
! printf 'define/nolog multinet_netcontrol_socket "%s"\nnoop\n' $SOCKET | env -u MULTINET_NETCONTROL_SOCKET netcontrol

== a script on standard input stops at the first error and exits with it
! test "$(printf 'echo echo one\necho refuse x\necho echo two\n' | netcontrol 2>/dev/null)" = one
!1 printf 'echo refuse x\nnoop\n' | netcontrol 2>/dev/null
!2 printf 'nonsense\nnoop\n' | netcontrol 2>/dev/null
!0 printf 'set noon\necho refuse x\nnoop\n' | netcontrol 2>/dev/null
!7 printf 'exit 7\nnonsense\n' | netcontrol
!0 printf '! only a comment\n\n$\n' | netcontrol
! test "$(printf 'select ech\necho hi ! there\necho -\n  there\nnetcontrol noop\nselect\nechO ECHO -\nlast' | netcontrol)" = "$(printf 'hi\nthere\nlast')"

== procedures: parameters, continuation, comments, dollar, substitution
! cp $REPO/tests/transcript/params.com $DIR/a.com
! test "$(cd $DIR && netcontrol @a 'one two' B)" = "$(printf 'one two\ntwo\nB\n')"
! test "$(cd / && netcontrol @a x y)" = "$(printf 'x\ntwo\ny\n')"
! test "$(cd $DIR && netcontrol @multinet:a.com x y)" = "$(printf 'x\ntwo\ny\n')"
!1 netcontrol @nonesuch 2>/dev/null
!2 netcontrol @a 1 2 3 4 5 6 7 8 9 2>/dev/null

== an error in a procedure names file and line, and stops those that called it
! printf 'noop\necho refuse x\nnoop\n' > $DIR/inner.com; printf '@inner\necho echo unreached\n' > $DIR/outer.com
!1 netcontrol @outer > $DIR/out 2>&1
! grep -q -- "-NETCTL-I-STOPPED, .*inner.com line 2: echo refuse x" $DIR/out
! grep -q -- "-NETCTL-I-STOPPED, .*outer.com line 1: @inner" $DIR/out
!1 grep -q unreached $DIR/out
! printf 'set noon\n@inner\necho echo reached\n' > $DIR/outer.com; netcontrol @outer 2>/dev/null | grep -q '^reached$'
! printf '@loop\n' > $DIR/loop.com
!1 netcontrol @loop 2>/dev/null
! printf 'exit 0\nnonsense\n' > $DIR/inner.com; printf '@inner\necho echo "goes on"\nexit 3\n' > $DIR/outer.com
! netcontrol @outer | grep -q '^goes on$'
!3 netcontrol @outer >/dev/null

== blocks, loops, ON ERROR, functions, $STATUS
! netcontrol @$REPO/tests/transcript/flow.com > $DIR/out 2>/dev/null; test $? = 6
! diff $DIR/out $REPO/tests/transcript/flow.out
! printf 'if 1 .eq. 2\nthen\necho echo no\nelse\necho echo yes\nendif\n' | netcontrol | grep -qx yes
!2 printf 'if 1\necho echo yes\n' | netcontrol >/dev/null 2>&1
!2 printf 'else\n' | netcontrol 2>/dev/null
!2 printf 'goto x\n' | netcontrol 2>/dev/null
!2 printf 'on error then noop\n' | netcontrol 2>/dev/null
! printf '$ on severe_error then exit 9\nnonsense\necho echo "goes on"\n' > $DIR/severe.com; netcontrol @severe 2>/dev/null | grep -qx 'goes on'
!9 printf '$ on severe_error then exit 9\nnoop\n' > $DIR/severe.com; netcontrol /socket=$DIR/nowhere @severe 2>/dev/null
!2 printf '$ on error then nonsense\n$ nonsense\n' > $DIR/twice.com; netcontrol @twice 2>/dev/null

== -c repeated, -e end marks, -q quiet, SET MESSAGE, start-up file
! test "$(netcontrol -c 'select echo' -c 'echo one' -c 'echo two')" = "$(printf 'one\ntwo')"
!1 netcontrol -c 'echo refuse x' -c 'echo echo unreached' > $DIR/out 2>/dev/null
! test ! -s $DIR/out
! netcontrol -c 'set noon' -c 'echo refuse x' -c 'echo echo reached' 2>/dev/null | grep -qx reached
!2 netcontrol -c noop noop 2>/dev/null
! netcontrol -e echo echo a | tail -n 1 | grep -qx '%END 0 200 ECHO-S-NORMAL'
! printf 'echo echo a\n! nothing\n\nx = 1\necho refuse b\n' | netcontrol -e 2>/dev/null | grep '^%END' > $DIR/out
! printf '%%END 0 200 ECHO-S-NORMAL\n%%END 0 200 NETCTL-S-NORMAL\n%%END 1 460 RACOON-E-NOPROPOSAL\n' | diff - $DIR/out
! test -z "$(netcontrol -q noop 2>&1)"
! netcontrol -q echo refuse x 2>&1 | grep -q NOPROPOSAL
! printf 'set message/nofacility/noseverity/noident\necho refuse why\n' | netcontrol 2>&1 | grep -q '^no .*: why$'
! printf 'set message/notext/nofacility\nshwo\n' | netcontrol 2>&1 | grep -qx '%W-IVVERB'
!2 printf 'set message/nonsense\n' | netcontrol 2>/dev/null
!2 printf 'set on/text\n' | netcontrol 2>/dev/null
! printf 'hello = "from the start-up file"\nexit\nnonsense\n' > $DIR/login.com
! printf "write sys\$output hello\nshow symbol hel*\n" | NETCONTROL_STARTUP=$DIR/login.com netcontrol | grep -qx '  HELLO == "from the start-up file"'
! NETCONTROL_STARTUP=multinet:nonesuch.com netcontrol echo echo on 2>/dev/null | grep -qx on

== SHOW .../WATCH prints again where nothing can be drawn
! timeout -s INT 3 netcontrol show/watch=1 > $DIR/out; test $(grep -c 'each 1 s, Ctrl-C ends' $DIR/out) -ge 2
! test $(grep -c '^ECHO ' $DIR/out) -ge 2
!2 netcontrol show/watch=0 2>/dev/null
!2 netcontrol show/watch=x 2>/dev/null
!2 netcontrol noop/watch 2>/dev/null

== SPAWN: in the background, into a file, a symbol's program; the documents' lines
! printf 'spawn/nowait/output=multinet:spawned.txt echo $((6*7))\nspawn /bin/echo "a path"\n' | SHELL=/bin/sh netcontrol 2>$DIR/err | grep -qx 'a path'
! sleep 0.3; grep -qx 42 $DIR/spawned.txt && grep -q '^%DCL-S-SPAWNED, process [0-9]* spawned$' $DIR/err
! printf '$ setkey :== $multinet:setkey\n$ setkey \342\200\234-V\342\200\235\n' | netcontrol | grep -q '^setkey '
! printf '#!/bin/sh\necho "$@"\n' > $DIR/args; chmod +x $DIR/args; printf '$ spmd :== $multinet:args\n$ spawn/nowait/nolog/output=multinet:spmd.txt spmd -f multinet:racoon2.conf\n' | netcontrol; sleep 0.3; grep -qx -- '-f multinet:racoon2.conf' $DIR/spmd.txt
! printf '$ define/process MULTINET_SVCORDER \342\200\234local, bind\342\200\235\nshow logical MULTINET_SVCORDER\n' | netcontrol | grep -qF '"MULTINET_SVCORDER" = "local, bind"'
! printf 'define/process/nolog MULTINET_RACOON2_IKEV1_MORE_DEFAULT_KEYLENS NO\n' | netcontrol

== symbols, IF, logical names
! printf 'x = "value"\necho echo %sx%s\n' "'" "'" | netcontrol | grep -q '^value$'
! printf 'say :== echo echo\nsay this\n' | netcontrol | grep -q '^this$'
!2 printf "echo echo 'nothing'\n" | netcontrol 2>/dev/null
! printf 'if F$SEARCH("multinet:services") .nes. "" then echo echo found\nif F$SEARCH("multinet:zzz") .nes. "" then nonsense\n' | netcontrol | grep -q '^found$'
! printf 'if F$TRNLNM("MULTINET") .eqs. "%s" then echo echo same\n' $DIR | netcontrol | grep -q '^same$'
!2 printf 'if 1 .xx. 2 then noop\n' | netcontrol 2>/dev/null
! printf 'define/nolog multinet_test abc\nshow logical multinet_test\n' | netcontrol | grep -q '"MULTINET_TEST" = "abc" (LNM$PROCESS_TABLE)'
! netcontrol @$REPO/tests/transcript/write.com you | grep -q '^hello you, this is my "" text$'

== programs: argv, symbols, logical names in their environment, no shell
! printf '#!/bin/sh\nfor a; do printf "<%%s>" "$a"; done; echo "$MULTINET_TEST"\n' > $DIR/args; chmod +x $DIR/args
! printf 'args :== $multinet:args -v\ndefine/nolog multinet_test xyz\n$ args "a b" ;id $HOME `x`\n' | netcontrol > $DIR/out
! grep -qF '<-v><a b><;id><$HOME><`x`>xyz' $DIR/out
! printf 'no :== $multinet:nonesuch\n$ no\n' | netcontrol 2>&1 | grep -q '%NETCTL-E-PROGFAILED, program failed: '
!1 printf 'no :== $sh -c "exit 9"\n$ no\n' | netcontrol 2>/dev/null
! printf 'spawn echo $((6*7))\n' | SHELL=/bin/sh netcontrol | grep -q '^42$'

== HELP of the console and of the server
! netcontrol help | grep -q '  SELECT \[service\]'
! netcontrol help | grep -q '  MONITOR \[ON|OFF|ALL'
! netcontrol help prime | grep -q 'remote \[local\]'
! netcontrol help/message noproposal | grep -q 'Action:'
! netcontrol help reload | grep -q 'NETCONTROL RELOAD'
! netcontrol /socket=/nonexistent/s help | grep -q 'SELECT'
! printf 'echo f?\n' | netcontrol | grep -q 'FLOOD'

== PRIME: several peers, each with its result, a summary, the exit status
! printf '# peers\n10.0.0.1\n10.0.0.2 10.0.0.9 ! local\n\n10.0.0.3\n' > $DIR/peers.dat
!1 netcontrol prime multinet:peers.dat > $DIR/out 2>&1
! grep -q '^10.0.0.2 *%NETCTL-E-NOTRUNNING' $DIR/out
! grep -q '^3 peers: 0 established, 3 failed$' $DIR/out
! netcontrol racoon start
!1 netcontrol prime multinet:peers.dat/parallel=2 > $DIR/out 2>&1
! test $(grep -c 'NETCTL-W-IVVERB' $DIR/out) = 3
!1 netcontrol prime multinet:nonesuch.dat 2>/dev/null
!2 netcontrol prime multinet:peers.dat/parallel=0 2>/dev/null
!2 netcontrol prime 2>/dev/null
! printf '10.0.0.1; rm\n' > $DIR/bad.dat
!1 netcontrol prime multinet:bad.dat 2>$DIR/out
! grep -q 'bad.dat:1: expected "remote \[local\]"' $DIR/out
! : > $DIR/none.dat; netcontrol prime multinet:none.dat | grep -q '^0 peers: 0 established, 0 failed$'
!3 netcontrol /socket=$DIR/nowhere prime multinet:peers.dat >/dev/null 2>&1

== ESTABLISH_PEERS.COM, LOCAL_INITIALIZATION.COM, START_RACOON.COM
! printf '10.0.0.1\n10.0.0.2\n' > $DIR/peers.dat
!1 netcontrol @$REPO/com/establish_peers.com "" 2 > $DIR/out 2>/dev/null
! grep -qx '2 peers: 0 established, 2 failed' $DIR/out
!1 netcontrol @$REPO/com/establish_peers.com multinet:nonesuch.dat >/dev/null 2>&1
!2 netcontrol @$REPO/com/establish_peers.com "" x >/dev/null 2>&1
!3 netcontrol /socket=$DIR/nowhere @$REPO/com/establish_peers.com >/dev/null 2>&1
! netcontrol @$REPO/com/local_initialization.com
!1 netcontrol @$REPO/com/start_racoon.com | grep -q '^There is no MULTINET:RACOON.CONF$' && exit 1

== SUBMIT: now, later, with parameters
! printf 'write sys$output "hello ", p1, p2\n' > $DIR/job.com
! printf '$ submit/noprint/after="+0:0:01"/parameters=(you,"!")/log_file=$DIR/job.log multinet:job.com\n' | sed "s,[$]DIR,$DIR," | netcontrol | grep -q '^Job job (queue NETCONTROL, entry [0-9]*) holding until .*, log file /'
! cp $DIR/job.com $DIR/start_spmd.com; printf '$ submit/noprint/after=\342\200\235+0:1:00\342\200\235 multinet:start_spmd.com\n' | netcontrol | grep -q '^Job start_spmd .* holding until'
! netcontrol show queue | grep -q ' start_spmd .* HOLDING until '; netcontrol show queue/format=json | python3 $REPO/tests/transcript/schema.py $REPO/doc/netcontrol.schema.json
! for n in $(seq 200); do grep -qsx 'hello you!' $DIR/job.log && exit 0; sleep 0.1; done; exit 1
! netcontrol submit multinet:job.com/log_file=$DIR/now.log | grep -q 'started at'; for n in $(seq 200); do grep -qsx 'hello ' $DIR/now.log && exit 0; sleep 0.1; done; exit 1
! netcontrol --complete 'delete ' | grep -q '^[0-9][0-9]*	start_spmd'
! netcontrol delete $(netcontrol show queue | awk '$2 == "start_spmd" {print $1}') 2>&1 | grep -q '(start_spmd) is deleted'
!1 netcontrol delete/entry=4000 2>/dev/null
!2 netcontrol delete soon 2>/dev/null
!2 netcontrol submit multinet:job.com/after=sometime 2>/dev/null
!1 netcontrol submit multinet:nonesuch.com 2>/dev/null
!3 netcontrol /SOCKET=$DIR/nobody submit multinet:job.com 2>/dev/null
! printf 'wait 0:1:00\n' > $DIR/slow.com; netcontrol submit multinet:slow.com/log_file=$DIR/slow.log >/dev/null; e=$(netcontrol show queue | awk '$2 == "slow" && /EXECUTING/ {print $1}'); netcontrol delete $e 2>&1 | grep -q 'told to end'; for n in $(seq 200); do netcontrol accounting | grep -q "job $e (slow) ended by signal 15, as asked for" && exit 0; sleep 0.1; done; exit 1

== HELP of what is no command by itself, and of a blank command
! netcontrol help if | grep -q '^IF expression THEN command' && netcontrol help on error | grep -q SEVERE_ERROR && netcontrol help procedures | grep -q '@file'
! netcontrol -q help show logical >$DIR/out && grep -q '^SHOW LOGICAL' $DIR/out && grep -q '^NETCONTROL SHOW ' $DIR/out
! netcontrol help set message | grep -q '^SET ON'
!2 netcontrol define 2>/dev/null
! netcontrol prime/nonesuch 2>&1 | grep -qF '\nonesuch\, valid here: ' && netcontrol "select nonesuch" 2>&1 | grep -q 'SHOW lists them'
! netcontrol submit/tmp/x.com 2>&1 | grep -qF '(quote a path that begins with /)'
! timeout 5 netcontrol '' </dev/null
! timeout 5 netcontrol -c ' ' -c 'echo echo x' | grep -qx x

== completion for shells
! netcontrol --complete 'echo fl' | grep -q '^flood	'
! netcontrol --complete 'show/format=j' | grep -qx 'show/format=json	*'
! for shell in bash zsh fish; do netcontrol --completion $shell > $DIR/completion.$shell || exit 1; ! command -v $shell >/dev/null || $shell -n $DIR/completion.$shell || exit 1; done
!2 netcontrol --completion ksh 2>/dev/null
! bash --norc -c '. $DIR/completion.bash; COMP_LINE="netcontrol ec"; COMP_POINT=13; COMP_WORDS=(netcontrol ec); COMP_CWORD=1; _multinet_netcontrol; test "${COMPREPLY[*]}" = echo'
! command -v fish >/dev/null || exit 0; fish -c "source $DIR/completion.fish; complete -C 'netcontrol ec'" | grep -q '^echo'
! for option in $(sed -n "s/^complete -c setkey -[so] '\([^']*\)'.*/\1/p" $DIR/completion.fish); do setkey --help | grep -qE -- "-[a-zA-Z]*$option" || { echo "setkey has no $option"; exit 1; }; done

== MONITOR shows lines until interrupted
! (timeout -s INT 2 netcontrol monitor > $DIR/mon; true) & sleep 0.5; netcontrol echo tell "news of the day"; sleep 2; grep -q '^+ECHO: news of the day$' $DIR/mon

== at a terminal: prompt, server lines after <, history, SELECT
! command -v script >/dev/null || exit 0; printf 'noop\nselect echo\necho hi\nexit\n' | TERM=dumb timeout 10 script -qec "netcontrol" /dev/null > $DIR/tty
! command -v script >/dev/null || exit 0; grep -q 'Connected to NETCONTROL server on "' $DIR/tty && grep -q 'NETCONTROL>' $DIR/tty && grep -q 'ECHO>' $DIR/tty && grep -q '^< hi' $DIR/tty
! command -v script >/dev/null || exit 0; grep -q '^select echo$' $DIR/.netcontrol_history
