# natt.sh - NAT traversal, fragments and dead peer detection against strongSwan; sourced by inside.sh.

natt_conf() { # statements of the remote section, group
	cat <<-C
	path pre_shared_key "$D/a/psk.txt";
	timer { interval 2 sec; counter 3; natt_keepalive 1 sec; }
	remote $B {
		exchange_mode ${3:-main};
		$1
		proposal { encryption_algorithm aes 128; hash_algorithm sha1; authentication_method pre_shared_key; dh_group ${2:-modp2048}; }
	}
	sainfo anonymous { encryption_algorithm aes 128; authentication_algorithm hmac_sha1; compression_algorithm deflate; }
	C
}

natt_swan() { # mode, statements of the connection, group, aggressive
	local ts="local_ts = 172.16.2.0/24
			remote_ts = 172.16.1.0/24"
	[ "$1" = tunnel ] || ts=
	cat <<-C
	connections { t {
		version = 1
		aggressive = ${4:-no}
		local_addrs = $B
		remote_addrs = $A
		proposals = aes128-sha1-${3:-modp2048}
		$2
		local { auth = psk
			id = $B }
		remote { auth = psk
			id = $A }
		children { net {
			$ts
			esp_proposals = aes128-sha1
			mode = $1
		} }
	} }
	secrets { ike-1 { secret = "simple psk" } }
	C
}

in_udp() { # ESP in UDP was seen, and no other ESP
	sleep 0.5
	kill "$watch"
	wait "$watch" 2>/dev/null
	grep -q 'UDP-encap: ESP(spi=' $D/wire && ! grep 'ESP(spi=' $D/wire | grep -qv UDP-encap
}

# name, our statements, swan's, mode, our exchange mode, rows of the matrix
natt_pair() {
	local name=$1 mode=${4:-tunnel} exchange=${5:-main} aggressive=no from_a='-I 172.16.1.1 172.16.2.1' from_b='-I 172.16.2.1 172.16.1.1' policy=$tunnel_policy
	[ $exchange = main ] || aggressive=yes
	rows=${6:-NAT-T}
	[ $mode = tunnel ] || from_a=$B from_b=$A policy=$transport_policy
	ours_start "$(natt_conf "$2" modp2048 $exchange)" "$policy"
	swan_start b $D/b "$(natt_swan $mode "$3" modp2048 $aggressive)" || { not_ok "$name: charon starts"; return; }
	watch_start -Q out
	as i
	expect "$name: we initiate" racoon_says establish/child $B
	# shellcheck disable=SC2086
	expect "$name: ping" ping_a $from_a
	expect "$name: our FLUSH" racoon_says flush
	expect "$name: … and strongSwan understood the Delete" until_true 5 swan_has_none
	as r
	expect "$name: strongSwan initiates" swan b $D/b --initiate --child net --timeout 15
	# shellcheck disable=SC2086
	expect "$name: ping from its side" ping_b $from_b
	expect "$name: strongSwan rekeys both" swan b $D/b --rekey --ike t
	sleep 1
	expect "$name: … the child too" swan b $D/b --rekey --child net
	sleep 1
	# shellcheck disable=SC2086
	expect "$name: ping after that" ping_b $from_b
	expect "$name: ESP was in UDP" in_udp
	expect "$name: RFC 3947" grep -q 'Selected NAT-T version: RFC 3947' $D/a/racoon.log
	swan_stop $D/b
	ours_stop
}

# name, our statements, swan's
frag_pair() {
	local name=$1
	ours_start "$(natt_conf "$2" modp4096)" "$tunnel_policy"
	swan_start b $D/b "$(natt_swan tunnel "$3" modp4096)" '' || { not_ok "$name: charon starts"; return; }
	as i fragmentation
	expect "$name: we initiate" racoon_says establish/child/timeout=30 $B
	expect "$name: ping" ping_a -I 172.16.1.1 172.16.2.1
	expect "$name: strongSwan put pieces together" grep -q 'received fragment\|reassembled fragmented IKE message' $D/b/charon.log
	expect "$name: our FLUSH" racoon_says flush
	until_true 5 swan_has_none
	as r
	expect "$name: strongSwan initiates" swan b $D/b --initiate --child net --timeout 30
	expect "$name: ping from its side" ping_b -I 172.16.2.1 172.16.1.1
	expect "$name: strongSwan sent pieces" grep -q 'splitting IKE message\|sending.*fragment' $D/b/charon.log
	swan_stop $D/b
	ours_stop
}

dpd_pair() {
	local name=DPD
	ours_start "$(natt_conf 'dpd_delay 2; dpd_retry 2; dpd_maxfail 2;')" "$tunnel_policy"
	swan_start b $D/b "$(natt_swan tunnel 'dpd_delay = 3s
		dpd_timeout = 12s')" || { not_ok "$name: charon starts"; return; }
	as i DPD
	expect "$name: we initiate" racoon_says establish/child $B
	sleep 9
	expect "$name: strongSwan answers us" grep -q 'N(DPD_ACK)' $D/b/charon.log
	expect "$name: … and takes our numbers" eval "! grep -q 'invalid DPD sequence' $D/b/charon.log"
	expect "$name: both live on" racoon_says show isakmp
	expect "$name: … at its end" swan_has_sa
	expect "$name: no word of death" eval "! grep -q 'seems to be dead' $D/a/racoon.log"
	kill -STOP "$(cat $D/b/pid)"
	expect "$name: a peer that hangs is found dead" until_true 15 grep -q 'seems to be dead' $D/a/racoon.log
	kill -CONT "$(cat $D/b/pid)"
	swan_stop $D/b
	ours_stop
	# the other way: only strongSwan asks
	ours_start "$(natt_conf '')" "$tunnel_policy"
	swan_start b $D/b "$(natt_swan tunnel 'dpd_delay = 2s
		dpd_timeout = 7s')" || { not_ok "$name: charon starts"; return; }
	as r
	expect "$name: strongSwan initiates" swan b $D/b --initiate --child net --timeout 15
	sleep 6
	expect "$name: we answer" grep -q 'DPD_ACK' $D/b/charon.log
	expect "$name: … and are alive to it" swan_has_sa
	kill -STOP "$racoon"
	expect "$name: … until we hang" until_true 20 swan_has_none
	kill -CONT "$racoon"
	swan_stop $D/b
	ours_stop
}

natt_all() {
	natt_pair 'NAT-T, forced by us, tunnel' 'nat_traversal force;' ''
	natt_pair 'NAT-T, forced by strongSwan, tunnel' 'nat_traversal on;' 'encap = yes'
	natt_pair 'NAT-T, forced by us, aggressive mode' 'nat_traversal force;' '' tunnel aggressive
	natt_pair 'NAT-T, transport' 'nat_traversal force;' '' transport
	frag_pair 'fragments' 'ike_frag on;' 'fragmentation = force'
	frag_pair 'fragments with NAT-T' 'ike_frag force; nat_traversal force;' 'fragmentation = force'
	dpd_pair
}
