#!/bin/bash
# inside.sh - runs in the private kernel.  Namespaces a and b use the kernel's IPsec, c is the
# embedded engine's.  TAP.
set -u
bin=$LAB_BIN
D=/run/kernel
mkdir -p $D
A=10.9.0.1 B=10.9.0.2 C=10.9.0.3 A6=fd00:9::1 B6=fd00:9::2

ok() { echo "ok - kernel: $*"; }
not_ok() { echo "not ok - kernel: $*"; }
show() { sed 's/^/#  /' "$@"; }
expect() { # text, command…
	local what=$1
	shift
	if "$@" >$D/out 2>&1; then ok "$what"; else tail -n 20 $D/out | show; not_ok "$what"; fi
}
until_true() { # seconds, command…
	local end=$(($(date +%s) + $1))
	shift
	while ! "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt "$end" ] || return 1
		sleep 0.1
	done
}
on() { local ns=$1; shift; ip netns exec "$ns" "$@"; }
setkey_on() { # namespace, backend, arguments…
	local ns=$1 backend=$2
	shift 2
	on "$ns" env MULTINET_IPSEC_BACKEND="$backend" MULTINET_IPSEC_SOCKET=$D/ipsec.sock "$bin/setkey" "$@"
}

topology() {
	local n
	modprobe -a esp6 ah6 ipcomp6 gcm ccm ctr chacha20poly1305 xcbc cmac rmd160 camellia_generic \
		blowfish_generic cast5_generic des_generic md5 sha1_generic sha256_generic sha512_generic seqiv \
		echainiv authenc crypto_null deflate 2>/dev/null
	ip link add br0 type bridge 2>/dev/null
	for n in a b c; do
		ip netns add $n
		ip -n $n link set lo up
	done
	# a - b over one pair, a - c over another; 10.9.0.0/24 is split by host routes.
	ip link add ab netns a type veth peer name ba netns b
	ip link add ac netns a type veth peer name ca netns c
	ip -n a addr add $A/32 dev ab
	ip -n a addr add $A6/64 dev ab nodad
	ip -n b addr add $B/32 dev ba
	ip -n b addr add $B6/64 dev ba nodad
	ip -n c addr add $C/32 dev ca
	for n in 'a ab' 'a ac' 'b ba' 'c ca'; do set -- $n; ip -n $1 link set $2 up; done
	ip -n a route add $B dev ab src $A
	ip -n a route add $C dev ac src $A
	ip -n b route add $A dev ba src $B
	ip -n b route add $C via $A dev ba onlink
	ip -n c route add $A dev ca src $C
	ip -n a addr add 172.16.1.1/24 dev lo
	ip -n b addr add 172.16.2.1/24 dev lo
	ip -n a addr add fd01::1/64 dev lo nodad
	ip -n b addr add fd02::1/64 dev lo nodad
	ip -n a route add 172.16.2.0/24 via $B dev ab onlink src 172.16.1.1
	ip -n b route add 172.16.1.0/24 via $A dev ba onlink src 172.16.2.1
	ip -n a route add fd02::/64 via $B6 dev ab src fd01::1
	ip -n b route add fd01::/64 via $A6 dev ba src fd02::1
}

engine_start() {
	on c "$bin/ipsecd" -F -s $D/ipsec.sock -c $D/ipsecd.ctl >$D/ipsecd.log 2>&1 &
	engine=$!
	until_true 20 test -S $D/ipsec.sock || { show $D/ipsecd.log; not_ok 'ipsecd comes up'; }
}

# -------------------------------------------------------------------------------- the same text
# Entries in any order; times, numbers of processes and of entries are not the same twice.
normal() {
	sed -E 's/(created|current|last|lastused): [A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} [0-9]{4}/\1: DATE/g
		s/diff: [0-9]+/diff: N/; s/sadb_seq=[0-9]+ pid=[0-9]+/sadb_seq=N pid=N/
		s/spid=[0-9]+ seq=[0-9]+ pid=[0-9]+/spid=N seq=N pid=N/' |
		awk '/^[^\t]/ { n++ } { e[n] = e[n] $0 "\001" } END { for (i = 1; i <= n; i++) print e[i] }' |
		sort | tr '\001' '\n' | grep -v '^$'
}
counts_down() { # the numbers of the entries in $1
	grep -oE '(sadb_)?seq=[0-9]+ pid' "$1" | grep -oE '[0-9]+' |
		awk 'NR > 1 && $1 != last - 1 { bad = 1 } { last = $1 } END { exit bad || last != 0 || NR == 0 }'
}
same_text() {
	local backend=$1 ns=$2
	expect "$backend: the script loads" setkey_on $ns $backend -f tests/kernel/golden.conf
	setkey_on $ns $backend -D >$D/sad 2>&1
	setkey_on $ns $backend -DP >$D/spd 2>&1
	cat $D/sad $D/spd | normal >$D/$backend.txt
	[ -z "${KERNEL_GOLDEN:-}" ] || [ $backend != xfrm ] || cp $D/$backend.txt build/lab/golden.txt
	expect "$backend: -D and -DP are the golden text" diff -u tests/kernel/golden.txt $D/$backend.txt
	expect "$backend: SAs are numbered down to 0" counts_down $D/sad
	expect "$backend: policies are numbered down to 0" counts_down $D/spd
	setkey_on $ns $backend -F
	setkey_on $ns $backend -FP
	expect "$backend: flushed" sh -c "[ \"\$1\" = 'No SAD entries.' ] && [ \"\$2\" = 'No SPD entries.' ]" - \
		"$(setkey_on $ns $backend -D)" "$(setkey_on $ns $backend -DP)"
}

