# negotiation.sh - what one main + quick mode costs the responder, with SAs already up; sourced.
#
# One initiator host with many addresses (10.16.x.y), one responder (10.2.0.1).  Both contestants
# meet themselves as initiator, AT_ONCE negotiations at a time; only the responder's processes are
# measured (for us racoon and ipsecd, for charon the one process that does both).  After SAS tunnels
# are up, batches of the two alternate.

SAS=${SAS:-1000} MEASURED=${MEASURED:-600} BATCHES=${BATCHES:-12} AT_ONCE=${AT_ONCE:-2}

# One initiator cannot have many more (RD_SOCKETS_MAX): the next 4,000 peers are in 10.17, and so on.
HOST_PEERS=4000

# peers FIRST LAST FORMAT: awk's printf of each peer's address, which stands for every %s
peers() {
	# Cut up once: mawk needs a quarter of a millisecond for each gsub.
	awk -v n="$1" -v last="$2" -v format="$3\n" -v most=$HOST_PEERS 'BEGIN {
		parts = split(format, part, /%[sn]/)
		for (k = 1; k < parts; k++) {
			at += length(part[k]) + 2
			numbered[k] = substr(format, at, 1) == "n"
		}
		for (; n <= last; n++) {
			address = "10." 16 + int(n / most) "." int(n % most / 250) "." n % 250 + 1
			for (k = 1; k < parts; k++)
				printf "%s%s", part[k], numbered[k] ? n : address
			printf "%s", part[parts]
		}
	}'
}

many_addresses() { # name, count
	peers 0 $(($2 - 1)) 'addr add %s/32 dev lo' | ip -n "$tag-$1-i" -batch - || die addresses
	ip -n "$tag-$1-r" route add 10.16.0.0/16 via 10.2.0.2
}

# ours_host NAME SIDE GROUP FIRST LAST: ipsecd, policies and racoon of one host, for these peers
ours_host() {
	local out=in in=out side=$2 dir=$D/$1-$2
	{
		echo "path pre_shared_key \"$dir/psk.txt\"; log error;"
		echo 'timer { phase1 60 sec; phase2 60 sec; }'
		[ $side = i ] || echo 'listen { isakmp 10.2.0.1 [500]; }'
		echo "remote anonymous { exchange_mode main; initial_contact off; lifetime time 8 hour;"
		echo "proposal { encryption_algorithm aes 128; hash_algorithm sha1; authentication_method pre_shared_key; dh_group $3; } }"
		echo 'sainfo anonymous { lifetime time 8 hour; encryption_algorithm aes 128; authentication_algorithm hmac_sha1; compression_algorithm deflate; }'
	} >"$dir/racoon.conf"
	(
		umask 077
		peers "$4" "$5" '%s simple psk' >"$dir/psk.txt"
		echo '10.2.0.1 simple psk' >>"$dir/psk.txt"
	)
	[ $side = r ] || { out=out; in=in; }
	peers "$4" "$5" "spdadd %s 172.16.2.1 any -P $out ipsec esp/tunnel/%s-10.2.0.1/require;
		spdadd 172.16.2.1 %s any -P $in ipsec esp/tunnel/10.2.0.1-%s/require;" >"$dir/ipsec.conf"
	ipsecd_start "$1" $side
	ours "$1" $side "$bin/setkey" -f "$dir/ipsec.conf" >/dev/null || die setkey
	responder=$last_pid
	racoon_start "$1" $side
	responder="$responder $last_pid"
	# shellcheck disable=SC2086
	rss_rests $responder
}
ours_many() { # name, group, count
	ours_host "$1" i "$2" 0 $(($3 - 1))
	ours_host "$1" r "$2" 0 $(($3 - 1))
}
ours_bring() { # name, first, last
	local k waited=() failed=
	for k in $(seq 0 $((AT_ONCE - 1))); do
		peers "$2" "$3" 'establish/child/timeout=60 10.2.0.1 %s' |
			awk -v k="$k" -v of="$AT_ONCE" 'NR % of == k' >"$D/$1-i/bring.$k"
		ours "$1" i "$bin/netcontrol" /SOCKET="$D/$1-i/racoon.ctl" <"$D/$1-i/bring.$k" >"$D/$1-i/bring.out.$k" 2>&1 &
		waited+=($!)
	done
	for k in "${!waited[@]}"; do
		wait "${waited[$k]}" || { failed=yes; tail -n 3 "$D/$1-i/bring.out.$k" >&2; }
	done
	[ -z "$failed" ] || die 'our initiator failed'
}

