#!/bin/bash
# The HOWTO's tunnel with X.509 certificates: a hashed directory with the CA and its revocation list,
# a peer that is revoked while all run, one that is not from the CA; then plain RSA keys and ECDSA.
. tests/system/lib.sh

P=$WORK/pki
mkdir -p "$P"
quietly() { "$@" >>"$P/openssl.log" 2>&1; }
issue() { # name, key's kind, address, CA
	quietly openssl req -newkey $2 -nodes -keyout "$P/$1.key" -out "$P/$1.csr" -subj "/C=DE/O=Example/CN=$1"
	printf 'subjectAltName=IP:%s\n' "$3" >"$P/ext"
	quietly openssl x509 -req -in "$P/$1.csr" -CA "$P/$4.pem" -CAkey "$P/$4.key" -CAcreateserial -days 2 -extfile "$P/ext" -out "$P/$1.pem"
}
list() { # certificates…: the CA's revocation list, with these in it
	local cert
	: >"$P/index"; echo 01 >"$P/number"
	printf '[ca]\ndefault_ca=d\n[d]\ndatabase=%s\ncrlnumber=%s\ndefault_md=sha256\ndefault_crl_days=2\n' "$P/index" "$P/number" >"$P/ca.cnf"
	for cert in "$@"; do quietly openssl ca -config "$P/ca.cnf" -cert "$P/ca.pem" -keyfile "$P/ca.key" -revoke "$P/$cert.pem"; done
	quietly openssl ca -config "$P/ca.cnf" -cert "$P/ca.pem" -keyfile "$P/ca.key" -gencrl -out "$P/crl.pem"
	for cert in a b; do cp "$P/crl.pem" "$WORK/$cert/certs/crl.pem"; done
}

umask 077
for ca in ca other; do
	quietly openssl req -x509 -newkey rsa:2048 -nodes -keyout "$P/$ca.key" -out "$P/$ca.pem" -days 2 -subj "/C=DE/O=Example/CN=$ca"
done
issue a rsa:2048 192.168.1.100 ca
issue b rsa:2048 192.168.2.100 ca
issue stranger rsa:2048 192.168.2.100 other
issue ea 'ec -pkeyopt ec_paramgen_curve:P-384' 192.168.1.100 ca
issue eb 'ec -pkeyopt ec_paramgen_curve:P-384' 192.168.2.100 ca

