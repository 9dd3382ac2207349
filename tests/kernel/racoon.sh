#!/bin/bash
# racoon.sh - runs in the private kernel: two racoons whose SA database is the kernel's own, over
# XFRM and over PF_KEY: ACQUIRE, rekeying under traffic, Delete, DPD, generate_policy, NAT-T, and an
# end that leaves what others installed alone.  TAP.
#
#     na 172.16.1.10 --- a 192.168.1.100 === 192.168.2.100 b --- 172.16.2.10 nb
#     c 10.0.0.2 --- n (masquerades) 203.0.113.2 === 203.0.113.1 b
set -u
bin=$LAB_BIN
D=/run/racoon
A=192.168.1.100 B=192.168.2.100 N=203.0.113.2 G=203.0.113.1
declare -A pid

ok() { echo "ok - kernel: racoon, $backend: $*"; }
not_ok() {
	local h
	echo "not ok - kernel: racoon, $backend: $*"
	for h in $started; do [ ! -s $D/$h/racoon.log ] || tail -n 12 $D/$h/racoon.log | sed "s/^/#  $h| /"; done
}
verdict() { if [ "$1" = 0 ]; then ok "$2"; else not_ok "$2"; fi; }
expect() { # text, command…
	local what=$1 out
	shift
	if out=$("$@" 2>&1); then ok "$what"; else printf '%s\n' "$out" | tail -n 20 | sed 's/^/#  /'; not_ok "$what"; fi
}
until_true() { # seconds, command…
	local end=$(($(date +%s) + $1))
	shift
	while ! "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt "$end" ] || return 1
		sleep 0.2
	done
}
on() { local ns=$1; shift; ip netns exec "$ns" "$@"; }
ours() { local h=$1; shift; on "$h" env MULTINET=$D/$h MULTINET_IPSEC_BACKEND=$backend MULTINET_RACOON_JOURNAL=$D/$h/journal "$@"; }
setkey_on() { ours "$1" "$bin/setkey" "${@:2}"; }
says() { ours "$1" "$bin/netcontrol" /SOCKET=$D/$1/racoon.ctl "${@:2}"; }

wire() { # host, device, address, host, device, address
	ip link add "$2" netns "$1" type veth peer name "$5" netns "$4"
	ip -n "$1" addr add "$3" dev "$2"
	ip -n "$4" addr add "$6" dev "$5"
	ip -n "$1" link set "$2" up
	ip -n "$4" link set "$5" up
}

topology() {
	local h
	for h in na a b nb c n; do
		ip netns add $h
		ip -n $h link set lo up
		mkdir -p $D/$h
	done
	wire a va $A/16 b vb $B/16
	wire na e0 172.16.1.10/24 a e1 172.16.1.1/24
	wire nb e0 172.16.2.10/24 b e1 172.16.2.1/24
	wire c e0 10.0.0.2/24 n in0 10.0.0.1/24
	wire n out $N/24 b vn $G/24
	for h in a b n; do on $h sysctl -qw net.ipv4.ip_forward=1; done
	ip -n na route add default via 172.16.1.1
	ip -n nb route add default via 172.16.2.1
	ip -n c route add default via 10.0.0.1
	ip -n a route add 172.16.2.0/24 via $B
	ip -n b route add 172.16.1.0/24 via $A
	ip -n b route add 172.16.7.0/24 via $N
	ip -n c addr add 172.16.7.1/32 dev lo
	ip -n c route add 172.16.2.0/24 via 10.0.0.1 src 172.16.7.1
	modprobe -a iptable_nat xt_MASQUERADE 2>/dev/null # this kernel has no tables for nft
	on n iptables-legacy -t nat -A POSTROUTING -o out -j MASQUERADE --random
}

