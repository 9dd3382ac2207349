#!/bin/bash
# terminal.sh - the console as a person meets it: a real terminal (tmux), keys, the screen.  TAP.
#
# BUILD names the programs.  A shell runs in a terminal of 100 columns, netcontrol in it; every check
# waits until the screen shows what it should, so a slow machine only takes longer.
set -u
cd "$(dirname "$0")/../.." || exit 1
BUILD=$(realpath "${BUILD:-build}")
if ! command -v tmux >/dev/null; then
	echo 'ok - terminal # SKIP tmux is not installed'
	exit 0
fi
DIR=$(mktemp -d /tmp/terminal.XXXXXX)
mkdir "$DIR/bin"
ln -s "$BUILD/tests/netcontrol-readline" "$DIR/bin/netcontrol" # whichever LINE chose
export PATH=$DIR/bin:$BUILD/bin:$PATH HOME=$DIR MULTINET=$DIR MULTINET_LOGICALS=/dev/null SHELL=/bin/sh LC_ALL=C.UTF-8
export MULTINET_NETCONTROL_SOCKET=$DIR/s
unset MULTINET_CHANNEL TMUX HISTFILE
WAIT=10 # seconds until a check gives up

tm() { tmux -S "$DIR/tmux" -f /dev/null "$@"; }
finish() {
	tm kill-server 2>/dev/null
	[ -z "${server:-}" ] || { kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; }
	# What ran in the terminal ends with it, but not at once.
	for _ in $(seq 40); do rm -rf "$DIR" 2>/dev/null && break; sleep 0.05; done
}
trap finish EXIT
trap 'exit 130' INT TERM

