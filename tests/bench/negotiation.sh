# negotiation.sh - what one main + quick mode costs the responder, with SAs already up; sourced.
#
# One initiator host with many addresses (10.1.x.y), one responder (10.2.0.1).  Both contestants
# meet themselves as initiator; only the responder's processes are measured (for us racoon and
# ipsecd, for charon the one process that does both).

SAS=${SAS:-1000} MEASURED=${MEASURED:-300}

peer_address() { echo "10.1.$(($1 / 250)).$(($1 % 250 + 1))"; }

many_addresses() { # name, count
	local n
	for n in $(seq 0 $(($2 - 1))); do
		echo "addr add $(peer_address "$n")/32 dev lo"
	done | ip -n "$tag-$1-i" -batch -
	ip -n "$tag-$1-r" route add 10.1.0.0/16 via 10.2.0.2
}

ours_many() { # name, group, count
	local n side
	for side in i r; do
		{
			echo "path pre_shared_key \"$D/$1-$side/psk.txt\"; log error;"
			echo 'timer { phase1 60 sec; phase2 60 sec; }'
			[ $side = i ] || echo 'listen { isakmp 10.2.0.1 [500]; }'
			echo "remote anonymous { exchange_mode main; initial_contact off; lifetime time 8 hour;"
			echo "proposal { encryption_algorithm aes 128; hash_algorithm sha1; authentication_method pre_shared_key; dh_group $2; } }"
			echo 'sainfo anonymous { lifetime time 8 hour; encryption_algorithm aes 128; authentication_algorithm hmac_sha1; compression_algorithm deflate; }'
		} >"$D/$1-$side/racoon.conf"
		(
			umask 077
			echo '10.2.0.1 simple psk'
			for n in $(seq 0 $(($3 - 1))); do echo "$(peer_address "$n") simple psk"; done
		) >"$D/$1-$side/psk.txt"
		for n in $(seq 0 $(($3 - 1))); do
			local a=$(peer_address "$n") out=out in=in
			[ $side = i ] || { out=in; in=out; }
			echo "spdadd $a 172.16.2.1 any -P $out ipsec esp/tunnel/$a-10.2.0.1/require;"
			echo "spdadd 172.16.2.1 $a any -P $in ipsec esp/tunnel/10.2.0.1-$a/require;"
		done >"$D/$1-$side/ipsec.conf"
		ipsecd_start "$1" $side
		ours "$1" $side "$bin/setkey" -f "$D/$1-$side/ipsec.conf" || die setkey
		[ $side = i ] || responder="$last_pid"
		racoon_start "$1" $side
		[ $side = i ] || responder="$responder $last_pid"
	done
}
ours_bring() { # name, first, last
	local n
	for n in $(seq "$2" "$3"); do
		echo "establish/child/timeout=60 10.2.0.1 $(peer_address "$n")"
	done | ours "$1" i "$bin/netcontrol" /SOCKET="$D/$1-i/racoon.ctl" >"$D/$1-i/bring.out" 2>&1 ||
		{ tail -n 3 "$D/$1-i/bring.out" >&2; die 'our initiator failed'; }
}

charon_many() { # name, group, count
	local n
	{
		echo 'connections {'
		for n in $(seq 0 $(($3 - 1))); do
			local a=$(peer_address "$n")
			echo "t$n { version = 1
			local_addrs = $a
			remote_addrs = 10.2.0.1
			encap = yes
			proposals = aes128-sha1-$2
			local { auth = psk
			id = $a }
			remote { auth = psk
			id = 10.2.0.1 }
			children { net$n { local_ts = $a/32
			remote_ts = 172.16.2.1/32
			esp_proposals = aes128-sha1 } } }"
		done
		echo '}'
		echo 'secrets { ike-1 { secret = "simple psk" } }'
	} >"$D/$1-i/conf"
	swan_start "$tag-$1-i" "$D/$1-i" "$(cat "$D/$1-i/conf")" 'kernel-libipsec { load = yes }' || die charon
	swan_start "$tag-$1-r" "$D/$1-r" "connections { t { version = 1
		local_addrs = 10.2.0.1
		remote_addrs = 0.0.0.0/0
		encap = yes
		proposals = aes128-sha1-$2
		local { auth = psk
		id = 10.2.0.1 }
		remote { auth = psk }
		children { net { local_ts = 172.16.2.1/32
		remote_ts = 10.1.0.0/16
		esp_proposals = aes128-sha1 } } } }
	secrets { ike-1 { secret = \"simple psk\" } }" 'kernel-libipsec { load = yes }' || die charon
	responder=$(cat "$D/$1-r/pid")
}
charon_bring() { # name, first, last
	local n
	for n in $(seq "$2" "$3"); do echo "net$n"; done |
		STRONGSWAN_CONF=$D/$1-i/strongswan.conf ip netns exec "$tag-$1-i" \
		xargs -P 2 -I NAME swanctl --initiate --child NAME --timeout 60 --uri "unix://$D/$1-i/vici" >"$D/$1-i/bring.out" 2>&1 ||
		say 'some of charon'"'"'s negotiations failed'
}

measure() { # bring function, name: CPU microseconds of the responder for one negotiation
	local before after hz
	hz=$(getconf CLK_TCK)
	"$1" "$2" 0 $((SAS - 1))
	# shellcheck disable=SC2086
	before=$(cpu_ticks $responder)
	"$1" "$2" "$SAS" $((SAS + MEASURED - 1))
	# shellcheck disable=SC2086
	after=$(cpu_ticks $responder)
	awk -v t=$((after - before)) -v n="$MEASURED" -v hz="$hz" 'BEGIN {printf "%.0f", t / hz / n * 1e6}'
}

bench_negotiation() {
	local group ours theirs
	for group in modp1024 modp2048; do
		pair "on$group"
		many_addresses "on$group" $((SAS + MEASURED))
		ours_many "on$group" $group $((SAS + MEASURED))
		ours=$(measure ours_bring "on$group")
		pair "sn$group"
		many_addresses "sn$group" $((SAS + MEASURED))
		charon_many "sn$group" $group $((SAS + MEASURED))
		theirs=$(measure charon_bring "sn$group")
		printf 'negotiation %-8s %d SAs up: racoon+ipsecd %5d us, charon %5d us of responder CPU each; per CPU second %d against %d, ratio %s\n' \
			$group "$SAS" "$ours" "$theirs" $((1000000 / (ours + 1))) $((1000000 / (theirs + 1))) "$(ratio "$theirs" "$ours")"
		swan_stop "$D/sn$group-i"
		swan_stop "$D/sn$group-r"
	done
}