conf() { # host, remote, statements of the remote section, lifetimes of phases 1 and 2 (seconds)
	cat >$D/$1/racoon.conf <<-C
	path pre_shared_key "$D/$1/psk.txt";
	timer { interval 2 sec; counter 3; natt_keepalive 1 sec; }
	remote $2 {
		exchange_mode main;
		$3
		lifetime time ${4:-600} sec;
		proposal { encryption_algorithm aes 128; hash_algorithm sha1; authentication_method pre_shared_key; dh_group modp1024; }
	}
	sainfo anonymous {
		lifetime time ${5:-600} sec;
		encryption_algorithm aes 128;
		authentication_algorithm hmac_sha1;
		compression_algorithm deflate;
	}
	C
	(umask 077; printf '%s the secret\n' $A $B $N $G 10.0.0.1 >$D/$1/psk.txt)
}
begin() { # hosts…
	local h
	for h; do
		: >$D/$h/racoon.log
		ip netns exec $h env MULTINET=$D/$h MULTINET_IPSEC_BACKEND=$backend MULTINET_RACOON_JOURNAL=$D/$h/journal \
			"$bin/racoon" -F -d -f $D/$h/racoon.conf -s $D/$h/racoon.ctl -l $D/$h/racoon.log >$D/$h/racoon.out 2>&1 &
		pid[$h]=$!
		started="$started $h"
	done
	for h; do until_true 20 says $h noop || { sed 's/^/#  /' $D/$h/racoon.out; not_ok "racoon on $h comes up"; }; done
}
end() { # hosts…
	local h rc
	for h; do
		kill "${pid[$h]}"
		wait "${pid[$h]}"
		rc=$?
		[ $rc = 0 ] || not_ok "racoon on $h ends with status $rc"
	done
	started=
}
wipe() { local h; for h in a b c; do setkey_on $h -F; setkey_on $h -FP; ip -n $h xfrm state flush; ip -n $h xfrm policy flush; done >/dev/null 2>&1; }
policies() { # host, its range, the other range, its end, the other end
	setkey_on "$1" -c <<-END
	flush; spdflush;
	spdadd $2 $3 any -P out ipsec esp/tunnel/$4-$5/require;
	spdadd $3 $2 any -P in ipsec esp/tunnel/$5-$4/require;
	END
}
spis() { ip -n "$1" xfrm state | grep -oE 'spi 0x[0-9a-f]{8}' | sort; }
sas_of() { spis "$1" | grep -vc 'spi 0x0000\|spi 0x00000000'; }
no_sas() { [ "$(sas_of "$1")" = 0 ]; }
nothing_up() { ! says "$1" show isakmp | grep -q "$2"; }
no_clear() { # nothing but IKE and ESP on the wire
	sleep 0.5
	kill "$watch"; wait "$watch" 2>/dev/null
	grep -q 'ESP(spi=' $D/wire && ! grep -v 'ESP(spi=\|^$\|ARP\|isakmp\|igmp' $D/wire
}
# Linux shows a packet that came out of a tunnel once more, in clear, on the way in: look at what goes out.
watch_start() { # host, device, options of tcpdump
	ip netns exec "$1" tcpdump --immediate-mode -Z root -U -lnni "$2" $3 ip >$D/wire 2>$D/wire.err &
	watch=$!
	sleep 1
}

tunnel() {
	local first out
	conf a $B '' 24 14
	conf b $A '' 24 14
	expect 'the policies load' policies a 172.16.1.0/24 172.16.2.0/24 $A $B
	expect '… at the other end' policies b 172.16.2.0/24 172.16.1.0/24 $B $A
	begin a b
	watch_start a va '-Q out'
	expect 'a forwarded packet raises an ACQUIRE and the tunnel comes up' until_true 10 on na ping -c 1 -W 1 172.16.2.10
	expect 'one pair of SAs at each end' test "$(sas_of a)/$(sas_of b)" = 2/2
	first=$(spis a)
	out=$(on na ping -i 0.05 -w 32 -q 172.16.2.10)
	grep -q ' 0% packet loss' <<<"$out"
	verdict $? 'both phases are renewed under traffic, no packet is lost'
	echo "$out" | grep transmitted | sed 's/^/#  /'
	test -z "$(comm -12 <(echo "$first") <(spis a))"
	verdict $? '… none of the first SAs is left'
	grep -c 'ISAKMP-SA established' $D/a/racoon.log | grep -q '^[2-9]'
	verdict $? '… phase 1 too was renewed'
	test "$(sas_of a)" -le 6 && test "$(sas_of b)" -le 6
	verdict $? '… old pairs do not pile up'
	expect 'nothing but IKE and ESP was on the wire' no_clear
	expect 'FLUSH' says a flush
	expect '… takes our SAs out of the kernel' until_true 5 no_sas a
	expect '… and the peer, told by Delete, its own' until_true 5 no_sas b
	expect 'from the other side' until_true 10 on nb ping -c 1 -W 1 172.16.1.10
	expect 'DELETE of a peer' says b delete $A
	expect '… both ends are empty' until_true 5 eval 'no_sas a && no_sas b'
	end a b
	wipe
}