# ---------------------------------------------------------------------------------------- traffic
HMAC='-A hmac-sha1 0x000102030405060708090a0b0c0d0e0f10111213'
AES='-E aes-cbc 0x000102030405060708090a0b0c0d0e0f'

load() { # backend, SAs, range of a, of b, rules out of a (@s @d: its ends), rules into a, upper
	local sas=$2 ra=$3 rb=$4 out=$5 in=$6
	{
		echo "flush; spdflush; $sas"
		echo "spdadd $ra $rb any -P out ipsec $out; spdadd $rb $ra any -P in ipsec $in;"
	} | setkey_on a $1 -f - || return 1
	{
		echo "flush; spdflush; $sas"
		echo "spdadd $rb $ra any -P out ipsec $(swap "$out"); spdadd $ra $rb any -P in ipsec $(swap "$in");"
	} | setkey_on b $1 -f -
}
swap() { # a-b becomes b-a in each rule
	echo "$1" | sed -E 's#/([^/ -]+)-([^/ ]+)/#/\2-\1/#g'
}
used() { # every SA in both namespaces carried octets
	local ns
	for ns in a b; do
		setkey_on $ns xfrm -D >$D/used
		[ "$(grep -c 'current: [0-9]*(bytes)' $D/used)" = "$1" ] && ! grep 'current: 0(bytes)' $D/used || { cat $D/used; return 1; }
	done
}
crosses() { # backend, what, SAs, how many, ping's arguments
	expect "$1: ping in $2" on a ping -c 2 -i 0.2 -W 3 $5
	expect "$1: … and every SA was used" used $4
}
traffic() {
	local b=$1
	expect "$b: transport loads" load $b "add $A $B esp 0x1000 -m transport $AES $HMAC; add $B $A esp 0x1001 -m transport $AES $HMAC;" \
		$A $B esp/transport//require esp/transport//require
	crosses $b transport '' 2 "$B"
	expect "$b: tunnel loads" load $b "add $A $B esp 0x1000 -m tunnel $AES $HMAC; add $B $A esp 0x1001 -m tunnel $AES $HMAC;" \
		172.16.1.0/24 172.16.2.0/24 esp/tunnel/$A-$B/require esp/tunnel/$B-$A/require
	crosses $b tunnel '' 2 "-I 172.16.1.1 172.16.2.1"
	expect "$b: AH and ESP load" load $b "add $A $B esp 0x1000 -m transport $AES; add $B $A esp 0x1001 -m transport $AES;
		add $A $B ah 0x1002 -m transport $HMAC; add $B $A ah 0x1003 -m transport $HMAC;" \
		$A $B 'esp/transport//require ah/transport//require' 'esp/transport//require ah/transport//require'
	crosses $b 'AH and ESP' '' 4 "$B"
	expect "$b: IPComp loads" load $b "add $A $B ipcomp 0x1000 -m transport -C deflate; add $B $A ipcomp 0x1001 -m transport -C deflate;
		add $A $B esp 0x1002 -m transport $AES $HMAC; add $B $A esp 0x1003 -m transport $AES $HMAC;" \
		$A $B 'ipcomp/transport//require esp/transport//require' 'ipcomp/transport//use esp/transport//require'
	crosses $b IPComp '' 4 "-s 1000 -p 00 $B"
	expect "$b: IPv6 transport loads" load $b "add $A6 $B6 esp 0x1000 -m transport $AES $HMAC; add $B6 $A6 esp 0x1001 -m transport $AES $HMAC;" \
		"$A6" "$B6" esp/transport//require esp/transport//require
	# Neighbours must still find each other.
	echo 'spdadd ::/0 ::/0 icmp6 135,0 -P out prio high none; spdadd ::/0 ::/0 icmp6 136,0 -P out prio high none;
		spdadd ::/0 ::/0 icmp6 135,0 -P in prio high none; spdadd ::/0 ::/0 icmp6 136,0 -P in prio high none;' >$D/nd
	setkey_on a $b -f $D/nd; setkey_on b $b -f $D/nd
	crosses $b 'IPv6 transport' '' 2 "-6 $B6"
	expect "$b: IPv6 tunnel loads" load $b "add $A6 $B6 esp 0x1000 -m tunnel $AES $HMAC; add $B6 $A6 esp 0x1001 -m tunnel $AES $HMAC;" \
		fd01::/64 fd02::/64 esp/tunnel/$A6-$B6/require esp/tunnel/$B6-$A6/require
	crosses $b 'an IPv6 tunnel' '' 2 "-6 -I fd01::1 fd02::1"
	expect "$b: UDP encapsulation loads" load $b "add $A[4500] $B[4500] esp-udp 0x1000 -m tunnel $AES $HMAC; add $B[4500] $A[4500] esp-udp 0x1001 -m tunnel $AES $HMAC;" \
		172.16.1.0/24 172.16.2.0/24 esp/tunnel/$A-$B/require esp/tunnel/$B-$A/require
	crosses $b 'UDP encapsulation' '' 2 "-I 172.16.1.1 172.16.2.1"
}
newer() { # what PF_KEY cannot say
	local GCM='-E aes-gcm-16 0x000102030405060708090a0b0c0d0e0f10111213'
	expect 'xfrm: ESN, window 4096 and AES-GCM load' load xfrm "add $A $B esp 0x1000 -m tunnel -r 4096 -esn $GCM; add $B $A esp 0x1001 -m tunnel -r 4096 -esn $GCM;" \
		172.16.1.0/24 172.16.2.0/24 esp/tunnel/$A-$B/require esp/tunnel/$B-$A/require
	crosses xfrm 'ESN and AES-GCM' '' 2 "-I 172.16.1.1 172.16.2.1"
	expect 'xfrm: … and are shown' sh -c "grep -q 'replay=4096 flags=0x00000100' $D/used && grep -q 'E: aes-gcm' $D/used"
	echo "add $A $B esp 0x1000 -m tunnel $GCM;" | setkey_on a pfkey -f - >$D/out 2>&1
	grep -q 'use the backend xfrm' $D/out && ok 'pfkey: refuses AES-GCM and says what to do' || { show $D/out; not_ok 'pfkey: refuses AES-GCM and says what to do'; }
	echo "add $A $B esp 0x1000 -m tunnel -E twofish-cbc 0x000102030405060708090a0b0c0d0e0f;" | setkey_on a xfrm -f - >$D/out 2>&1
	grep -qE 'result of line 1: ' $D/out && ok 'xfrm: an algorithm the kernel has not is refused' || { show $D/out; not_ok 'xfrm: an algorithm the kernel has not is refused'; }
}
migration() {
	expect 'migrate: loads' load xfrm "add $A $B esp 0x1000 -m tunnel $AES $HMAC; add $B $A esp 0x1001 -m tunnel $AES $HMAC;" \
		172.16.1.0/24 172.16.2.0/24 esp/tunnel/$A-$B/require esp/tunnel/$B-$A/require
	on a "$bin/kern" migrate $1 172.16.1.0/24 172.16.2.0/24 $A $B 10.9.0.7 >$D/out 2>&1
	if grep -q 'Protocol not available' $D/out; then
		ok "migrate over $1 # SKIP the kernel was built without it"
		return
	fi
	expect "$1: migrate moves the policy" sh -c "cat $D/out; ip netns exec a env MULTINET_IPSEC_BACKEND=$1 $bin/setkey -DP | grep esp/tunnel/$A-10.9.0.7/"
	expect "$1: … and the SA" sh -c "ip netns exec a env MULTINET_IPSEC_BACKEND=$1 $bin/setkey -D | grep '^$A 10.9.0.7'"
}
events() {
	local b=$1 pid
	echo "flush; spdflush; spdadd $A $B any -P out ipsec esp/transport//unique:77;
		add $B $A esp 0x1001 -m transport -ls 1 -lh 3 $AES $HMAC;" | setkey_on a $b -f -
	on a "$bin/kern" events $b 6 >$D/events 2>&1 &
	pid=$!
	until_true 20 grep -q registered $D/events
	echo "add $B $A esp 0x1002 -m transport -ls 1 -lh 3 $AES $HMAC;" | setkey_on a $b -f -
	on a ping -c 1 -W 1 $B >/dev/null 2>&1
	wait $pid
	expect "$b: a packet without an SA is an ACQUIRE with its policy" \
		grep "acquire esp $A $B spi=0 mode=transport reqid=77 policy=known rules=1 seq=set" $D/events
	expect "$b: the soft limit is an EXPIRE" grep "expire esp $B $A spi=4098 mode=transport reqid=0 soft" $D/events
	expect "$b: … and the hard one" grep "expire esp $B $A spi=4098 mode=transport reqid=0 hard" $D/events
	expect "$b: others' changes are heard" grep "add esp $B $A spi=4098" $D/events
	show $D/events
	echo 'flush; spdflush;' | setkey_on a $b -f -
}
mapping() { # b's packets come from another port than a was told, as behind a NAT that forgot
	local b=$1 pid
	load $b "add $A[4500] $B[4500] esp-udp 0x1000 -m tunnel $AES $HMAC; add $B[4500] $A[4500] esp-udp 0x1001 -m tunnel $AES $HMAC;" \
		172.16.1.0/24 172.16.2.0/24 esp/tunnel/$A-$B/require esp/tunnel/$B-$A/require
	echo "delete $B $A esp-udp 0x1001; add $B[4501] $A[4500] esp-udp 0x1001 -m tunnel $AES $HMAC;" | setkey_on b $b -f -
	on a "$bin/kern" events $b 4 >$D/events 2>&1 &
	pid=$!
	until_true 20 grep -q registered $D/events
	expect "$b: from another port it is taken" on a ping -c 1 -W 2 -I 172.16.1.1 172.16.2.1
	wait $pid
	expect "$b: … and told" grep "mapping esp $B .* spi=4097 .* now $B port 4501" $D/events
	echo 'flush; spdflush;' | setkey_on a $b -f -
	echo 'flush; spdflush;' | setkey_on b $b -f -
}
many() { # the dump of many SAs while others change the database, through a tiny buffer
	expect "$1: 20,000 SAs, none missing, none twice" sh -c "ip netns exec a $bin/kern many $1 20000 | tee $D/many; grep -q '^20000 SAs: 0 refused, 0 missing, 0 twice, numbers right, end Success' $D/many"
	show $D/many
}

