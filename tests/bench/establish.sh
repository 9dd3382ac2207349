# establish.sh - ESTABLISH of ESTABLISH_PEERS peers with com/establish_peers.com; sourced.
#
# One racoon with a remote section for each peer, under a master server; one responder that listens
# at an address for each.  How long all take, several at a time and one after another; then with ten
# addresses among them where nobody answers: they fail, the others do not, and the status says so.

ESTABLISH_PEERS=${ESTABLISH_PEERS:-500} ESTABLISH_GROUP=${ESTABLISH_GROUP:-modp2048}

establish_conf() { # side: racoon.conf and psk.txt
	local dir=$D/est-$1 last=$((ESTABLISH_PEERS - 1))
	local proposal="proposal { encryption_algorithm aes 128; hash_algorithm sha1; authentication_method pre_shared_key; dh_group $ESTABLISH_GROUP; }"
	{
		echo "path pre_shared_key \"$dir/psk.txt\"; log error;"
		echo 'timer { counter 2; interval 2 sec; phase1 10 sec; }'
		if [ "$1" = i ]; then
			peers 0 $((last + 10)) "remote %s { exchange_mode main; $proposal }"
		else
			echo "remote anonymous { exchange_mode main; $proposal }"
		fi
		echo 'sainfo anonymous { encryption_algorithm aes 128; authentication_algorithm hmac_sha1; compression_algorithm deflate; }'
	} >"$dir/racoon.conf"
	(
		umask 077
		peers 0 $((last + 10)) '%s simple psk' >"$dir/psk.txt"
		echo '10.2.0.2 simple psk' >>"$dir/psk.txt"
	)
}

establish_master() {
	local dir=$D/est-i
	cat >"$dir/services.master_server" <<-C
	service RACOON {
		program "$bin/racoon";
		arguments "-F" "-f" "$dir/racoon.conf" "-s" "$dir/racoon.ctl" "-S" "$dir/ipsec.sock";
	}
	C
	ours_run est i "$bin/multinet_server" -f "$dir/services.master_server" -s "$dir/master.sock"
	wait_for 30 establish_ask start || { tail "$dir/out" >&2; die 'the master server does not start'; }
}
establish_ask() { ours est i "$bin/netcontrol" /SOCKET="$D/est-i/master.sock" "$@"; }

# establish_run FILE PARALLEL: seconds, then the summary and the exit status
establish_run() {
	local from to status
	from=$(date +%s%N)
	establish_ask @com/establish_peers.com "$1" "$2" 30 >"$D/est.out" 2>"$D/est.err"
	status=$?
	to=$(date +%s%N)
	awk -v ns=$((to - from)) -v said="$(grep 'peers: ' "$D/est.out")" -v status=$status \
		'BEGIN {printf "%.2f s: %s; exit status %d", ns / 1e9, said, status}'
}

bench_establish() {
	local all one more
	. tests/bench/negotiation.sh
	pair est
	peers 0 $((ESTABLISH_PEERS - 1)) 'addr add %s/32 dev lo' | ip -n "$tag-est-r" -batch - || die addresses
	ip -n "$tag-est-i" route add 10.16.0.0/16 via 10.2.0.1
	establish_conf i
	establish_conf r
	ipsecd_start est i
	ipsecd_start est r
	racoon_start est r
	establish_master
	peers 0 $((ESTABLISH_PEERS - 1)) '%s 10.2.0.2' >"$D/est.peers"
	peers 0 $((ESTABLISH_PEERS + 9)) '%s 10.2.0.2' >"$D/est.more"
	all=$(establish_run "$D/est.peers" 16)
	establish_ask racoon flush >/dev/null 2>&1
	one=$(establish_run "$D/est.peers" 1)
	establish_ask racoon flush >/dev/null 2>&1
	more=$(establish_run "$D/est.more" 16)
	printf 'establish   %s 16 at a time: %s\n' "$ESTABLISH_GROUP" "$all"
	printf 'establish   %s one after another: %s\n' "$ESTABLISH_GROUP" "$one"
	printf 'establish   %s 16 at a time, ten more that do not answer: %s\n' "$ESTABLISH_GROUP" "$more"
	contest_end est
}