dead_peer() {
	local left
	conf a $B 'dpd_delay 2; dpd_retry 1; dpd_maxfail 2;'
	conf b $A ''
	policies a 172.16.1.0/24 172.16.2.0/24 $A $B
	policies b 172.16.2.0/24 172.16.1.0/24 $B $A
	begin a b
	expect 'DPD: the tunnel' until_true 10 on na ping -c 1 -W 1 172.16.2.10
	kill -KILL "${pid[b]}"; wait "${pid[b]}" 2>/dev/null
	expect 'DPD: a killed peer is found dead' until_true 15 grep -q 'seems to be dead' $D/a/racoon.log
	expect 'DPD: its SAs are gone' until_true 5 no_sas a
	left=$(spis b)
	expect 'what the dead racoon left is still in its kernel' test "$(sas_of b)" = 2
	begin b
	removed() { [ -z "$(comm -12 <(echo "$left") <(spis b))" ]; }
	expect '… until its successor has removed it' until_true 5 removed
	expect 'traffic brings the tunnel back' until_true 10 on na ping -c 1 -W 1 172.16.2.10
	end a b
	wipe
}

# What others installed: a manual SA and a policy, before and after; a policy of the same selector
# as one we generate would be the administrator's, and stays too.
foreign() {
	conf a $B ''
	conf b $A 'generate_policy on; passive on;'
	policies a 172.16.1.0/24 172.16.2.0/24 $A $B
	begin a b
	setkey_on b -c <<-END
	add $B 192.168.9.9 esp 0x5555 -m tunnel -E aes-cbc 0x000102030405060708090a0b0c0d0e0f -A hmac-sha1 0x000102030405060708090a0b0c0d0e0f10111213;
	spdadd 172.16.2.0/24 172.16.9.0/24 any -P out ipsec esp/tunnel/$B-192.168.9.9/require;
	END
	expect 'generate_policy: traffic through a gateway without policies' until_true 10 on na ping -c 1 -W 1 172.16.2.10
	for dir in in out fwd; do
		ip -n b xfrm policy | grep -A1 '172.16.1.0/24' | grep -q "dir $dir"
		verdict $? "generate_policy: $dir"
	done
	expect 'generate_policy: back again' on nb ping -c 2 -i 0.2 -W 2 172.16.1.10
	expect 'DELETE at the initiator' says a delete $B
	generated() { ip -n b xfrm policy | grep -q '172.16.1.0/24'; }
	expect 'generate_policy: they go with the SA' until_true 5 eval '! generated'
	until_true 10 on na ping -c 1 -W 1 172.16.2.10
	expect 'generate_policy: and come again' generated
	expect 'SHUTDOWN' says b shutdown
	wait "${pid[b]}"
	verdict $? '… ends it well'
	! generated
	verdict $? '… what it generated is gone'
	expect '… the SAs too, but for the one that another installed' test "$(spis b)" = 'spi 0x00005555'
	expect "… and another's policy" sh -c 'ip -n b xfrm policy | grep -q 172.16.9.0/24'
	expect '… and the peer was told' until_true 5 no_sas a
	end a
	wipe
}

transport() {
	conf a $B ''
	conf b $A ''
	setkey_on a -c <<-END
	spdadd $A $B any -P out ipsec esp/transport//require ah/transport//require;
	spdadd $B $A any -P in ipsec esp/transport//require ah/transport//require;
	END
	setkey_on b -c <<-END
	spdadd $B $A any -P out ipsec esp/transport//require ah/transport//require;
	spdadd $A $B any -P in ipsec esp/transport//require ah/transport//require;
	END
	begin a b
	watch_start a va ''
	expect 'ESP and AH in transport mode' until_true 10 on a ping -c 1 -W 1 $B
	expect '… the other way' on b ping -c 2 -i 0.2 -W 2 $A
	expect '… four SAs' test "$(sas_of a)" = 4
	sleep 0.5; kill "$watch"; wait "$watch" 2>/dev/null
	grep -q 'AH(spi=.*ESP(spi=' $D/wire
	verdict $? '… on the wire AH around ESP'
	end a b
	wipe
}

