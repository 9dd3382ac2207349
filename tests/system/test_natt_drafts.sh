#!/bin/bash
# NAT traversal of drafts 00 and 01: no other port, and ESP behind eight zero octets on IKE's own.
#
# Ours offer RFC 3947 first, so a relay between them makes the vendor IDs of all later versions
# unreadable, as if the other end knew none; it is a NAT as well, with an address and ports of its own.
. tests/system/lib.sh
command -v python3 >/dev/null || skip_all "needs python3"

# a --- n === b: the relay at 10.0.0.1 is b for a, the one at 203.0.113.2 is a for b.
host a n b bn
wire a eth0 10.0.0.11/24 n in0 10.0.0.1/24
wire n out 203.0.113.2/24 b eth0 203.0.113.1/24
wire b eth1 172.16.0.1/24 bn eth0 172.16.0.10/24
forwards b
route bn default via 172.16.0.1
ip -n "${NS}a" addr add 172.16.101.1/32 dev lo
route a 172.16.0.0/24 via 10.0.0.1
route b 172.16.101.0/24 via 203.0.113.2

cat >"$WORK/relay.py" <<'END'
import hashlib, select, socket
later = [hashlib.md5(n.encode()).digest() for n in ['RFC 3947', 'draft-ietf-ipsec-nat-t-ike-02\n',
    'draft-ietf-ipsec-nat-t-ike-01'] + ['draft-ietf-ipsec-nat-t-ike-0%d' % k for k in range(2, 9)]]
def socket_at(address, port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, port))
    return s
inner, outer, client = socket_at('10.0.0.1', 500), socket_at('203.0.113.2', 20500), None
esp = 0
while True:
    for s in select.select([inner, outer], [], [])[0]:
        data, who = s.recvfrom(65535)
        for v in later:
            data = data.replace(v, bytes(16 * [0x77]))
        if s is inner:
            client = who
            outer.sendto(data, ('203.0.113.1', 500))
        elif client is not None:
            inner.sendto(data, client)
        if len(data) > 8 and data[:8] == bytes(8):
            esp += 1
            print('marked ESP', esp, flush=True)
END

side() { # host, remote, own end, other end, in and out for a's net
	cat >"$WORK/$1/racoon.conf" <<-END
	path pre_shared_key "psk.txt";
	timer { counter 3; interval 2 sec; phase1 10 sec; phase2 10 sec; natt_keepalive 1 sec; }
	remote anonymous {
		exchange_mode main;
		nat_traversal on;
		proposal { encryption_algorithm aes 128; hash_algorithm sha256; authentication_method pre_shared_key; dh_group x25519; }
	}
	sainfo anonymous { encryption_algorithm aes 128; authentication_algorithm hmac_sha256; compression_algorithm deflate; }
	END
	(umask 077; echo "$2 a secret" >"$WORK/$1/psk.txt")
	ipsecd_start "$1"
	setkey_load "$1" <<-END
	spdadd 172.16.101.0/24 172.16.0.0/24 any -P $5 ipsec esp/tunnel/$3-$4/require;
	spdadd 172.16.0.0/24 172.16.101.0/24 any -P $6 ipsec esp/tunnel/$4-$3/require;
	END
	start "$1" racoon "$BIN/racoon" -F -d -f "$WORK/$1/racoon.conf" -s "$WORK/$1/racoon.sock" \
		-S "$WORK/$1/ipsec.sock"
	wait_for 10 answers "$1" || { cat "$WORK/$1/racoon.log"; bail "racoon on $1"; }
}
tell() { printf '%s\r\n' "$2" | timeout 30 nc -N -U "$WORK/$1/racoon.sock" | tr -d '\r'; }
answers() { tell "$1" NOOP | grep -q "^200 "; }
log() { cat "$WORK/$1/racoon.log"; }

on n python3 "$WORK/relay.py" >"$WORK/relay.out" 2>&1 &
PIDS+=($!)
side a 10.0.0.1 10.0.0.11 10.0.0.1 out in
side b 203.0.113.2 203.0.113.2 203.0.113.1 in out
capture_start outside b eth0 udp or esp
ok "traffic brings the tunnel up" wait_for 10 on a ping -c 1 -W 1 -I 172.16.101.1 172.16.0.10
ok "and passes" on a ping -c 3 -i 0.2 -W 2 -I 172.16.101.1 172.16.0.10
ok "and the other way" on bn ping -c 2 -i 0.2 -W 2 172.16.101.1
like "it is a draft's" "$(log b)" 'Selected NAT-T version: draft-ietf-ipsec-nat-t-ike-00'
like "both are behind a NAT" "$(log a)" 'NAT detected: ME PEER'
unlike "the port stays" "$(log a)" 'ports changed to'
like "the SA has the marker" "$(MULTINET_IPSEC_SOCKET=$WORK/b/ipsec.sock on b "$BIN/setkey" -D 2>&1)" 'NAT-T non-IKE marker'
ok "ESP came behind eight zero octets" [ "$(grep -c 'marked ESP' "$WORK/relay.out")" -ge 8 ]
seen=$(capture_stop outside)
like "on IKE's port" "$seen" '203\.0\.113\.2\.20500 > 203\.0\.113\.1\.500'
unlike "and no other" "$seen" '\.4500'
unlike "nothing in clear" "$seen" '172\.16\.'
like "IKE goes on through the shared socket" "$(tell a 'FLUSH IPSEC')" '^200 '
ok "… and makes other SAs" wait_for 10 on a ping -c 1 -W 1 -I 172.16.101.1 172.16.0.10
like "the peer hears of the end" "$(tell a FLUSH)" '^200 '
gone() { ! tell b 'SHOW ISAKMP' | grep -q ESTABLISHED; }
ok "… through it" wait_for 5 gone
for h in a b; do stop $h racoon; done
finish
