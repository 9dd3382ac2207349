# shellcheck shell=bash
# lib.sh - network namespaces, daemons, captures and TAP for tests with real packets.
#
# Source it from a script that is run as root from the top of the tree:
#
#	. tests/system/lib.sh
#	topo_howto                       # hosts a and b, router r, networks behind them (na, nb)
#	ipsecd_start a; ipsecd_start b
#	setkey_load a <<-'END'
#	...
#	END
#	ok "ping" on a ping -c 1 -W 2 192.168.2.100
#	finish
#
# Everything lives in namespaces named $NS<host> and in the directory $WORK; both go when the script
# ends, however it ends.  BIN says where the programs are (default build/bin).  KEEP=1 keeps $WORK.

set -u
TOP=$(pwd)
BIN=${BIN:-$TOP/build/bin}
case $BIN in /*) ;; *) BIN=$TOP/$BIN ;; esac
NS=mn$$-
export MULTINET_IPSEC_BACKEND=engine # whatever this kernel has
WORK=$(mktemp -d "${TMPDIR:-/tmp}/mnsys.XXXXXX")
chmod 755 "$WORK"
TESTS=0
FAILED=0
PIDS=()         # every process we started and must end
declare -A DAEMON=() CAPTURE=()

# ------------------------------------------------------------------------------------------ TAP

note() { printf '# %s\n' "$@"; }

result() { # 0|other, description
	TESTS=$((TESTS + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $TESTS - $2"
	else
		FAILED=$((FAILED + 1))
		echo "not ok $TESTS - $2"
	fi
	return 0
}

ok() { # description, command... must succeed; its output is shown when it does not
	local what=$1 out status
	shift
	out=$("$@" 2>&1)
	status=$?
	[ $status -eq 0 ] || printf '%s\n' "$* -> $status" "$out" | sed 's/^/#   /'
	result $status "$what"
}

fails() { # description, command... must not succeed
	local what=$1 out status
	shift
	out=$("$@" 2>&1)
	status=$?
	[ $status -ne 0 ] || printf '%s\n' "$* succeeded" "$out" | sed 's/^/#   /'
	result $((status == 0)) "$what"
}

is() { # description, got, wanted
	[ "$2" = "$3" ] || note "got    $2" "wanted $3"
	[ "$2" = "$3" ]
	result $? "$1"
}

like() { # description, text, extended regular expression
	grep -Eq -- "$3" <<<"$2"
	local status=$?
	[ $status -eq 0 ] || { note "no line matches $3"; sed 's/^/#   /' <<<"$2"; }
	result $status "$1"
}

unlike() { # description, text, extended regular expression
	! grep -Eq -- "$3" <<<"$2"
	local status=$?
	[ $status -eq 0 ] || { note "a line matches $3"; sed 's/^/#   /' <<<"$2"; }
	result $status "$1"
}

skip_all() { # reason: ends the script
	echo "1..0 # SKIP $1"
	exit 0
}

finish() {
	echo "1..$TESTS"
	[ $FAILED -eq 0 ] && exit 0
	exit 1
}

bail() { echo "Bail out! $*"; exit 99; }

wait_for() { # seconds, command... until it succeeds
	local until=$(($(date +%s) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt $until ] || return 1
		sleep 0.05
	done
}

# ------------------------------------------------------------------------------------- clean-up

end_process() { # pid: asks, then insists
	local i
	kill "$1" 2>/dev/null || return 0
	for i in $(seq 60); do
		kill -0 "$1" 2>/dev/null || { wait "$1" 2>/dev/null; return 0; }
		sleep 0.05
	done
	kill -9 "$1" 2>/dev/null
	wait "$1" 2>/dev/null
	return 0
}

cleanup() {
	local status=$? p n
	trap - EXIT
	for p in ${PIDS[@]+"${PIDS[@]}"}; do end_process "$p"; done
	for n in $(ip netns list 2>/dev/null | sed 's/ .*//'); do
		case $n in "$NS"*)
			for p in $(ip netns pids "$n" 2>/dev/null); do kill -9 "$p" 2>/dev/null; done
			ip netns del "$n" 2>/dev/null ;;
		esac
	done
	if [ -n "${KEEP:-}" ] || { [ $status -ne 0 ] && [ -n "${KEEP_FAILED:-}" ]; }; then
		note "kept $WORK"
	else
		rm -rf "$WORK"
	fi
	exit $status
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP

[ "$(id -u)" = 0 ] || skip_all "needs root"
ip netns add "${NS}probe" 2>/dev/null || skip_all "needs network namespaces"
ip netns del "${NS}probe"
[ -c /dev/net/tun ] || skip_all "needs /dev/net/tun"

# ----------------------------------------------------------------------------------- topologies

# Run a command as if typed on a host: in its namespace, with its sockets.
on() { # host, command...
	local h=$1
	shift
	MULTINET_IPSEC_SOCKET=$WORK/$h/ipsec.sock ip netns exec "$NS$h" "$@"
}

host() { # name...: hosts without interfaces
	local h
	for h; do
		ip netns add "$NS$h" || bail "cannot make a namespace"
		ip -n "$NS$h" link set lo up
		mkdir -p "$WORK/$h"
		on "$h" sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 \
			net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1 2>/dev/null
	done
}

wire() { # host interface address/len, host interface address/len
	ip -n "$NS$1" link add "$2" type veth peer name "$5" netns "$NS$4" || bail "cannot wire $1 $4"
	ip -n "$NS$1" addr add "$3" dev "$2"
	ip -n "$NS$4" addr add "$6" dev "$5"
	ip -n "$NS$1" link set "$2" up
	ip -n "$NS$4" link set "$5" up
}