natt() {
	conf c $G 'nat_traversal on; dpd_delay 2; dpd_retry 1; dpd_maxfail 4;'
	conf b anonymous 'nat_traversal on; passive on; generate_policy on;'
	policies c 172.16.7.1 172.16.2.0/24 10.0.0.2 $G
	begin c b
	watch_start b vn ''
	expect 'NAT-T: a road warrior behind a NAT box' until_true 10 on c ping -c 1 -W 1 -I 172.16.7.1 172.16.2.10
	expect 'NAT-T: … is reached from behind the gateway' on nb ping -c 2 -i 0.2 -W 2 172.16.7.1
	sleep 1.5; kill "$watch"; wait "$watch" 2>/dev/null
	grep -q "$N\.[0-9]* > $G\.4500: UDP-encap: ESP(spi=" $D/wire
	verdict $? 'NAT-T: ESP goes in UDP'
	! grep 'ESP(spi=' $D/wire | grep -qv UDP-encap
	verdict $? 'NAT-T: … always'
	grep -qE "$N\.[0-9]+ > $G\.4500: .*(isakmp-nat-keep-alive|NAT-keepalive)" $D/wire
	verdict $? 'NAT-T: keepalives'
	ip -n b xfrm state | grep -q 'encap type espinudp sport 4500 dport [0-9]'
	verdict $? 'NAT-T: the kernel knows the ports'
	expect 'NAT-T: the log says who is behind the NAT' grep -q 'NAT detected: PEER' $D/b/racoon.log
	# the box forgets and gives another port
	ip -n n link set out down; ip -n n link set out up
	ip -n n route add default via $G 2>/dev/null
	expect 'NAT-T: the NAT gives another port, traffic goes on' until_true 15 on nb ping -c 1 -W 1 172.16.7.1
	expect 'NAT-T: … on the SAs of before' test "$(grep -c 'IPsec-SA established' $D/c/racoon.log)" = 2
	expect 'NAT-T: Delete' says c flush
	expect 'NAT-T: both ends are empty' until_true 5 eval 'no_sas b && no_sas c'
	end b
	conf b $A 'nat_traversal force;'
	conf a $B 'nat_traversal force;'
	policies a 172.16.1.0/24 172.16.2.0/24 $A $B
	policies b 172.16.2.0/24 172.16.1.0/24 $B $A
	begin a b
	watch_start a va ''
	expect 'NAT-T forced' until_true 10 on na ping -c 1 -W 1 172.16.2.10
	sleep 0.5; kill "$watch"; wait "$watch" 2>/dev/null
	grep -q "$A\.4500 > $B\.4500: UDP-encap: ESP(spi=" $D/wire
	verdict $? 'NAT-T forced: ESP in UDP'
	end a b c
	wipe
}

# A relay that is a NAT as well and makes the vendor IDs of later versions unreadable, so that each end
# takes the other for one that knows drafts 00 and 01 alone.
relay() {
	cat <<-'END'
	import hashlib, select, socket
	later = [hashlib.md5(n.encode()).digest() for n in ['RFC 3947', 'draft-ietf-ipsec-nat-t-ike-02\n'] +
	    ['draft-ietf-ipsec-nat-t-ike-0%d' % k for k in range(2, 9)]]
	def socket_at(address, port):
	    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	    s.bind((address, port))
	    return s
	inner, outer, client = socket_at('10.0.0.1', 500), socket_at('203.0.113.2', 20500), None
	print('relay', flush=True)
	while True:
	    for s in select.select([inner, outer], [], [])[0]:
	        data, who = s.recvfrom(65535)
	        for v in later:
	            data = data.replace(v, bytes(16 * [0x77]))
	        if len(data) > 8 and data[:8] == bytes(8):
	            print('marked ESP from', who[0], flush=True)
	        if s is inner:
	            client = who
	            outer.sendto(data, ('203.0.113.1', 500))
	        elif client is not None:
	            inner.sendto(data, client)
	END
}