screen() { tm capture-pane -p; }
keys() { tm send-keys "$@"; }
seen() { # pattern: within WAIT seconds
	local until=$((SECONDS + WAIT))
	until screen | grep -qE -- "$1"; do
		[ $SECONDS -lt $until ] || return 1
		sleep 0.05
	done
}
verdict() { # status, what
	if [ "$1" = 0 ]; then
		echo "ok - terminal: $2"
	else
		screen | sed 's/^/# |/' | grep -v '|$'
		echo "not ok - terminal: $2"
	fi
}
# The screen cleared, with an empty line to type in; the prompt is $prompt.
fresh() {
	local until=$((SECONDS + WAIT))
	keys C-e C-u C-l
	until [ "$(screen | grep -v '^$')" = "$prompt" ]; do
		[ $SECONDS -lt $until ] || break
		sleep 0.05
	done
}
# Type keys on a fresh screen; then every pattern is to be seen, those after -- are not.
try() { # what, keys…, ':', pattern…, ['--', pattern…]
	local what=$1 typed=() bad=0
	shift
	while [ "$1" != : ]; do typed+=("$1"); shift; done
	shift
	fresh
	keys "${typed[@]}"
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		seen "$1" || { echo "# not seen: $1"; bad=1; break; }
		shift
	done
	[ $# -eq 0 ] || shift
	for pattern; do
		! screen | grep -qE -- "$pattern" || { echo "# seen: $pattern"; bad=1; }
	done
	verdict $bad "$what"
}

cat >"$DIR/services" <<END
service ECHO { program "$BUILD/tests/echo"; log-file "echo.log"; }
service OFF { program "$BUILD/tests/echo"; enable off; log-file "off.log"; }
END
(cd "$DIR" && exec timeout 120 multinet_server -f services -s "$DIR/s" 2>server.log) &
server=$!
for _ in $(seq 100); do netcontrol echo noop >/dev/null 2>&1 && break; sleep 0.05; done
tm new-session -d -x 100 -y 70 "PS1='SHELL>' exec bash --norc --noprofile"
seen '^SHELL>'
keys netcontrol Enter
prompt='NETCONTROL>'
seen '^Connected to NETCONTROL server on ".+"$' && seen '^NETCONTROL>$'
verdict $? 'it connects and prompts'

try '? lists services, verbs and own commands, each once' '?' : '^  ECHO +service, running' '^  SHUTDOWN ' \
	'^  EXIT ' '^  DEFINE ' '^  <@file>'
[ "$(screen | grep -c '^  HELP ')" = 1 ]
verdict $? '… HELP too'
try 'Tab completes a service in the case typed' ec Tab x : '^NETCONTROL>echo x'
try '… in upper case' EC Tab x : '^NETCONTROL>ECHO x'
try 'Tab lists when several fit' 'sh' Tab : '^  SHOW ' '^  SHUTDOWN ' '^NETCONTROL>sh$'
try 'verbs of a service' 'echo ?' : '^  RESTART ' '^  FLOOD ' '^NETCONTROL>echo $|^NETCONTROL>echo$'
try '… by the abbreviation of its name' 'ec flo' Tab : '^NETCONTROL>ec flood'
try '… also while it is down' 'off ?' : '^  START '
try 'qualifiers after a /' 'show/?' : '^  /FORMAT=TEXT\|JSON '
try 'Tab completes one, ready for its value' 'show/fo' Tab j Tab : '^NETCONTROL>show/format=json'
try 'services where one is wanted' 'show ' Tab : '^  ECHO ' '^  OFF ' '^  LOGICAL '
try 'keywords of own commands' 'set nov' Tab : '^NETCONTROL>set noverify'
try 'services after SELECT' 'sel e' Tab : '^NETCONTROL>sel echo'
try 'idents after HELP/MESSAGE' 'help/message NOPR' Tab : '^NETCONTROL>help/message NOPROPOSAL'
try 'where nothing can follow, that is said' 'echo nonsense ?' : 'nothing is known'
try 'HELP' help Enter : 'Commands of the console:' '^  SELECT \[service\]' '^<   MONITOR \[ON\|OFF\|ALL'
try 'HELP/MESSAGE' 'help/message abverb' Enter : '^< %NETCTL-W-ABVERB' 'Action: +Four characters'
try 'a mistake' 'shwo' Enter : '^< %NETCTL-W-IVVERB, .*did you mean'
try '? within quotes is itself' 'echo echo "a?b"' Enter : '^< a\?b$' -- '^  <'
try 'continuation' 'echo echo one -' Enter two Enter : '^_NETCONTROL>two' '^< one$' '^< two$'
try 'Ctrl-C drops the line' 'garbage' C-c 'noop' Enter : '^NETCONTROL>noop$' '^< %NETCONTROL-S-NORMAL'
try '… and a continued command' 'garbage -' Enter C-c 'noop' Enter : '^NETCONTROL>noop$' '^< %NETCONTROL-S-NORMAL'
fresh
keys 'echo wait 60000' Enter
for _ in $(seq 100); do [ "$(tm display-message -p '#{cursor_x}')" = 0 ] && break; sleep 0.05; done
sleep 0.3 # read is one thing, asked another
keys C-c
seen '^%NETCTL-W-CANCELLED' && seen '^NETCONTROL>$'
verdict $? 'Ctrl-C gives up on the command under way'
try 'the connection is made anew' noop Enter : '^< %NETCONTROL-S-NORMAL'
try 'a logical name' 'define/nolog zzz_top "a b"' Enter 'show logical zz' Tab : 'show logical zzz_top'
try '… is shown' 'show logical zzz_top' Enter : '"ZZZ_TOP" = "a b" \(LNM\$PROCESS_TABLE\)'
try 'the last line comes back' Up : '^NETCONTROL>show logical zzz_top$'
fresh
keys 'echo echo' Enter
seen '^_Text:' && keys '"from a prompt"' Enter && seen '^< from a prompt$'
verdict $? 'a missing parameter is asked for'
fresh
keys 'wait' Enter
seen '^_H:m:s:' && keys C-z && seen '^%NETCTL-W-INSFPRM' && seen '^NETCONTROL>$'
verdict $? '… and Ctrl-Z gives up on the command, not on the console'
fresh
keys 'show/watch=1' Enter
seen 'each 1 s, Ctrl-C ends' && seen '^ECHO +running' && first=$(screen | grep 'Ctrl-C ends') && sleep 1.5 &&
	seen '^ECHO +running' && [ "$(screen | grep -c 'Ctrl-C ends')" = 1 ] &&
	[ "$(screen | grep 'Ctrl-C ends')" != "$first" ]
verdict $? '/WATCH draws the answer anew, in its place'
keys C-c
seen '^NETCONTROL>$'
verdict $? '… until Ctrl-C'
try 'a block is for procedures' 'if 1' Enter : 'IF expression THEN command is expected'
try 'SET MESSAGE' 'set message/nofac/nosev/noid' Enter 'shwo' Enter : '^< unrecognized command verb'
keys 'set message/fac/sev/ident' Enter
fresh
keys 'sel ec' Enter
seen '^ECHO>'
prompt='ECHO>'
try 'SELECT: commands go to the service' 'echo hi' Enter : '^< hi$'
try '… and its verbs are listed' '?' : '^  FLOOD ' '^  NETCONTROL ' '^  EXIT '
try '… NETCONTROL names the server' 'netcontrol show' Enter : '^< ECHO +running'
keys 'select' Enter
seen '^NETCONTROL>$'
prompt='NETCONTROL>'
try 'MONITOR' monitor Enter : 'monitoring is on'
fresh
keys noo
seen '^NETCONTROL>noo'
netcontrol echo tell 'news of the day' >/dev/null 2>&1
seen '^< \+ECHO: news of the day' && screen | tail -n +3 | grep -qx 'NETCONTROL>noo'
verdict $? 'news come between the lines, and what was being typed stays'
fresh
prompt='SHELL>'
keys C-z
seen '^SHELL>$'
verdict $? 'Ctrl-Z leaves'
keys 'echo rc=$?' Enter
seen '^rc=0'
verdict $? '… with status 0'
try '… and the terminal is as before' 'stty -a' Enter : 'susp = \^Z'
fresh
prompt='NETCONTROL>'
keys netcontrol Enter
seen '^NETCONTROL>$'
keys Up
seen '^NETCONTROL>monitor'
verdict $? 'the history of the last time is there'
fresh
keys C-d
seen '^SHELL>$'
verdict $? 'Ctrl-D leaves'
[ "$(stat -c %a "$DIR/.netcontrol_history")" = 600 ] && grep -qx 'sel ec' "$DIR/.netcontrol_history"
verdict $? 'the history is closed to others'
seq -f 'line %g' 3000 >"$DIR/.netcontrol_history"
keys netcontrol Enter
seen '^NETCONTROL>$'
keys Up
seen '^NETCONTROL>line 3000' && [ "$(wc -l <"$DIR/.netcontrol_history")" = 1000 ]
verdict $? '… and bounded'
fresh
keys ' secret' Enter
seen '^< %NETCTL-W-IVVERB' && ! grep -q secret "$DIR/.netcontrol_history"
verdict $? '… and without lines that begin with a blank'
fresh
keys C-d
seen '^SHELL>$'
# The configuration mode asks before it loses what was changed, and saves when told so.
cp "$DIR/services" "$DIR/edited"
prompt='SHELL>'
fresh
keys 'netcontrol server-config $HOME/edited' Enter
seen '^SERVER-CONFIG>$' && keys 'sel ech' Tab Enter && seen 'ECHO' && keys 'set stop-time 8 sec' Enter 'show differences' Enter &&
	seen '^ +\+ stop-time 8 sec;'
verdict $? 'SERVER-CONFIG: SELECT, SET, SHOW DIFFERENCES'
keys 'set restart ?'
seen 'never\|on-failure\|always|\(never' || seen 'never'
verdict $? '… ? tells what a statement takes'
keys C-u 'set restart sometimes' Enter
seen 'CFGREFUSED.*sometimes'
verdict $? '… a wrong value is refused at once'
keys 'quit' Enter
seen '^Drop what was changed and not saved\? \[YES\]' && keys 'no' Enter && sleep 0.3 && keys 'show differences' Enter
[ "$(screen | grep -c 'stop-time 8 sec')" -ge 2 ]
verdict $? '… QUIT asks, and NO goes back'
keys 'get' Enter
seen '^Drop what was changed and not saved\? \[NO\]' && keys Enter && seen 'CFGUNSAVED'
verdict $? '… GET asks, and drops nothing unless told'
keys C-z
seen '^Save what was changed\? \[YES\]' && keys Enter && seen '^SHELL>$' && grep -q 'stop-time 8 sec' "$DIR/edited"
verdict $? '… Ctrl-Z asks, and saves'
keys C-l
keys 'netcontrol /host=elsewhere server-config; echo rc=$?' Enter
seen 'SERVER-CONFIG edits a file of this host, not of elsewhere' && seen '^rc=2'
verdict $? '… of another host it is not'
# Without readline: the same words by other hands.
for editor in libedit none; do
	[ -x "$BUILD/tests/netcontrol-$editor" ] || continue
	prompt='SHELL>'
	fresh
	keys "$BUILD/tests/netcontrol-$editor" Enter
	seen '^NETCONTROL>$' && keys 'echo echo hello' Enter && seen '^< hello$'
	verdict $? "$editor: a command"
	keys 'ech' BTab
	keys C-u
	keys 'sh?' Enter
	seen '^  SHUTDOWN '
	verdict $? "$editor: ? lists what may come next"
	keys C-u 'garbage' C-c
	sleep 0.5
	keys 'noop' Enter
	seen '^< %NETCONTROL-S-NORMAL'
	verdict $? "$editor: Ctrl-C drops the line"
	if [ $editor = libedit ]; then
		keys 'ec' Tab 'ec' Tab 'one two' Enter
		seen '^< one$' && seen '^NETCONTROL>echo echo one two'
		verdict $? "$editor: Tab completes"
		keys Up
		seen '^NETCONTROL>echo echo one two$'
		verdict $? "$editor: lines come back"
		keys C-u
	fi
	keys wait Enter
	seen '^_H:m:s:' && keys C-z && seen '^%NETCTL-W-INSFPRM' && seen '^NETCONTROL>$'
	verdict $? "$editor: Ctrl-Z gives up on a question"
	keys C-z
	seen '^SHELL>$'
	verdict $? "$editor: Ctrl-Z leaves"
	fresh
	keys "TERM=dumb $BUILD/tests/netcontrol-$editor" Enter
	seen '^NETCONTROL>$' && keys 'echo echo plain' Enter && seen '^< plain' && keys C-z && seen '^SHELL>$' &&
		keys 'jobs; echo none' Enter && seen '^none' && ! screen | grep -q Stopped
	verdict $? "$editor: … on a dumb terminal too"
done
prompt='SHELL>'
fresh
keys 'TERM=dumb netcontrol' Enter
seen '^NETCONTROL>' && keys 'echo echo plain' Enter && seen '^< plain$' && keys 'show/watch=1' Enter &&
	seen 'ECHO +running' && sleep 1.5 && [ "$(screen | grep -c 'Ctrl-C ends')" -ge 2 ]
verdict $? 'a dumb terminal: /WATCH prints again'
keys C-c
sleep 0.3
keys C-z
seen '^SHELL>$'
verdict $? '… and Ctrl-Z leaves'
kill "$server"
wait "$server"
verdict $? 'the server ends in order'
server=
prompt='SHELL>'
try 'without a server' netcontrol Enter '?' : '^%NETCTL-E-NOSERVER' '^  EXIT ' '^  DEFINE '
