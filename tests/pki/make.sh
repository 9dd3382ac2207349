#!/bin/sh
# make.sh DIR - the test PKI anew, into DIR: run by hand; the results are kept beside this script.
# Valid for a hundred years, but for old.pem and crl-old.pem; the tests pass their own time.
set -eu
umask 077
dir=$1; mkdir -p "$dir"; cd "$dir"
year=36500
conf() { # lines of section x
	printf '[req]\ndistinguished_name=dn\nprompt=no\n[dn]\nC=DE\nO=Example\n[x]\n%b\n' "$1" >conf.tmp
}
key() { # name kind
	case $2 in
	rsa*) openssl genpkey -quiet -algorithm RSA -pkeyopt "rsa_keygen_bits:${2#rsa}" -out "$1.key" ;;
	dsa) openssl genpkey -quiet -genparam -algorithm DSA -pkeyopt dsa_paramgen_bits:2048 -out dsa.tmp
		openssl genpkey -quiet -paramfile dsa.tmp -out "$1.key" ;;
	*) openssl genpkey -quiet -algorithm EC -pkeyopt "ec_paramgen_curve:$2" -out "$1.key" ;;
	esac
}
ca() { # name subject [issuer]
	key "$1" rsa2048
	conf 'basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign,cRLSign\nsubjectKeyIdentifier=hash'
	openssl req -new -config conf.tmp -subj "$2" -key "$1.key" -out req.tmp
	if [ $# = 2 ]; then set -- "$1" "$2" -signkey "$1.key"; else
		set -- "$1" "$2" -CA "$3.pem" -CAkey "$3.key" -set_serial 0x77; fi
	name=$1; shift 2
	openssl x509 -req -in req.tmp "$@" -days $year -extfile conf.tmp -extensions x -out "$name.pem" 2>/dev/null
}
serial=100
leaf() { # name kind subject san issuer [openssl x509 options]
	name=$1; san=$4; issuer=$5; subject=$3
	key "$name" "$2"
	shift 5
	serial=$((serial + 1))
	conf "basicConstraints=CA:FALSE${san:+\nsubjectAltName=$san}"
	openssl req -new -config conf.tmp -subj "$subject" -key "$name.key" -out req.tmp
	[ $# -gt 0 ] || set -- -days $year
	openssl x509 -req -in req.tmp -CA "$issuer.pem" -CAkey "$issuer.key" -set_serial $serial \
		-extfile conf.tmp -extensions x -out "$name.pem" "$@" 2>/dev/null
}
crl() { # name ca "-crldays N" certificates…
	out=$1; ca=$2; days=$3; shift 3
	: >index.tmp; echo 01 >number.tmp
	printf '[ca]\ndefault_ca=d\n[d]\ndatabase=index.tmp\ncrlnumber=number.tmp\ndefault_md=sha256\ndefault_days=1\n' >ca.tmp
	for cert in "$@"; do openssl ca -config ca.tmp -cert "$ca.pem" -keyfile "$ca.key" -revoke "$cert.pem" 2>/dev/null; done
	# shellcheck disable=SC2086
	openssl ca -config ca.tmp -cert "$ca.pem" -keyfile "$ca.key" -gencrl $days -out "$out.pem" 2>/dev/null
	rm -f index.tmp* number.tmp* ca.tmp
}

ca root "/C=DE/O=Example/CN=Root CA"
ca middle "/C=DE/O=Example/CN=Middle CA" root
ca other "/C=US/O=Other/CN=Other CA"
leaf gw1 rsa2048 "/C=DE/O=Example/CN=gw1" "IP:192.168.1.100,DNS:gw1.example.net,email:admin@gw1.example.net" root
leaf gw2 rsa2048 "/C=DE/O=Example/CN=gw2" "IP:192.168.2.100,DNS:gw2.example.net,IP:2001:db8::2" root
leaf deep rsa2048 "/C=DE/O=Example/OU=Branch/CN=deep" "IP:192.168.1.100" middle
leaf plain rsa2048 "/C=DE/O=Example/CN=no names" "" root
leaf revoked rsa2048 "/C=DE/O=Example/CN=revoked" "IP:192.168.1.100" root
leaf stranger rsa2048 "/C=DE/O=Example/CN=gw1" "IP:192.168.1.100" other
leaf old rsa2048 "/C=DE/O=Example/CN=old" "IP:192.168.1.100" root -days 1
leaf p256 P-256 "/C=DE/O=Example/CN=p256" "IP:192.168.1.100" root
leaf p384 P-384 "/C=DE/O=Example/CN=p384" "IP:192.168.1.100" root
leaf p521 P-521 "/C=DE/O=Example/CN=p521" "IP:192.168.1.100" root
leaf q256 P-256 "/C=DE/O=Example/CN=q256" "IP:192.168.2.100" root
leaf q384 P-384 "/C=DE/O=Example/CN=q384" "IP:192.168.2.100" root
leaf q521 P-521 "/C=DE/O=Example/CN=q521" "IP:192.168.2.100" root
leaf dsa dsa "/C=DE/O=Example/CN=dsa" "IP:192.168.1.100" root
leaf md5 rsa2048 "/C=DE/O=Example/CN=md5" "IP:192.168.1.100" root -md5 -days $year
leaf small rsa512 "/C=DE/O=Example/CN=small" "IP:192.168.1.100" root
leaf fakeca rsa2048 "/C=DE/O=Example/CN=victim" "IP:192.168.1.100" gw2
crl crl root "-crldays $year" revoked
crl crl-old root "-crldays 1"
openssl pkey -in gw1.key -aes128 -passout pass:secret -out encrypted.key
cat deep.pem middle.pem root.pem >deep-chain.pem
cat fakeca.pem gw2.pem >fakeca-chain.pem
cat root.pem crl.pem >root-crl.pem
cat root.pem crl-old.pem >root-crl-old.pem
openssl crl2pkcs7 -nocrl -certfile gw1.pem -outform DER -out gw1.p7
openssl x509 -in gw1.pem -outform DER -out gw1.der
for n in gw1 gw2; do
	plainrsa-gen -i $n.key -f $n.prsa
	plainrsa-gen -i $n.pem >$n.pub
done
sed "s/^:/10.9.9.9 any :/" gw1.pub >elsewhere.pub
rm -f ./*.tmp root.key middle.key other.key dsa.key small.key plain.key
chmod 644 ./*
