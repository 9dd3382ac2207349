#!/bin/bash
# What `make install` installs is everything, and README's ten minutes work with it as written: its
# files are cut out of README.md, its commands run on two hosts with a /run and a /usr/local of
# their own.
. tests/system/lib.sh

BUILD=${BUILD:-build}
for tool in unshare nsenter nc; do command -v $tool >/dev/null || skip_all "needs $tool"; done
declare -A HOLDER=()

holder() { # host: a process that holds its network and mount namespaces
	local dir=$WORK/$1
	mkdir -p "$dir/home"
	cp -a "$WORK/root/usr/local" "$dir/local"
	unshare --net --mount --propagation private sh -c '
		mount --bind "$0/local" /usr/local && mount -t tmpfs tmpfs /run &&
		ip link set lo up && echo up >"$0/up" && exec sleep 100000' "$dir" &
	HOLDER[$1]=$!
	PIDS+=($!)
	wait_for 10 test -s "$dir/up" || bail "no namespaces"
}
at() { # host, command...
	local h=$1
	shift
	nsenter -t "${HOLDER[$h]}" --net --mount env -i HOME="$WORK/$h/home" TERM=dumb \
		PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin "$@"
}
says() { # a command of README, run on a as it stands there
	grep -qF -- "\`$1\`" README.md || { note "README.md does not say $1"; return 1; }
	at a sh -c "$1" 2>&1
}
stop_all() {
	local h
	for h in a b; do [ -z "${HOLDER[$h]:-}" ] || at $h netcontrol @stop_server.com >/dev/null 2>&1; done
}
trap 'status=$?; stop_all; (exit $status); cleanup' EXIT

# ---- make install
ok "make install with DESTDIR" make --no-print-directory -s DEPS=no BUILD="$BUILD" DESTDIR="$WORK/root" install
installed() { (cd "$WORK/root/usr/local" && find "$@" -type f -printf '%P\n' | sort); }
is "every program" "$(installed bin sbin | tr '\n' ' ')" \
	"$(cd "$BUILD/bin" && ls | sort | tr '\n' ' ')"
is "every manual page" "$(installed share/man | sed 's,.*/,,' | sort | tr '\n' ' ')" \
	"$(cd doc && ls ./*.[158] | sed 's,./,,' | sort | tr '\n' ' ')"
is "every procedure" "$(installed share/multinet/com | tr '\n' ' ')" "$(cd com && ls ./*.com | sed 's,./,,' | tr '\n' ' ')"
like "documents and the schema" "$(installed share/doc/multinet | tr '\n' ' ')" \
	'LICENSE.*NETCONTROL\.md README\.md.*netcontrol\.schema\.json'
like "the services file" "$(cat "$WORK/root/usr/local/etc/multinet/services.master_server")" '^service RACOON'
echo '# mine' >"$WORK/root/usr/local/etc/multinet/services.master_server"
make --no-print-directory -s DEPS=no BUILD="$BUILD" DESTDIR="$WORK/root" install
is "a services file that is there stays" "$(cat "$WORK/root/usr/local/etc/multinet/services.master_server")" '# mine'
cp com/services.master_server "$WORK/root/usr/local/etc/multinet/"

# ---- two hosts on one wire, a network behind each
holder a
holder b
ip link add "mnt$$x" netns "${HOLDER[a]}" type veth peer name "mnt$$y" netns "${HOLDER[b]}" || bail "no veth"
at a ip link set "mnt$$x" name eth0
at b ip link set "mnt$$y" name eth0
for h in a b; do
	n=1
	[ $h = a ] || n=2
	at $h ip addr add 192.168.$n.100/16 dev eth0
	at $h ip addr add 172.16.$n.1/24 dev lo
	at $h ip link set eth0 up
	at $h ip route add default via 192.168.$((3 - n)).100
done