topo_howto
hash=$(openssl x509 -noout -hash <"$P/ca.pem")
for h in a b; do
	mkdir "$WORK/$h/certs"
	cp "$P"/*.pem "$P/$h.key" "$P/e$h.key" "$P/stranger.key" "$WORK/$h/certs"
	ln -s ca.pem "$WORK/$h/certs/$hash.0"
	ln -s crl.pem "$WORK/$h/certs/$hash.r0"
	ipsecd_start $h
done
list
policies_howto

configure() { # host, peer, method, statements
	cat >"$WORK/$1/racoon.conf" <<-END
	path certificate "$WORK/$1/certs";
	remote $2 {
		exchange_mode main;
		$4
		proposal { encryption_algorithm aes; hash_algorithm sha384; authentication_method $3; dh_group modp2048; }
	}
	sainfo anonymous {
		encryption_algorithm aes;
		authentication_algorithm hmac_sha1;
		compression_algorithm deflate;
	}
	END
}
both() { # method, statements with HOST for a and b; both read them
	configure a 192.168.2.100 "$1" "${2//HOST/a}"
	configure b 192.168.1.100 "$1" "${2//HOST/b}"
}
racoon_says() { printf '%s\r\n' "$2" | timeout 20 nc -N -U "$WORK/$1/racoon.ctl" | tr -d '\r'; }
anew() { # both read their configuration, and nothing is left of what was
	local h
	for h in a b; do like "$1: $h reads its configuration" "$(racoon_says $h RELOAD)" '^200 '; done
	for h in a b; do racoon_says $h FLUSH >/dev/null; done
	sleep 0.3
}

both rsasig 'certificate_type x509 "HOST.pem" "HOST.key"; my_identifier asn1dn; peers_identifier asn1dn;'
for h in a b; do
	MULTINET_RACOON_JOURNAL=$WORK/$h/journal start $h racoon "$BIN/racoon" -F -f "$WORK/$h/racoon.conf" -s "$WORK/$h/racoon.ctl" -S "$WORK/$h/ipsec.sock"
	wait_for 10 test -S "$WORK/$h/racoon.ctl" || { cat "$WORK/$h/racoon.log"; bail "racoon on $h"; }
done
like "certificates: established" "$(racoon_says a 'ESTABLISH/CHILD 192.168.2.100')" '^200 '
ok "certificates: the tunnel carries" on na ping -c 2 -W 2 172.16.2.10
like "certificates: the peer's name is shown" "$(racoon_says a 'SHOW ISAKMP/FORMAT=JSON')" 'C=DE, O=Example, CN=b'

list b
anew "b is revoked"
like "b is revoked: refused, with the cause" "$(racoon_says a 'ESTABLISH 192.168.2.100')" 'CERTREVOKED.*CN=b'
like "b is revoked: refused as initiator too" "$(racoon_says b 'ESTABLISH/TIMEOUT=5 192.168.1.100')" '^4[0-9][0-9] '
like "b is revoked: … and a says why" "$(racoon_says a 'SHOW FAILURES')" 'CERTREVOKED'
unlike "b is told nothing but that it failed" "$(cat "$WORK/b/racoon.log")" 'revoked'
list
like "b is back on a new list, without a word to racoon" "$(racoon_says a 'ESTABLISH/CHILD 192.168.2.100')" '^200 '

configure b 192.168.1.100 rsasig 'certificate_type x509 "stranger.pem" "stranger.key"; my_identifier asn1dn;'
anew "another CA"
like "another CA: refused, with the cause" "$(racoon_says a 'ESTABLISH 192.168.2.100')" 'CERTNOCA.*CN=stranger'
configure b 192.168.1.100 rsasig 'certificate_type x509 "b.pem" "b.key"; my_identifier address 172.16.2.1;'
anew "a false address"
like "a false address: refused, with the cause" "$(racoon_says a 'ESTABLISH 192.168.2.100')" 'CERTNAME'

for h in a b; do
	ok "plainrsa-gen for $h" "$BIN/plainrsa-gen" -b 1536 -f "$WORK/$h/certs/plain"
	is "its file is closed to others" "$(stat -c %a "$WORK/$h/certs/plain")" 600
done
sed -n 's/^# : PUB/192.168.2.100 : PUB/p' "$WORK/b/certs/plain" >"$WORK/a/certs/peers"
sed -n 's/^# : PUB/192.168.1.0\/24 any : PUB/p' "$WORK/a/certs/plain" >"$WORK/b/certs/peers"
both rsasig 'certificate_type plain_rsa "plain"; peers_certfile plain_rsa "peers";'
anew "plain RSA"
like "plain RSA: established" "$(racoon_says a 'ESTABLISH/CHILD 192.168.2.100')" '^200 '
ok "plain RSA: the tunnel carries" on na ping -c 2 -W 2 172.16.2.10

both ecdsasig 'certificate_type x509 "eHOST.pem" "eHOST.key"; my_identifier asn1dn; verify_identifier on; peers_identifier asn1dn "C=*, O=Example, CN=*";'
anew ECDSA
like "ECDSA: established" "$(racoon_says b 'ESTABLISH/CHILD 192.168.1.100')" '^200 '
ok "ECDSA: the tunnel carries" on nb ping -c 2 -W 2 172.16.1.10

chmod 644 "$WORK/a/certs/ea.key"
like "a private key open to others is refused" "$(racoon_says a RELOAD)" 'open to others'
ok "… and what was in use stays" on na ping -c 1 -W 2 172.16.2.10
unlike "no private number in any log" "$(cat "$WORK"/[ab]/racoon.log)" "$(sed -n 's/.*Prime1: 0x\(.\{32\}\).*/\1/p' "$WORK/a/certs/plain")"
for h in a b; do
	stop $h racoon
	is "racoon on $h ends well" $? 0
done
finish