# The first drafts: ESP behind eight zero octets on IKE's own port 500 (Linux before 6.11).
first_drafts() {
	local between
	conf c anonymous 'nat_traversal on;'
	conf b anonymous 'nat_traversal on; passive on;'
	policies c 172.16.7.1 172.16.2.0/24 10.0.0.2 10.0.0.1
	policies b 172.16.2.0/24 172.16.7.1 $G $N
	relay >$D/relay.py
	ip netns exec n python3 -IS $D/relay.py >$D/relay.out 2>&1 &
	between=$!
	until_true 10 grep -q relay $D/relay.out
	begin c b
	watch_start b vn '-Q out'
	expect 'first drafts: a packet brings the tunnel up' until_true 10 on c ping -c 1 -W 1 -I 172.16.7.1 172.16.2.10
	expect 'first drafts: … and it carries' on c ping -c 3 -i 0.2 -W 2 -I 172.16.7.1 172.16.2.10
	expect 'first drafts: … the other way as well' on nb ping -c 2 -i 0.2 -W 2 172.16.7.1
	expect 'first drafts: it is draft 01 that was agreed on' grep -q 'Selected NAT-T version: draft-ietf-ipsec-nat-t-ike-01' $D/b/racoon.log
	ip -n b xfrm state | grep -q 'encap type espinudp-nonike sport 500 dport [0-9]'
	verdict $? 'first drafts: the kernel knows the marker and the ports'
	expect 'first drafts: setkey tells of the marker' sh -c "ip netns exec b env MULTINET_IPSEC_BACKEND=$backend $bin/setkey -D | grep -q 'non-IKE marker'"
	test "$(grep -c 'marked ESP from 10.0.0.2' $D/relay.out)" -ge 4 && test "$(grep -c 'marked ESP from 203.0.113.1' $D/relay.out)" -ge 4
	verdict $? 'first drafts: ESP came behind eight zero octets, both ways'
	sleep 0.5; kill "$watch"; wait "$watch" 2>/dev/null
	grep -q "$G\.500 > $N\." $D/wire && ! grep -q "\.4500\|172\.16\." $D/wire
	verdict $? 'first drafts: nothing at another port, nothing in clear'
	if [ $backend = xfrm ]; then
		expect 'first drafts: IKE goes on at that port: Delete' says c flush
		expect 'first drafts: … both ends are empty' until_true 5 eval 'no_sas b && no_sas c'
		expect 'first drafts: … and new SAs' until_true 10 on c ping -c 1 -W 1 -I 172.16.7.1 172.16.2.10
	fi
	kill $between; wait $between 2>/dev/null
	end b c
	wipe
}

# The same with racoon's network side as nobody: what it may is CAP_NET_ADMIN, no more.
separate() {
	local worker
	conf a $B ''
	conf b $A ''
	echo 'privsep { user "nobody"; chroot "/var/empty"; }' >>$D/a/racoon.conf
	mkdir -p /var/empty
	policies a 172.16.1.0/24 172.16.2.0/24 $A $B
	policies b 172.16.2.0/24 172.16.1.0/24 $B $A
	begin a b
	worker=$(sed -n 's/.* unprivileged process running with PID \([0-9]*\).*/\1/p' $D/a/racoon.log)
	grep -q "^Uid:.$(id -u nobody).$(id -u nobody)" /proc/$worker/status && grep -q '^CapEff:.0000000000001000$' /proc/$worker/status
	verdict $? 'privsep: the worker is nobody with CAP_NET_ADMIN'
	expect 'privsep: a packet raises an ACQUIRE and the tunnel comes up' until_true 10 on na ping -c 1 -W 1 172.16.2.10
	expect 'privsep: one pair of SAs at each end' test "$(sas_of a)/$(sas_of b)" = 2/2
	expect 'privsep: RELOAD' says a reload
	expect 'privsep: FLUSH takes our SAs out of the kernel' says a flush
	expect '… all' until_true 5 no_sas a
	end a b
	wipe
}

# Somebody empties the kernel's database under a running racoon.
flushed() {
	conf a $B ''
	conf b $A ''
	policies a 172.16.1.0/24 172.16.2.0/24 $A $B
	policies b 172.16.2.0/24 172.16.1.0/24 $B $A
	begin a b
	until_true 10 on na ping -c 1 -W 1 172.16.2.10
	ip -n a xfrm state flush
	expect "'ip xfrm state flush' at one end: traffic brings a new tunnel" until_true 15 on na ping -c 1 -W 1 172.16.2.10
	expect '… and the racoon there kept no SA that is not' until_true 5 eval "[ \"\$(sas_of a)\" = 2 ]"
	end a b
	wipe
}

backend=xfrm started=
topology
for backend in ${KERNEL_BACKENDS:-xfrm pfkey}; do
	parts='tunnel dead_peer foreign transport natt first_drafts flushed separate'
	[ $backend = xfrm ] || parts='tunnel foreign natt first_drafts'
	for part in ${KERNEL_PARTS:-$parts}; do
		start=$(date +%s)
		$part
		echo "#  $part took $(($(date +%s) - start)) s"
	done
done
exit 0