# ---- the files, as README prints them; at b with the addresses exchanged
cut_out() { # name: what follows "# name" in README's display, up to the next such line
	awk -v name="$1" '/^       # [a-z.]+( |,|$)/ { on = $2 == name || $2 == name ","; next }
		/^[^ ]/ { on = 0 } on { sub(/^       /, ""); print }' README.md
}
swap='s/192\.168\.1\.100/@A/g; s/192\.168\.2\.100/192.168.1.100/g; s/@A/192.168.2.100/g
	s/172\.16\.1\./@N/g; s/172\.16\.2\./172.16.1./g; s/@N/172.16.2./g'
for name in racoon.conf psk.txt ipsec.conf; do
	cut_out $name >"$WORK/a/local/etc/multinet/$name"
	sed "$swap" "$WORK/a/local/etc/multinet/$name" >"$WORK/b/local/etc/multinet/$name"
done
like "before chmod 600 the keys are refused" "$(at a racoon -t -f multinet:racoon.conf 2>&1)" 'psk\.txt.*(others|mode|chmod)'
chmod 600 "$WORK"/[ab]/local/etc/multinet/psk.txt

# ---- the tour
ok "check racoon.conf" says 'racoon -t -f multinet:racoon.conf'
ok "check ipsec.conf" says 'setkey -n -f multinet:ipsec.conf'
ok "start" says 'netcontrol @start_server.com'
ok "… and the other host" at b netcontrol @start_server.com
session=$(sed -n 's/^ *NETCONTROL>//p' README.md)
is "README shows a session" "$(wc -l <<<"$session")" 5
out=$(printf 'set noon\n%s\n' "$session" | at a netcontrol 2>&1)
like "ESTABLISH" "$out" '^%RACOON-S-NORMAL, normal successful completion: 192\.168\.1\.100\[500\]<=>192'
like "SHOW of RACOON" "$out" 'ESTABLISHED'
like "SHOW" "$out" '^RACOON +running'
like "HELP" "$out" '^  SELECT '
like "HELP/MESSAGE" "$out" '^%RACOON-E-NOPROPOSAL'
unlike "no complaint" "$out" '^%[A-Z]+-[WEF]-[^N]|STOPPED'
like "one command" "$(says 'netcontrol racoon show')" '192\.168\.2\.100\[500\]'
like "a raw line" "$(says "printf 'RACOON SHOW\\r\\n' | nc -N -U /run/multinet/netcontrol.sock")" '^200 %RACOON-S-NORMAL'
ok "a ping from network to network" at a ping -c 2 -i 0.3 -W 5 -I 172.16.1.1 172.16.2.1
like "setkey -D" "$(says 'setkey -D')" 'esp mode=tunnel'
like "setkey -DP" "$(says 'setkey -DP')" 'esp/tunnel/192\.168\.1\.100-192\.168\.2\.100/require'
ok "FLUSH" says 'netcontrol racoon flush'
ok "traffic brings the SAs back" at a ping -c 2 -i 0.3 -W 8 -I 172.16.1.1 172.16.2.1
ok "SHOW FAILURES" says 'netcontrol racoon show failures'
ok "SHOW COUNTERS" says 'netcontrol ipsec show counters'
ok "stop" says 'netcontrol @stop_server.com'
ok "… and the other host" at b netcontrol @stop_server.com
unlike "no route, rule or device is left" "$(at a ip rule; at a ip link)" 'fwmark|mnipsec'

# ---- a service that does not start: why, and that it is mended by starting again
sed -i 's/main;/man;/' "$WORK/a/local/etc/multinet/racoon.conf"
out=$(at a netcontrol @start_server.com 2>&1)
is "an error in racoon.conf stops the procedure" $? 1
like "… which says what is wrong with it" "$out" 'It wrote: .*racoon\.conf:[0-9]+:[0-9]+: .*man'
like "… and where" "$out" 'STARTFAILED.*1 of 2'
like "SHOW is a sentence" "$(at a netcontrol show racoon 2>/dev/null)" '^Service RACOON is waiting to be started again \(back-off\) since '
sed -i 's/man;/main;/' "$WORK/a/local/etc/multinet/racoon.conf"
ok "mended, the procedure runs through" at a netcontrol @start_server.com
like "… and has loaded the policies" "$(at a setkey -DP)" 'esp/tunnel'
finish