route() { # host, arguments of ip route add
	local h=$1
	shift
	ip -n "$NS$h" route add "$@"
}

forwards() { # host...: routers
	local h
	for h; do on "$h" sysctl -qw net.ipv4.ip_forward=1; done
}

# a --- r --- b, every address as wanted; a and b each have the router's side in their /24.
topo_routed() { # address of a, address of b
	local ra=${1%.*}.254 rb=${2%.*}.254
	host a b r
	wire a eth0 "$1/24" r eth0 "$ra/24"
	wire b eth0 "$2/24" r eth1 "$rb/24"
	forwards r
	route a default via "$ra"
	route b default via "$rb"
}

# a --- b on one wire.
topo_lan() { # address of a, address of b
	host a b
	wire a eth0 "$1/24" b eth0 "$2/24"
}

# The HOWTO's: a 192.168.1.100 and b 192.168.2.100 with router r between them; na 172.16.1.10
# behind a, nb 172.16.2.10 behind b.
topo_howto() {
	host a b r na nb
	wire a eth0 192.168.1.100/24 r eth0 192.168.1.1/24
	wire b eth0 192.168.2.100/24 r eth1 192.168.2.1/24
	wire a eth1 172.16.1.1/24 na eth0 172.16.1.10/24
	wire b eth1 172.16.2.1/24 nb eth0 172.16.2.10/24
	forwards r a b
	route a default via 192.168.1.1
	route b default via 192.168.2.1
	route na default via 172.16.1.1
	route nb default via 172.16.2.1
	# The router knows the networks behind too, so that what comes unprotected is seen to come.
	route r 172.16.1.0/24 via 192.168.1.100
	route r 172.16.2.0/24 via 192.168.2.100
}

# -------------------------------------------------------------------------------------- daemons

start() { # host, name, command...: in the background; log in $WORK/host/name.log
	local h=$1 name=$2
	shift 2
	MULTINET_IPSEC_SOCKET=$WORK/$h/ipsec.sock \
		ip netns exec "$NS$h" "$@" >>"$WORK/$h/$name.log" 2>&1 </dev/null &
	DAEMON[$h/$name]=$!
	PIDS+=($!)
}

stop() { # host, name, [signal]: waits for its end; returns its status
	local pid=${DAEMON[$1/$2]} i
	[ "${3:-TERM}" = KILL ] && disown "$pid" # or bash remarks on it
	kill -"${3:-TERM}" "$pid" 2>/dev/null
	for i in $(seq 100); do
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.05
	done
	unset "DAEMON[$1/$2]"
	wait "$pid" 2>/dev/null
}

ipsecd_start() { # host, further options...
	local h=$1
	shift
	start "$h" ipsecd "$BIN/ipsecd" -F -s "$WORK/$h/ipsec.sock" -c "$WORK/$h/ipsec.ctl" "$@"
	# The control socket is the last that it opens.
	wait_for 10 nc -z -U "$WORK/$h/ipsec.ctl" || { cat "$WORK/$h/ipsecd.log"; bail "ipsecd on $h"; }
}

ipsecd_stop() { stop "$1" ipsecd "${2:-TERM}"; }

setkey_load() { # host: commands on standard input
	on "$1" "$BIN/setkey" -f /dev/stdin
}

policies_howto() { # of topo_howto: a tunnel between the networks behind a and b
	local from to
	for from in 1 2; do
		to=$((3 - from))
		setkey_load "$([ $from = 1 ] && echo a || echo b)" <<-END
		spdadd 172.16.$from.0/24 172.16.$to.0/24 any -P out ipsec
			esp/tunnel/192.168.$from.100-192.168.$to.100/require;
		spdadd 172.16.$to.0/24 172.16.$from.0/24 any -P in ipsec
			esp/tunnel/192.168.$to.100-192.168.$from.100/require;
		END
	done
}

ask() { # host, control line: the answer of its ipsecd
	printf '%s\r\n' "$2" | timeout 5 nc -N -U "$WORK/$1/ipsec.ctl"
}

counter() { # host, name: of SHOW COUNTERS
	ask "$1" 'SHOW COUNTERS/FORMAT=JSON' | grep -o "\"$2\": *[0-9]*" | grep -o '[0-9]*$'
}

# ------------------------------------------------------------------------------------- captures

capture_start() { # name, host, interface, [filter...]: until capture_stop
	local name=$1 h=$2 dev=$3
	shift 3
	: >"$WORK/$name.err"
	ip netns exec "$NS$h" tcpdump --immediate-mode -Z root -U -n -v -i "$dev" \
		-w "$WORK/$name.pcap" "$@" 2>"$WORK/$name.err" &
	CAPTURE[$name]=$!
	PIDS+=($!)
	wait_for 10 grep -q 'listening on' "$WORK/$name.err" || bail "tcpdump: $(cat "$WORK/$name.err")"
}

capture_stop() { # name: prints what was seen, a line per packet
	local before=-1 now i
	# tcpdump forgets what it has not read yet when it is told to end: wait until it rests.
	for i in $(seq 10); do
		now=$(stat -c %s "$WORK/$1.pcap" 2>/dev/null || echo 0)
		[ "$now" = "$before" ] && [ "$now" -gt 24 ] && break
		before=$now
		sleep 0.3
	done
	end_process "${CAPTURE[$1]}"
	capture_text "$1"
}

capture_text() { tcpdump -n -t -r "$WORK/$1.pcap" 2>/dev/null; }