charon_many() { # name, group, count
	{
		echo 'connections {'
		peers 0 $(($3 - 1)) "t%n { version = 1
			local_addrs = %s
			remote_addrs = 10.2.0.1
			encap = yes
			proposals = aes128-sha1-${2/x25519/curve25519}
			local { auth = psk
			id = %s }
			remote { auth = psk
			id = 10.2.0.1 }
			children { net%n { local_ts = %s/32
			remote_ts = 172.16.2.1/32
			esp_proposals = aes128-sha1 } } }"
		echo '}'
		echo 'secrets { ike-1 { secret = "simple psk" } }'
	} >"$D/$1-i/conf"
	swan_start "$tag-$1-i" "$D/$1-i" "$(cat "$D/$1-i/conf")" 'kernel-libipsec { load = yes }' || die charon
	swan_start "$tag-$1-r" "$D/$1-r" "connections { t { version = 1
		local_addrs = 10.2.0.1
		remote_addrs = 0.0.0.0/0
		encap = yes
		proposals = aes128-sha1-${2/x25519/curve25519}
		local { auth = psk
		id = 10.2.0.1 }
		remote { auth = psk }
		children { net { local_ts = 172.16.2.1/32
		remote_ts = 10.16.0.0/16
		esp_proposals = aes128-sha1 } } } }
	secrets { ike-1 { secret = \"simple psk\" } }" 'kernel-libipsec { load = yes }' || die charon
	responder=$(cat "$D/$1-r/pid")
}
charon_bring() { # name, first, last
	seq -f 'net%.0f' "$2" "$3" |
		STRONGSWAN_CONF=$D/$1-i/strongswan.conf ip netns exec "$tag-$1-i" xargs -P "$AT_ONCE" -I NAME \
		sh -c "swanctl --initiate --child NAME --timeout 60 --uri unix://$D/$1-i/vici || exit 255" >"$D/$1-i/bring.out" 2>&1 ||
		{ tail -n 3 "$D/$1-i/bring.out" >&2; die 'charon as initiator failed'; }
}

# batch BRING NAME FIRST COUNT PID…: responder CPU microseconds for each of these negotiations
batch() {
	local bring=$1 name=$2 first=$3 count=$4 before
	shift 4
	before=$(cpu_us "$@")
	"$bring" "$name" "$first" $((first + count - 1))
	echo $((($(cpu_us "$@") - before) / count))
}

bench_negotiation() {
	local group all each=$((MEASURED / BATCHES)) k o s one
	local ours theirs ours_us theirs_us ours_kb theirs_kb ours_pids theirs_pids
	all=$((SAS + each * BATCHES))
	for group in ${GROUPS_ON:-modp1024 modp2048 x25519}; do
		o=on$group s=sn$group
		pair $o
		pair $s
		many_addresses $o $all
		many_addresses $s $all
		ours_many $o $group $all
		ours_pids=$responder
		charon_many $s $group $all
		theirs_pids=$responder
		# shellcheck disable=SC2086
		ours_kb=$(rss_kb $ours_pids) theirs_kb=$(rss_kb $theirs_pids)
		ours_bring $o 0 $((SAS - 1))
		charon_bring $s 0 $((SAS - 1))
		ours=() theirs=()
		for k in $(seq 0 $((BATCHES - 1))); do
			# shellcheck disable=SC2086
			one=$(batch ours_bring $o $((SAS + k * each)) $each $ours_pids) || exit
			ours+=("$one")
			# shellcheck disable=SC2086
			one=$(batch charon_bring $s $((SAS + k * each)) $each $theirs_pids) || exit
			theirs+=("$one")
		done
		# shellcheck disable=SC2086
		ours_kb=$(($(rss_kb $ours_pids) - ours_kb)) theirs_kb=$(($(rss_kb $theirs_pids) - theirs_kb))
		contest_end $o $s
		ours_us=$(median "${ours[@]}") theirs_us=$(median "${theirs[@]}")
		printf 'negotiation %-8s %d SAs up, responder: racoon+ipsecd %d us of CPU each (%d a second), charon %d us (%d), ratio %s (%s)\n' \
			$group "$SAS" "$ours_us" $((1000000 / ours_us)) "$theirs_us" $((1000000 / theirs_us)) \
			"$(ratio "$theirs_us" "$ours_us")" "$(range "${theirs[*]}" "${ours[*]}")"
		printf 'memory      %-8s responder, for each tunnel: racoon+ipsecd %s KB, charon %s KB\n' $group \
			"$(tenths "$ours_kb" $all)" "$(tenths "$theirs_kb" $all)"
	done
}
