#!/bin/bash
# Chapter 29's host-to-host examples with manual keys (typographic quotes replaced, key lengths of
# the slips put right: 24 octets for 3DES, 16 for HMAC-MD5 and AES).
. tests/system/lib.sh

# ---- 10.0.0.216 and 10.0.0.11: "a very simple configuration", one way, then both ways and checked
host c d
wire c eth0 10.0.0.216/24 d eth0 10.0.0.11/24
ipsecd_start c
ipsecd_start d
oneway() {
	cat <<-'END'
	add 10.0.0.216 10.0.0.11 ah 24500 -A hmac-md5 "1234567890123456";
	add 10.0.0.216 10.0.0.11 esp 24501 -E 3des-cbc "123456789012123456789012";
	END
}
ok "10.0.0.216 loads" setkey_load c < <(oneway;
	echo 'spdadd 10.0.0.216 10.0.0.11 any -P out ipsec esp/transport//require ah/transport//require;')
ok "10.0.0.11 loads" setkey_load d < <(oneway)
capture_start one d eth0 not arp
ok "ping: protected out, clear back" on c ping -c 2 -i 0.2 -W 2 10.0.0.11
seen=$(capture_stop one)
like "AH and ESP out" "$seen" '10.0.0.216 > 10.0.0.11: AH\(spi=0x00005fb4,.*ESP\(spi=0x00005fb5,'
like "echo reply in clear, as the document shows" "$seen" '10.0.0.11 > 10.0.0.216: ICMP echo reply'

both() { # direction of 216 to 11, direction back
	cat <<-END
	flush; spdflush;
	add 10.0.0.11 10.0.0.216 ah 15700 -A hmac-md5 "1234567890123456";
	add 10.0.0.216 10.0.0.11 ah 24500 -A hmac-md5 "1234567890123456";
	add 10.0.0.11 10.0.0.216 esp 15701 -E 3des-cbc "123456789012123456789012";
	add 10.0.0.216 10.0.0.11 esp 24501 -E 3des-cbc "123456789012123456789012";
	spdadd 10.0.0.216 10.0.0.11 any -P $1 ipsec esp/transport//require ah/transport//require;
	spdadd 10.0.0.11 10.0.0.216 any -P $2 ipsec esp/transport//require ah/transport//require;
	END
}
ok "both ways: 10.0.0.216 loads" setkey_load c < <(both out in)
ok "both ways: 10.0.0.11 loads" setkey_load d < <(both in out)
capture_start two d eth0 not arp
ok "both ways: ping" on c ping -c 2 -i 0.2 -W 2 10.0.0.11
seen=$(capture_stop two)
like "AH and ESP back" "$seen" '10.0.0.11 > 10.0.0.216: AH\(spi=0x00003d54,.*ESP\(spi=0x00003d55,'
unlike "nothing in clear" "$seen" 'ICMP'

# ---- 10.1.1.1 and 10.2.1.1: ESP with 3DES, ESP with AES, AH, and both
topo_routed 10.1.1.1 10.2.1.1
ipsecd_start a
ipsecd_start b
example() { # name, what the wire shows, SAs, transforms
	local dir
	for h in a b; do
		dir=$([ $h = a ] && echo out in || echo in out)
		# shellcheck disable=SC2086
		set -- "$1" "$2" "$3" "$4" $dir
		ok "$1: $h loads" setkey_load $h <<-END
		flush; spdflush;
		$3
		spdadd 10.1.1.1 10.2.1.1 any -P $5 ipsec $4;
		spdadd 10.2.1.1 10.1.1.1 any -P $6 ipsec $4;
		END
	done
	capture_start wire r eth0 not arp
	ok "$1: ping" on a ping -c 2 -i 0.2 -W 2 10.2.1.1
	seen=$(capture_stop wire)
	like "$1: protected" "$seen" "10.1.1.1 > 10.2.1.1: $2"
	unlike "$1: nothing in clear" "$seen" '10.[12].1.1: ICMP'
}
example "ESP with 3DES-CBC" 'ESP\(spi=0x00002694' 'add 10.1.1.1 10.2.1.1 esp 9876 -E 3des-cbc "hogehogehogehogehogehoge";
	add 10.2.1.1 10.1.1.1 esp 10000 -E 3des-cbc 0xdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeef;' \
	'esp/transport//require'
example "ESP with AES (rijndael-cbc)" 'ESP\(spi=0x00002694' 'add 10.1.1.1 10.2.1.1 esp 9876 -E rijndael-cbc "hogehogehogehoge";
	add 10.2.1.1 10.1.1.1 esp 10000 -E rijndael-cbc 0xdeadbeefdeadbeefdeadbeefdeadbeef;' \
	'esp/transport//require'
example "AH with HMAC-MD5" 'AH\(spi=0x00002695' 'add 10.1.1.1 10.2.1.1 ah 9877 -A hmac-md5 "hogehogehogehoge";
	add 10.2.1.1 10.1.1.1 ah 10001 -A hmac-md5 "mogamogamogamoga";' \
	'ah/transport//require'
example "ESP and AH" 'AH\(spi=0x00002695.*ESP\(spi=0x00002694' 'add 10.1.1.1 10.2.1.1 esp 9876 -E 3des-cbc "hogehogehogehogehogehoge";
	add 10.2.1.1 10.1.1.1 esp 10000 -E 3des-cbc 0xdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeef;
	add 10.1.1.1 10.2.1.1 ah 9877 -A hmac-md5 "hogehogehogehoge";
	add 10.2.1.1 10.1.1.1 ah 10001 -A hmac-md5 "mogamogamogamoga";' \
	'esp/transport//require ah/transport//require'

# `use`: protected when there is an SA, else in clear, and cleartext is taken.
ok "use without an SA: loads" setkey_load a <<-'END'
	flush; spdflush;
	spdadd 10.1.1.1 10.2.1.1 any -P out ipsec esp/transport//use;
	spdadd 10.2.1.1 10.1.1.1 any -P in ipsec esp/transport//use;
END
ok "use without an SA: b has no policies" setkey_load b <<<'flush; spdflush;'
ok "use without an SA: ping in clear" on a ping -c 1 -W 2 10.2.1.1
finish
