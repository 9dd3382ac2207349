# shellcheck shell=bash
# lib.sh - whole Debian machines for the tests of the packages: made with debootstrap once, then one
# overlay for each machine, run by systemd-nspawn with a network of its own.
#
# Source it from a script that is run as root from the top of the tree; BASE (a Debian 12 as
# debootstrap makes it) and PACKAGES (a directory with two versions of the packages, old/ and new/)
# say what to test.  run.sh makes both.  Everything goes when the script ends, however it ends.
. tests/system/lib.sh

[ -d "${BASE:-}" ] && [ -d "${PACKAGES:-}/old" ] && [ -d "$PACKAGES/new" ] ||
	skip_all "BASE and PACKAGES are not set: use make check-packages"
command -v systemd-nspawn >/dev/null || skip_all "needs systemd-container"
SESSION=(HOME=/root TERM=dumb USER=root LANG=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)
declare -A LEADER=() NSPAWN=()

machines_end() {
	local m p
	for m in "${!NSPAWN[@]}"; do machine_end "$m"; done
	for m in "$WORK"/machine/*/root; do umount "$m" 2>/dev/null; done
}
trap 'status=$?; machines_end; (exit $status); cleanup' EXIT

machine() { # name, init|plain: a machine of this name, booted with systemd or with nothing at all
	local m=$1 dir=$WORK/machine/$1
	mkdir -p "$dir/up" "$dir/work" "$dir/root"
	mount -t overlay overlay -o "lowerdir=$BASE,upperdir=$dir/up,workdir=$dir/work" "$dir/root" || bail "no overlay"
	mkdir -p "$dir/root/packages"
	cp -r "$PACKAGES"/* "$dir/root/packages/"
	echo "$m" >"$dir/root/etc/hostname"
	ip netns add "$NS$m" && ip -n "$NS$m" link set lo up
	machine_start "$@"
}
machine_start() { # name, init|plain
	local m=$1 dir=$WORK/machine/$1 how=()
	if [ "$2" = init ]; then how=(-b); else how=(-a sleep infinity); fi
	systemd-nspawn -q --register=no --keep-unit -M "$NS$m" -D "$dir/root" --bind=/dev/net/tun \
		--capability=CAP_NET_ADMIN \
		--network-namespace-path="/run/netns/$NS$m" "${how[@]}" >"$dir/console" 2>&1 </dev/null &
	NSPAWN[$m]=$!
	wait_for 20 machine_leader "$m" || { cat "$dir/console"; bail "machine $m"; }
	LEADER[$m]=$(machine_leader "$m")
	[ "$2" != init ] || wait_for 120 at "$m" systemctl is-active multi-user.target || bail "$m does not boot"
}
machine_leader() { # its process 1, which lives in its network
	local p
	for p in $(pgrep -P "${NSPAWN[$1]}"); do
		[ "$(readlink "/proc/$p/ns/net")" = "net:[$(stat -L -c %i "/run/netns/$NS$1")]" ] &&
			[ "$(stat -L -c %d:%i "/proc/$p/root" 2>/dev/null)" != "$(stat -L -c %d:%i /)" ] &&
			[ -e "/proc/$p/root/proc/meminfo" ] && { echo "$p"; return 0; }
	done
	return 1
}
machine_end() { # name
	kill -9 "${LEADER[$1]:-${NSPAWN[$1]}}" 2>/dev/null
	wait "${NSPAWN[$1]}" 2>/dev/null
	unset "NSPAWN[$1]"
}

at() { # machine, command...: as root's login has it
	local m=$1
	shift
	nsenter -t "${LEADER[$m]}" -m -u -i -n -p -C -r -w env -i "${SESSION[@]}" "$@" </dev/null
}
sh_at() { # machine, a line of shell as somebody types it
	nsenter -t "${LEADER[$1]}" -m -u -i -n -p -C -r -w env -i "${SESSION[@]}" sh -c "cd; $2" 2>&1 </dev/null
}

# Two machines, README's addresses, a network behind each.
wire_tour() { # one, other
	local n=0 m
	ip link add "mnp$$x" netns "$NS$1" type veth peer name "mnp$$y" netns "$NS$2" || bail "no veth"
	ip -n "$NS$1" link set "mnp$$x" name eth0
	ip -n "$NS$2" link set "mnp$$y" name eth0
	for m; do
		n=$((n + 1))
		ip -n "$NS$m" addr add 192.168.$n.100/16 dev eth0
		ip -n "$NS$m" addr add 172.16.$n.1/24 dev lo
		ip -n "$NS$m" link set eth0 up
		ip -n "$NS$m" route add default via 192.168.$((3 - n)).100
	done
}
# README's files, at the other machine with the addresses exchanged.
tour_files() { # one, other, directory
	local name swap='s/192\.168\.1\.100/@A/g; s/192\.168\.2\.100/192.168.1.100/g; s/@A/192.168.2.100/g
		s/172\.16\.1\./@N/g; s/172\.16\.2\./172.16.1./g; s/@N/172.16.2./g'
	for name in racoon.conf psk.txt ipsec.conf; do
		awk -v name="$name" '/^       # [a-z.]+( |,|$)/ { on = $2 == name || $2 == name ","; next }
			/^[^ ]/ { on = 0 } on { sub(/^       /, ""); print }' README.md >"$WORK/$name"
		cp "$WORK/$name" "$WORK/machine/$1/root$3/"
		sed "$swap" "$WORK/$name" >"$WORK/machine/$2/root$3/$name"
	done
	chmod 600 "$WORK"/machine/*/root"$3"/psk.txt
}
says() { # machine, a command of README, as it stands there
	grep -qF -- "$2" README.md || { note "README.md does not say $2"; return 1; }
	sh_at "$1" "$2"
}
# README from its third step to its eighth, on both.
tour() { # one, other
	local session out
	ok "check racoon.conf" says "$1" 'racoon -t -f multinet:racoon.conf'
	ok "check ipsec.conf" says "$1" 'setkey -n -f multinet:ipsec.conf'
	ok "start" says "$1" 'netcontrol @start_server.com'
	ok "… and the other machine" says "$2" 'netcontrol @start_server.com'
	session=$(sed -n 's/^ *NETCONTROL>//p' README.md)
	is "README shows a session" "$(wc -l <<<"$session")" 5
	out=$(sh_at "$1" "printf '%s\n' 'set noon' '${session//$'\n'/\' \'}' | netcontrol")
	like "ESTABLISH" "$out" '^%RACOON-S-NORMAL, normal successful completion: 192\.168\.1\.100\[500\]<=>192'
	like "SHOW of RACOON" "$out" 'ESTABLISHED'
	like "SHOW" "$out" '^RACOON +running'
	like "HELP" "$out" '^  SELECT '
	like "HELP/MESSAGE" "$out" '^%RACOON-E-NOPROPOSAL'
	unlike "no complaint" "$out" '^%[A-Z]+-[WEF]-[^N]|STOPPED'
	like "one command" "$(says "$1" 'netcontrol racoon show')" '192\.168\.2\.100\[500\]'
	like "a raw line" "$(says "$1" "printf 'RACOON SHOW\\r\\n' | nc -N -U /run/multinet/netcontrol.sock")" \
		'^200 %RACOON-S-NORMAL'
	ok "a ping from network to network" sh_at "$1" 'ping -c 2 -i 0.3 -W 5 -I 172.16.1.1 172.16.2.1'
	like "setkey -D" "$(says "$1" 'setkey -D')" 'esp mode=tunnel'
	like "setkey -DP" "$(says "$1" 'setkey -DP')" 'esp/tunnel/192\.168\.1\.100-192\.168\.2\.100/require'
	ok "FLUSH" says "$1" 'netcontrol racoon flush'
	ok "traffic brings the SAs back" sh_at "$1" 'ping -c 2 -i 0.3 -W 8 -I 172.16.1.1 172.16.2.1'
	ok "SHOW FAILURES" says "$1" 'netcontrol racoon show failures'
	ok "SHOW COUNTERS" says "$1" 'netcontrol ipsec show counters'
}
tour_end() { # one, other
	ok "stop" says "$1" 'netcontrol @stop_server.com'
	ok "… and the other machine" says "$2" 'netcontrol @stop_server.com'
	unlike "no route, rule or device is left" "$(at "$1" ip rule; at "$1" ip link)" 'fwmark|mnipsec'
}

