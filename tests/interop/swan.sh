# swan.sh - a strongSwan charon of its own in a namespace, for the interoperability tests; sourced.
#
# swan_start NS DIR CONNECTIONS [PLUGINS]  starts charon-systemd in NS with its files below DIR, loads the
#                                connections (text for swanctl.conf) and waits until it answers
# swan NS DIR ARG...             swanctl against it
# swan_stop DIR                  ends it

swan() {
	local ns=$1 dir=$2
	shift 2
	STRONGSWAN_CONF=$dir/strongswan.conf SWANCTL_DIR=$dir ip netns exec "$ns" \
		swanctl "$@" --uri "unix://$dir/vici"
}

swan_start() {
	local ns=$1 dir=$2 connections=$3 plugins=${4:-} tries=0
	mkdir -p "$dir"
	cat >"$dir/strongswan.conf" <<-C
	charon-systemd {
		load_modular = yes
		plugins {
			include /etc/strongswan.d/charon/*.conf
			vici { socket = unix://$dir/vici }
			bypass-lan { load = no }
			dhcp { load = no }
			forecast { load = no }
			attr { load = no }
			$plugins
		}
		journal { default = -1 }
		filelog { log { path = $dir/charon.log
			default = ${SWAN_LOG:-1}
			ike = ${SWAN_LOG:-2}
			flush_line = yes } }
		install_routes = ${SWAN_ROUTES:-no}
		retransmit_tries = 3
		fragment_size = ${SWAN_FRAGMENT:-600}
		retransmit_timeout = 2
		i_dont_care_about_security_and_use_aggressive_mode_psk = yes
	}
	C
	printf '%s\n' "$connections" >"$dir/swanctl.conf"
	STRONGSWAN_CONF=$dir/strongswan.conf SWANCTL_DIR=$dir ip netns exec "$ns" \
		charon-systemd >"$dir/charon.out" 2>&1 &
	echo $! >"$dir/pid"
	while ! swan "$ns" "$dir" --stats >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ $tries -lt 120 ] || { echo "# charon does not answer"; tail -n 5 "$dir/charon.out" | sed 's/^/# /'; return 1; }
		sleep 0.25
	done
	swan "$ns" "$dir" --load-all >"$dir/load.out" 2>&1 || { sed 's/^/# /' "$dir/load.out"; return 1; }
}

swan_stop() {
	[ -s "$1/pid" ] || return 0
	kill "$(cat "$1/pid")" 2>/dev/null
	wait "$(cat "$1/pid")" 2>/dev/null
	rm -f "$1/pid"
}