# -------------------------------------------------------------------------- the engine and the kernel
engine_pairs() {
	local name script kind=none good=0
	"$bin/kern" pairs $A $C | sort -s -k1,1 >$D/pairs
	while IFS=$'\t' read -r name script; do
		case $name in
		ah*) [ $kind = ah ] || policy=ah ;;
		*) [ $kind = esp ] || policy=esp ;;
		esac
		if [ -n "$policy" ]; then
			kind=$policy policy=
			echo "spdflush; spdadd $A $C any -P out ipsec $kind/transport//require; spdadd $C $A any -P in ipsec $kind/transport//require;" | setkey_on a xfrm -f -
			echo "spdflush; spdadd $C $A any -P out ipsec $kind/transport//require; spdadd $A $C any -P in ipsec $kind/transport//require;" | setkey_on c engine -f -
		fi
		if ! echo "flush; $script" | setkey_on a xfrm -f - >$D/out 2>&1; then
			ok "engine and kernel: $name # SKIP the kernel: $(head -n 1 $D/out)"
			continue
		fi
		if ! echo "flush; $script" | setkey_on c engine -f - >$D/out 2>&1; then
			ok "engine and kernel: $name # SKIP the engine: $(head -n 1 $D/out)"
			continue
		fi
		if on a ping -c 1 -W 2 -s 120 $C >$D/out 2>&1; then
			good=$((good + 1))
			ok "engine and kernel: $name, both ways"
		else
			show $D/out
			not_ok "engine and kernel: $name, both ways"
		fi
	done <$D/pairs
	[ $good -ge 35 ] && ok "engine and kernel: $good pairs agree" || not_ok "engine and kernel: only $good pairs agree"
}

policy=
topology
on a "$bin/kern" hold 4500 2 >/dev/null 2>&1 &
on b "$bin/kern" hold 4500 2 >/dev/null 2>&1 &
engine_start
parts=${KERNEL_PARTS:-text traffic newer events many migration engine}
for part in $parts; do
	start=$(date +%s)
	case $part in
	text) for b in xfrm pfkey; do same_text $b a; done; same_text engine c ;;
	traffic) for b in xfrm pfkey; do traffic $b; done ;;
	newer) newer ;;
	events) for b in xfrm pfkey; do events $b; mapping $b; done ;;
	many) for b in xfrm pfkey; do many $b; done ;;
	migration) for b in xfrm pfkey; do migration $b; done ;;
	engine) engine_pairs ;;
	esac
	echo "#  $part took $(($(date +%s) - start)) s"
done
kill $engine
exit 0