runs() { # machine: how many of our daemons run on it
	nsenter -t "${LEADER[$1]}" -p -m -r ps -e -o comm= | grep -cE '^(multinet_server|racoon|ipsecd|metricsd)$'
}
none_run() { [ "$(runs "$1")" = 0 ]; } # who has answered SHUTDOWN may take a moment to exit
install_packages() { # machine, old or new
	sh_at "$1" "DEBIAN_FRONTEND=noninteractive apt-get install -y -o Dpkg::Use-Pty=0 /packages/$2/*.deb"
}
spis() { sh_at "$1" 'setkey -D' | sed -n 's/.*spi=[0-9]*(\(0x[0-9a-f]*\)).*/\1/p' | sort; }
# What is on the machine's disk and is ours, or nobody's: files that were not there before.
files() { # machine
	(cd "$WORK/machine/$1/root" && find etc usr lib var opt srv root home boot run -xdev \
		\( -path var/cache -o -path var/lib/apt -o -path var/lib/dpkg -o -path var/log -o -path var/lib/systemd \) -prune -o -print) | sort
}
# An established tunnel over an upgrade: nothing is lost, the SAs are those of before.
upgrade() { # one, other
	local before told
	sh_at "$1" 'ping -c 1 -W 8 -I 172.16.1.1 172.16.2.1' >/dev/null
	before=$(spis "$1")
	like "a tunnel is there before the upgrade" "$before" '^0x'
	is "… of the old version" "$(sh_at "$1" 'netcontrol version' | grep -c ' 0\.1')" 1
	at "$1" ping -q -i 0.05 -I 172.16.1.1 172.16.2.1 >"$WORK/ping" 2>&1 &
	PIDS+=($!)
	ok "the upgrade" install_packages "$1" new
	nsenter -t "${LEADER[$1]}" -p -m -r pkill -INT -x ping
	wait_for 5 grep -q transmitted "$WORK/ping"
	told=$(grep transmitted "$WORK/ping")
	like "no packet is lost meanwhile" "$told" ' 0% packet loss'
	like "… of many" "$told" '^[0-9]{2,} packets'
	is "the SAs are the same" "$(spis "$1")" "$before"
	like "the server is the new one" "$(sh_at "$1" 'netcontrol version')" ' 0\.2'
	like "the services go on" "$(sh_at "$1" 'netcontrol show')" '^RACOON +running'
	ok "and the tunnel is used" sh_at "$1" 'ping -c 2 -i 0.3 -W 5 -I 172.16.1.1 172.16.2.1'
}
