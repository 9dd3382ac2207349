#!/bin/bash
# inside.sh - runs in the private kernel: namespace a is ours, namespace b is strongSwan's.  TAP.
set -u
. tests/interop/swan.sh
. tests/interop/natt.sh
D=/run/interop
mkdir -p $D/a
bin=$LAB_BIN
A=192.168.1.100 B=192.168.2.100

# The matrix: what a check says, it says for each of `rows` (separated by |) and for one `side`: i, we
# initiate (or begin), or r, we respond.
rows= side=
as() { side=$1; [ $# = 1 ] || rows=$2; }
cell() {
	local row
	tr '|' '\n' <<<"$rows" | while read -r row; do [ -z "$row" ] || echo "$row|$side|$1" >>$D/cells; done
}
matrix() {
	local row one mark
	printf '#= %-26s %-12s %s\n' "$(swanctl --help 2>&1 | sed -n 's/ swanctl$//p' | head -n 1)" 'we initiate' 'we respond'
	for row in 'main PSK' 'main RSA' 'main ECDSA' 'aggressive PSK' 'aggressive RSA' 'quick with PFS' transport tunnel \
		NAT-T fragmentation DPD 'rekey under traffic' Delete refusals 'proposal_check' 'racoon over XFRM'; do
		for one in i r; do
			mark=-
			! grep -qx "$row|$one|ok" $D/cells || mark=ok
			! grep -qx "$row|$one|FAILED" $D/cells || mark=FAILED
			[ $mark = ok ] && echo "ok - interop: matrix: $row, $one" || echo "not ok - interop: matrix: $row, $one: $mark"
			[ $one = r ] || printf '#= %-26s %-12s ' "$row" $mark >>$D/matrix
		done
		echo "$mark" >>$D/matrix
	done
	cat $D/matrix
}

ok() {
	cell ok
	echo "ok - interop: $*"
}
not_ok() {
	cell FAILED
	echo "not ok - interop: $*"
	[ ! -s $D/a/racoon.log ] || tail -n 25 $D/a/racoon.log | sed 's/^/#  racoon| /'
	[ ! -s $D/b/charon.log ] || tail -n 25 $D/b/charon.log | sed 's/^/#  charon| /'
}
expect() { # text, command…
	local what=$1 out
	shift
	if out=$("$@" 2>&1); then ok "$what"; else printf '%s\n' "$out" | tail -n 20 | sed 's/^/# /'; not_ok "$what"; fi
}
until_true() { # seconds, command…
	local end=$(($(date +%s) + $1))
	shift
	while ! "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt "$end" ] || return 1
		sleep 0.3
	done
}

topology() {
	local n
	for n in a b; do ip netns add $n; ip -n $n link set lo up; done
	ip link add va netns a type veth peer name vb netns b
	ip -n a addr add $A/16 dev va
	ip -n b addr add $B/16 dev vb
	ip -n a addr add 172.16.1.1/24 dev lo
	ip -n b addr add 172.16.2.1/24 dev lo
	ip -n a link set va up
	ip -n b link set vb up
	ip -n a route add 172.16.2.0/24 via $B src 172.16.1.1
	ip -n b route add 172.16.1.0/24 via $A src 172.16.2.1
}

use() { # engine or xfrm
	backend=$1
	ours=(ip netns exec a env MULTINET=$D/a MULTINET_IPSEC_BACKEND=$1 MULTINET_IPSEC_SOCKET=$D/a/ipsec.sock MULTINET_RACOON_JOURNAL=$D/a/journal)
}
use engine
in_a() { "${ours[@]}" "$@"; }
racoon_says() { in_a "$bin/netcontrol" /SOCKET=$D/a/racoon.ctl "$@"; }

ours_start() { # racoon.conf's text, setkey's text
	printf '%s\n' "$1" >$D/a/racoon.conf
	printf '%s\n' "$2" >$D/a/ipsec.conf
	(umask 077; echo "$B ${3:-simple psk}" >$D/a/psk.txt)
	: >$D/a/racoon.log
	ipsecd=
	[ $backend != engine ] || ipsecd_start
	in_a "$bin/setkey" -f $D/a/ipsec.conf 2>&1 | sed 's/^/# setkey: /'
	"${ours[@]}" "$bin/racoon" -F -d -f $D/a/racoon.conf -s $D/a/racoon.ctl -S $D/a/ipsec.sock -l $D/a/racoon.log >$D/a/racoon.out 2>&1 &
	racoon=$!
	until_true 20 racoon_says noop || { echo "# racoon does not come up"; sed 's/^/# /' $D/a/racoon.out $D/a/racoon.log; }
}

ipsecd_start() {
	"${ours[@]}" "$bin/ipsecd" -F -s $D/a/ipsec.sock -c $D/a/ipsecd.ctl >$D/a/ipsecd.log 2>&1 &
	ipsecd=$!
	until_true 20 test -S $D/a/ipsec.sock || { echo "# ipsecd does not come up"; sed 's/^/# /' $D/a/ipsecd.log; }
}

ours_stop() {
	kill "$racoon" && wait "$racoon"
	[ -z "$ipsecd" ] || { kill "$ipsecd" && wait "$ipsecd"; }
	[ $backend = engine ] || { in_a "$bin/setkey" -F; in_a "$bin/setkey" -FP; }
}

remote_conf() { # encryption, hash, group, pfs or -, esp encryption, esp authentication (aes_256: "aes 256"); mode
	local pfs=$4
	[ "$pfs" != - ] || pfs=
	cat <<-C
	path pre_shared_key "$D/a/psk.txt";
	timer { interval 2 sec; counter 3; }
	remote $B {
		exchange_mode ${7:-main};
		proposal { encryption_algorithm ${1/_/ }; hash_algorithm $2; authentication_method pre_shared_key; dh_group $3; }
	}
	sainfo anonymous {
		${pfs:+pfs_group $pfs;}
		encryption_algorithm ${5/_/ };
		authentication_algorithm $6;
		compression_algorithm deflate;
	}
	C
}

tunnel_policy="spdadd 172.16.1.0/24 172.16.2.0/24 any -P out ipsec esp/tunnel/$A-$B/require;
spdadd 172.16.2.0/24 172.16.1.0/24 any -P in ipsec esp/tunnel/$B-$A/require;"
transport_policy="spdadd $A $B any -P out ipsec esp/transport//require;
spdadd $B $A any -P in ipsec esp/transport//require;"

swan_conf() { # IKE proposals, ESP proposals, mode, secret, exchange mode
	local aggressive=no
	[ "${5:-main}" != aggressive ] || aggressive=yes
	local ts="local_ts = 172.16.2.0/24
			remote_ts = 172.16.1.0/24"
	[ "$3" = tunnel ] || ts=
	cat <<-C
	connections { t {
		version = 1
		aggressive = $aggressive
		local_addrs = $B
		remote_addrs = $A
		proposals = $1
		local { auth = psk
			id = $B }
		remote { auth = psk
			id = $A }
		children { net {
			$ts
			esp_proposals = $2
			mode = $3
		} }
	} }
	secrets { ike-1 { secret = "${4:-simple psk}" } }
	C
}

ping_a() { ip netns exec a ping -c 3 -i 0.3 -W 4 "$@"; }
ping_b() { ip netns exec b ping -c 3 -i 0.3 -W 4 "$@"; }
watch_start() { # everything between the two but IKE
	ip netns exec a tcpdump "$@" --immediate-mode -Z root -U -lnni va 'ip and not udp port 500 and not igmp' >$D/wire 2>$D/wire.err &
	watch=$!
	sleep 1
}
watch_stop() { # only ESP was seen, and some
	sleep 0.5
	kill "$watch"
	wait "$watch" 2>/dev/null
	grep -q 'ESP(spi=' $D/wire && ! grep -vE 'ESP\(spi=|^$' $D/wire
}
only_mode() { # its name in our log
	grep -q "begin $1 mode" $D/a/racoon.log && ! grep 'begin .* mode' $D/a/racoon.log | grep -v "begin $1 mode"
}
swan_has_sa() { swan b $D/b --list-sas | grep -q ESTABLISHED; }
swan_has_none() { ! swan b $D/b --list-sas | grep -q .; }
we_have_none() { ! racoon_says show isakmp | grep -q "$B"; }

# name, our words, swan's words for IKE and for ESP, exchange mode (main)
tunnel_pair() {
	local name=$1 exchange=${5:-main} title='Identity Protection'
	[ $exchange = main ] || title=Aggressive
	shift
	ours_start "$(remote_conf $1 $exchange)" "$tunnel_policy"
	swan_start b $D/b "$(swan_conf "$2" "$3" tunnel '' $exchange)" || { not_ok "$name: charon starts"; return; }
	[ $backend = xfrm ] && watch_start -Q out || watch_start
	as i "$kind"
	expect "$name: we initiate (ESTABLISH/CHILD)" racoon_says establish/child $B
	expect "$name: ping through the tunnel" ping_a -I 172.16.1.1 172.16.2.1
	as i "$kind|Delete"
	expect "$name: our FLUSH" racoon_says flush
	expect "$name: … and strongSwan understood the Delete" until_true 5 swan_has_none
	as r "$kind"
	expect "$name: strongSwan initiates" swan b $D/b --initiate --child net --timeout 15
	expect "$name: ping from its side" ping_b -I 172.16.2.1 172.16.1.1
	expect "$name: strongSwan rekeys the child" swan b $D/b --rekey --child net
	sleep 1
	expect "$name: ping after the rekey" ping_b -I 172.16.2.1 172.16.1.1
	as r "$kind|Delete"
	expect "$name: strongSwan deletes" swan b $D/b --terminate --ike t --timeout 10
	expect "$name: … and we understood" until_true 5 we_have_none
	as i "$kind"
	expect "$name: traffic alone brings it up again (ACQUIRE)" ping_a -I 172.16.1.1 172.16.2.1
	expect "$name: all of it in the mode asked for" only_mode "$title"
	expect "$name: nothing but ESP was on the wire" watch_stop
	swan_stop $D/b
	ours_stop
}

transport_pair() {
	local name=$1
	shift
	ours_start "$(remote_conf $1)" "$transport_policy"
	swan_start b $D/b "$(swan_conf "$2" "$3" transport)" || { not_ok "$name: charon starts"; return; }
	watch_start -Q out
	as i "$kind"
	expect "$name: we initiate" racoon_says establish/child $B
	expect "$name: ping" ping_a $B
	as i "$kind|Delete"
	expect "$name: our FLUSH" racoon_says flush
	expect "$name: … and strongSwan understood" until_true 5 swan_has_none
	as r "$kind"
	expect "$name: strongSwan initiates" swan b $D/b --initiate --child net --timeout 15
	expect "$name: ping from its side" ping_b $A
	expect "$name: strongSwan rekeys the child" swan b $D/b --rekey --child net
	expect "$name: … and phase 1" swan b $D/b --rekey --ike t
	sleep 1
	expect "$name: ping after that" ping_b $A
	as r "$kind|Delete"
	expect "$name: strongSwan deletes" swan b $D/b --terminate --ike t --timeout 10
	expect "$name: … and we understood" until_true 5 we_have_none
	as i "$kind"
	expect "$name: traffic alone brings it up again (ACQUIRE)" ping_a $B
	expect "$name: nothing but ESP was on the wire" watch_stop
	swan_stop $D/b
	ours_stop
}

# ------------------------------------------------------------------- certificates, plain keys, ECDSA

make_pki() { # $D/pki: a CA, certificates of both ends with RSA and ECDSA keys, a revoked one, a CRL
	local n kind key cert address
	mkdir -p $D/pki $D/a/certs && (
		cd $D/pki && umask 077 && exec >/dev/null 2>&1
		openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 30 -subj '/C=DE/O=Interop/CN=CA'
		for n in a-rsa b-rsa a-ec b-ec bad-rsa; do
			kind=rsa:2048 address=$A
			case $n in *-ec) kind='ec -pkeyopt ec_paramgen_curve:P-256' ;; esac
			case $n in b-*) address=$B ;; esac
			# shellcheck disable=SC2086
			openssl req -newkey $kind -nodes -keyout $n.key -out $n.csr -subj "/C=DE/O=Interop/CN=$n"
			printf 'subjectAltName=IP:%s,DNS:%s.example.net\n' "$address" "$n" >$n.ext
			openssl x509 -req -in $n.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 20 -extfile $n.ext -out $n.pem
		done
		: >index; echo 01 >number
		printf '[ca]\ndefault_ca=d\n[d]\ndatabase=index\ncrlnumber=number\ndefault_md=sha256\ndefault_crl_days=20\n' >ca.cnf
		openssl ca -config ca.cnf -cert ca.pem -keyfile ca.key -revoke bad-rsa.pem
		openssl ca -config ca.cnf -cert ca.pem -keyfile ca.key -gencrl -out crl.pem
	)
	cp $D/pki/*.pem $D/pki/*.key $D/a/certs
	# the HOWTO's way: names by the CA's hash
	ln -sf ca.pem "$D/a/certs/$(openssl x509 -noout -hash <$D/pki/ca.pem).0"
	ln -sf crl.pem "$D/a/certs/$(openssl x509 -noout -hash <$D/pki/ca.pem).r0"
	mkdir -p $D/b/x509 $D/b/x509ca $D/b/private $D/b/pubkey $D/b/x509crl
	cp $D/pki/[ab]-*.pem $D/pki/bad-rsa.pem $D/b/x509
	cp $D/pki/[ab]-*.key $D/pki/bad-rsa.key $D/b/private
	cp $D/pki/ca.pem $D/b/x509ca
	rm -f $D/b/private/a-*
	openssl x509 -noout -pubkey -in $D/pki/a-rsa.pem >$D/b/pubkey/a.pem
	openssl x509 -noout -pubkey -in $D/pki/b-rsa.pem >$D/b/pubkey/b.pem
	(umask 077; "$bin/plainrsa-gen" -i $D/pki/a-rsa.key -f $D/a/certs/a.prsa)
	"$bin/plainrsa-gen" -i $D/pki/b-rsa.pem >$D/a/certs/b.pub
}

sig_conf() { # method, mode, statements
	cat <<-C
	path certificate "$D/a/certs";
	timer { interval 2 sec; counter 3; }
	remote $B {
		exchange_mode $2;
		$3
		proposal { encryption_algorithm aes 128; hash_algorithm sha256; authentication_method $1; dh_group modp2048; }
	}
	sainfo anonymous { encryption_algorithm aes 128; authentication_algorithm hmac_sha1; compression_algorithm deflate; }
	C
}

swan_sig() { # local section's words, remote section's words, exchange mode
	local aggressive=no
	[ "$3" != aggressive ] || aggressive=yes
	cat <<-C
	connections { t {
		version = 1
		aggressive = $aggressive
		local_addrs = $B
		remote_addrs = $A
		proposals = aes128-sha256-modp2048
		local { $1
		}
		remote { $2
		}
		children { net {
			local_ts = 172.16.2.0/24
			remote_ts = 172.16.1.0/24
			esp_proposals = aes128-sha1
			mode = tunnel
		} }
	} }
	C
}

# name, method, our statements, swan's local and remote words, mode (main), what our log must show
sig_pair() {
	local name=$1 mode=${6:-main}
	ours_start "$(sig_conf "$2" $mode "$3")" "$tunnel_policy"
	swan_start b $D/b "$(swan_sig "$4" "$5" $mode)" || { not_ok "$name: charon starts"; return; }
	as i "$kind"
	expect "$name: we initiate" racoon_says establish/child $B
	expect "$name: ping through the tunnel" ping_a -I 172.16.1.1 172.16.2.1
	expect "$name: our FLUSH" racoon_says flush
	expect "$name: … and strongSwan understood the Delete" until_true 5 swan_has_none
	as r
	expect "$name: strongSwan initiates" swan b $D/b --initiate --child net --timeout 15
	expect "$name: ping from its side" ping_b -I 172.16.2.1 172.16.1.1
	swan_stop $D/b
	ours_stop
}

certificates() {
	local out x509='certificate_type x509 "a-rsa.pem" "a-rsa.key"; my_identifier asn1dn; peers_identifier asn1dn;'
	make_pki
	kind='main RSA|tunnel'
	sig_pair 'RSA, certificates, main mode' rsasig "$x509" 'auth = pubkey
		certs = b-rsa.pem' 'auth = pubkey
		id = "C=DE, O=Interop, CN=a-rsa"'
	sig_pair 'RSA, certificates, names of hosts' rsasig 'certificate_type x509 "a-rsa.pem" "a-rsa.key";
		my_identifier fqdn "a-rsa.example.net"; peers_identifier fqdn "b-rsa.example.net"; verify_identifier on;' 'auth = pubkey
		id = b-rsa.example.net
		certs = b-rsa.pem' 'auth = pubkey
		id = a-rsa.example.net'
	kind='aggressive RSA|tunnel'
	sig_pair 'RSA, certificates, aggressive mode' rsasig "$x509" 'auth = pubkey
		certs = b-rsa.pem' 'auth = pubkey
		id = "C=DE, O=Interop, CN=a-rsa"' aggressive
	kind='main RSA|tunnel'
	sig_pair 'RSA, plain keys' rsasig 'certificate_type plain_rsa "a.prsa"; peers_certfile plain_rsa "b.pub";' "auth = pubkey
		pubkeys = b.pem
		id = $B" "auth = pubkey
		pubkeys = a.pem
		id = $A"
	kind='main ECDSA|tunnel'
	sig_pair 'ECDSA P-256, certificates' ecdsasig 'certificate_type x509 "a-ec.pem" "a-ec.key"; my_identifier asn1dn;' 'auth = pubkey
		certs = b-ec.pem' 'auth = pubkey
		id = "C=DE, O=Interop, CN=a-ec"'
	# a certificate that our list of the CA revokes: refused, whoever begins
	ours_start "$(sig_conf rsasig main "$x509")" "$tunnel_policy"
	swan_start b $D/b "$(swan_sig 'auth = pubkey
		certs = bad-rsa.pem' 'auth = pubkey
		id = "C=DE, O=Interop, CN=a-rsa"' main)"
	as i 'main RSA|refusals'
	out=$(racoon_says establish/timeout=20 $B 2>&1)
	echo "$out" | grep -q CERTREVOKED && ok 'a revoked certificate is refused, and named' ||
		{ echo "$out" | sed 's/^/# /'; not_ok 'a revoked certificate is refused, and named'; }
	as r
	swan b $D/b --initiate --child net --timeout 8 >/dev/null 2>&1 && not_ok '… in the other role too' || ok '… in the other role too'
	racoon_says show failures 2>&1 | grep -q 'CN=bad-rsa' && ok '… with its name among the failures' || not_ok '… with its name among the failures'
	swan_stop $D/b
	ours_stop
}

refusals() {
	local out
	ours_start "$(remote_conf 3des md5 modp1024 modp768 3des hmac_md5)" "$tunnel_policy"
	swan_start b $D/b "$(swan_conf aes128-sha1-modp2048 aes128-sha1 tunnel)"
	as i refusals
	out=$(racoon_says establish/timeout=20 $B 2>&1)
	echo "$out" | grep -q 'NOPROPOSAL\|PEERREFUSED.*NO-PROPOSAL-CHOSEN' && ok 'no common proposal is named' ||
		{ echo "$out" | sed 's/^/# /'; not_ok 'no common proposal is named'; }
	swan_stop $D/b
	swan_start b $D/b "$(swan_conf 3des-md5-modp1024 3des-md5-modp768 tunnel 'another psk')"
	out=$(racoon_says establish/timeout=30 $B 2>&1)
	echo "$out" | grep -qE 'PSKMISMATCH|AUTHFAILED|PEERREFUSED' && ok 'a wrong pre-shared key is named' ||
		{ echo "$out" | sed 's/^/# /'; not_ok 'a wrong pre-shared key is named'; }
	as r
	swan b $D/b --initiate --child net --timeout 10 >/dev/null 2>&1
	racoon_says show failures | grep -q 'PSKMISMATCH' && ok '… and on our side as responder' ||
		{ racoon_says show failures | sed 's/^/# /'; not_ok '… and on our side as responder'; }
	swan_stop $D/b
	ours_stop
}

# Lifetimes of phases 1 and 2, ours and strongSwan's (seconds; 0: its usual), proposal_check; then as tunnel.
life_start() {
	ours_start "$(remote_conf aes_128 sha1 modp1024 - aes_128 hmac_sha1 |
		sed "s/exchange_mode main;/& lifetime time $1 sec; proposal_check $5;/; s/sainfo anonymous {/& lifetime time $2 sec;/")" "$tunnel_policy"
	swan_start b $D/b "$(swan_conf aes128-sha1-modp1024 aes128-sha1 tunnel |
		{ if [ "$3" = 0 ]; then cat; else sed "s/version = 1/&\n\t\trekey_time = $3s\n\t\trand_time = 0s/; s/mode = tunnel/&\n\t\t\trekey_time = $4s\n\t\t\tlife_time = $(($4 + 6))s\n\t\t\trand_time = 0s/"; fi; })" ||
		not_ok "charon starts"
}
our_spis() { in_a "$bin/setkey" -D | grep -oE 'spi=[0-9]+' | sort; }
our_cookies() { racoon_says show isakmp 2>/dev/null | grep -oE '[0-9a-f]{16}:[0-9a-f]{16}' | sort; }
# who, then the numbers of life_start: phases renewed by one of the two while packets flow
rekey_pair() {
	local name="rekeying by $1, under traffic" spis cookies out
	shift
	life_start "$@" obey
	if [ "$side" = i ]; then racoon_says establish/child $B; else swan b $D/b --initiate --child net --timeout 15; fi >/dev/null 2>&1
	spis=$(our_spis) cookies=$(our_cookies)
	out=$(ip netns exec a ping -i 0.05 -w 22 -q -I 172.16.1.1 172.16.2.1)
	echo "$out" | sed -n 's/^[0-9]* packets/#  &/p'
	grep -q ' 0% packet loss' <<<"$out" && ok "$name: no packet is lost" || not_ok "$name: no packet is lost"
	[ -n "$spis" ] && [ -n "$(our_spis)" ] && [ -z "$(comm -12 <(echo "$spis") <(our_spis))" ] &&
		ok "$name: the IPsec SAs are others" || not_ok "$name: the IPsec SAs are others"
	[ -n "$cookies" ] && [ -n "$(our_cookies)" ] && [ "$cookies" != "$(our_cookies)" ] &&
		ok "$name: so is phase 1" || not_ok "$name: so is phase 1"
	swan_stop $D/b
	ours_stop
}

# strict: a longer lifetime than ours is refused, a shorter one taken; claim: shortened, and the peer told.
checks() {
	rows='proposal_check|refusals' side=r
	life_start 86400 60 3600 1200 strict
	swan b $D/b --initiate --child net --timeout 8 >/dev/null 2>&1 && not_ok 'strict: a longer lifetime is refused' || ok 'strict: a longer lifetime is refused'
	racoon_says show failures 2>&1 | grep -q NOPROPOSAL && ok '… and named' || not_ok '… and named'
	swan_stop $D/b
	ours_stop
	rows=proposal_check
	life_start 86400 28800 3600 1200 strict
	expect 'strict: a shorter one is taken' swan b $D/b --initiate --child net --timeout 15
	swan_stop $D/b
	ours_stop
	life_start 86400 60 3600 1200 claim
	expect 'claim: a longer one is shortened' swan b $D/b --initiate --child net --timeout 15
	expect '… and traffic passes' ping_b -I 172.16.2.1 172.16.1.1
	swan_stop $D/b
	ours_stop
	as i
	life_start 86400 600 3600 1200 exact
	expect 'exact: we initiate' racoon_says establish/child $B
	swan_stop $D/b
	ours_stop
}

topology
kind='main PSK|quick with PFS|tunnel'
tunnel_pair 'tunnel 3DES MD5 modp1024, PFS modp768' \
	'3des md5 modp1024 modp768 3des hmac_md5' 3des-md5-modp1024 3des-md5-modp768
kind='main PSK|transport'
transport_pair 'transport AES-128 SHA1 modp2048, no PFS' \
	'aes_128 sha1 modp2048 - aes_128 hmac_sha1' aes128-sha1-modp2048 aes128-sha1
kind='main PSK|quick with PFS|tunnel'
tunnel_pair 'tunnel AES-256 SHA256 modp2048, PFS modp2048' \
	'aes_256 sha256 modp2048 modp2048 aes_256 hmac_sha256' aes256-sha256-modp2048 aes256-sha256-modp2048
kind='aggressive PSK|quick with PFS|tunnel'
tunnel_pair 'aggressive mode AES-128 SHA1 modp2048, PFS modp2048' \
	'aes_128 sha1 modp2048 modp2048 aes_128 hmac_sha1' aes128-sha1-modp2048 aes128-sha1-modp2048 aggressive
certificates
as i 'rekey under traffic'
rekey_pair us 20 14 0 0
as r
rekey_pair strongSwan 3600 3600 12 8
checks
natt_all
refusals
use xfrm
kind='racoon over XFRM'
tunnel_pair 'racoon over XFRM, tunnel' \
	'aes_128 sha1 modp1024 modp1024 aes_128 hmac_sha1' aes128-sha1-modp1024 aes128-sha1-modp1024
transport_pair 'racoon over XFRM, transport' \
	'aes_128 sha1 modp1024 - aes_128 hmac_sha1' aes128-sha1-modp1024 aes128-sha1
kind=
natt_pair 'racoon over XFRM, NAT-T' 'nat_traversal force;' '' tunnel main 'racoon over XFRM'
matrix
exit 0
