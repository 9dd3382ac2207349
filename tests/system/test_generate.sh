#!/bin/bash
# A road warrior without XAUTH at a gateway that has no policies (generate_policy, inherit, base
# mode, hooks, path backupsa, pidfile, adminsock), and the L2TP policy of the racoon page.
. tests/system/lib.sh

A=192.168.1.100 B=192.168.2.100
PROPOSAL='proposal { encryption_algorithm aes 256; hash_algorithm sha256; authentication_method pre_shared_key; dh_group modp2048; }'
SAINFO='encryption_algorithm aes 128; authentication_algorithm hmac_sha256; compression_algorithm deflate;'

topo_howto
mkdir -p "$WORK/a/hooks" "$WORK/a/keys" # not where they are looked for unasked
for event in up down dead; do
	cat >"$WORK/a/hooks/$event.sh" <<-END
	#!/bin/sh
	{ echo "event \$1 args \$#"; env | sort; } >>$WORK/a/hooks.log
	END
	chmod 755 "$WORK/a/hooks/$event.sh"
done
cat >"$WORK/a/racoon.conf" <<-END
	path pre_shared_key "keys/secret";
	path script "hooks";
	path backupsa "$WORK/a/sa.backup";
	path pidfile "$WORK/a/racoon.pid";
	log debug;
	pfkey_buffer 1000000;
	listen { isakmp $A; isakmp_natt $A [4501]; strict_address; adminsock "$WORK/a/admin.sock" "nobody" "daemon" 0600; }
	remote anonymous {
		exchange_mode base;
		passive on;
		proposal_check claim;
		generate_policy unique;
		my_identifier fqdn "gw.example.net";
		peers_identifier user_fqdn "road@example.net";
		verify_identifier on;
		script "up.sh" phase1_up;
		script "down.sh" phase1_down;
		script "dead.sh" phase1_dead;
		$PROPOSAL
	}
	sainfo subnet 172.16.1.0/24 any clientaddr { lifetime time 10 min; $SAINFO }
END
cat >"$WORK/b/racoon.conf" <<-END
	path pre_shared_key "psk.txt";
	remote "gateways" {
		exchange_mode base;
		my_identifier user_fqdn "road@example.net";
		peers_identifier fqdn "gw.example.net";
		verify_identifier on;
		$PROPOSAL
	}
	remote anonymous inherit "gateways" { my_identifier user_fqdn "nobody@example.net"; }
	remote "office" inherit "gateways" { remote_address $A; }
	sainfo anonymous { $SAINFO }
END
(umask 077; echo 'road@example.net a long secret' >"$WORK/a/keys/secret"
	echo 'gw.example.net a long secret' >"$WORK/b/psk.txt")
ipsecd_start a
ipsecd_start b
setkey_load b <<-END
	spdadd $B/32 172.16.1.0/24 any -P out ipsec esp/tunnel/$B-$A/require;
	spdadd 172.16.1.0/24 $B/32 any -P in ipsec esp/tunnel/$A-$B/require;
END
racoon_begin() { # host, options
	local h=$1
	shift
	start "$h" racoon "$BIN/racoon" -F -f "$WORK/$h/racoon.conf" -S "$WORK/$h/ipsec.sock" "$@"
	wait_for 10 grep -q 'ready$' "$WORK/$h/racoon.log" || { cat "$WORK/$h/racoon.log"; bail "racoon on $h"; }
}
tell() { # socket, request
	printf '%s\r\n' "$2" | timeout 30 nc -N -U "$WORK/$1" | tr -d '\r'
}
racoon_begin a
racoon_begin b -s "$WORK/b/racoon.sock"
policies() { on a "$BIN/setkey" -DP; }
no_policies() { policies | grep -q 'No SPD entries'; }
sas() { on "$1" "$BIN/setkey" -D | grep -c 'state=mature'; }
no_sas() { [ "$(sas "$1")" = 0 ]; }

# ---- the daemon's own directives
is "adminsock: its owner, group and mode" "$(stat -c '%U %G %a' "$WORK/a/admin.sock")" 'nobody daemon 600'
like "adminsock: answers" "$(tell a/admin.sock NOOP)" '^200 '
is "path pidfile" "$(cat "$WORK/a/racoon.pid")" "${DAEMON[a/racoon]}"
like "isakmp_natt: its address and port" "$(cat "$WORK/a/racoon.log")" "$A\[4501\] used for NAT-T"
is "isakmp: listens there, and nowhere else" "$(on a ss -Huln | awk '{ print $4 }' | sort | xargs)" "$A:4501 $A:500"
# The kernel says twice what was asked for.
like "pfkey_buffer: the size of the receive buffer" "$(on a ss -xmn)" 'rb2048000000'
sed 's/isakmp 192.168.1.100;/isakmp 127.0.0.1 [1500]; isakmp 10.99.99.99;/' "$WORK/a/racoon.conf" >"$WORK/a/strict.conf"
like "strict_address: a listed address that is not there ends it" \
	"$(on a timeout 5 "$BIN/racoon" -F -f "$WORK/a/strict.conf" -S "$WORK/a/ipsec.sock" -s "$WORK/a/strict.sock" 2>&1)" \
	'ERROR: strict_address: not every address listed can be used'
like "path backupsa warns" "$(cat "$WORK/a/racoon.log")" 'WARNING: the keys of every IPsec SA are written to'
is "path backupsa: mode" "$(stat -c %a "$WORK/a/sa.backup")" 600
ok "the gateway begins without policies" no_policies

# ---- the road warrior
ok "road warrior reaches the network" wait_for 10 on b ping -c 1 -W 1 172.16.1.10
like "log debug" "$(cat "$WORK/a/racoon.log")" 'DEBUG'
show=$(policies)
like "generate_policy: out" "$show" "^172.16.1.0/24.* $B.*any"
like "generate_policy: unique" "$show" "esp/tunnel/$A-$B/unique[#:][0-9]+"
like "generate_policy: fwd" "$show" 'fwd .*ipsec'
# A pair; two where both ends began at once.
ok "IPsec SAs" [ "$(sas a)" -ge 2 ]
like "claim: RESPONDER-LIFETIME is sent and honoured" "$(cat "$WORK/b/racoon.log")" 'received RESPONDER-LIFETIME: 600 seconds'
ok "hook phase1_up" wait_for 5 grep -q '^event phase1_up args 1' "$WORK/a/hooks.log"
like "hook: LOCAL_ADDR" "$(cat "$WORK/a/hooks.log")" "^LOCAL_ADDR=$A$"
like "hook: REMOTE_ADDR" "$(cat "$WORK/a/hooks.log")" "^REMOTE_ADDR=$B$"
like "hook: REMOTE_PORT" "$(cat "$WORK/a/hooks.log")" '^REMOTE_PORT=500$'
like "hook: REMOTE_ID" "$(cat "$WORK/a/hooks.log")" '^REMOTE_ID=road@example.net$'
unlike "hook: nothing inherited" "$(cat "$WORK/a/hooks.log")" '^(HOME|MULTINET)'
ok "backup: a line for each SA" [ "$(grep -c '%' "$WORK/a/sa.backup")" -ge "$(sas a)" ]
ok "the gateway reaches the road warrior" on na ping -c 1 -W 2 $B

# ---- killed: -B puts back what has time left
cp "$WORK/a/sa.backup" "$WORK/a/sa.copy"
stop a racoon KILL
on a "$BIN/setkey" -F
is "the SAs are gone" "$(sas a)" 0
racoon_begin a -B
ok "-B: they are back" wait_for 5 sh -c "[ \$(MULTINET_IPSEC_SOCKET=$WORK/a/ipsec.sock $BIN/setkey -D | grep -c state=mature) -ge 2 ]"
ok "… and carry traffic" wait_for 10 on b ping -c 1 -W 1 172.16.1.10
ok "… and are in the file again" [ "$(grep -c '%' "$WORK/a/sa.backup")" -ge 2 ]
on a "$BIN/setkey" -F
tell b/racoon.sock 'FLUSH' >/dev/null
on a "$BIN/setkey" -FP
ok "a new negotiation after that" wait_for 20 on b ping -c 1 -W 1 172.16.1.10

# ---- with the SA its policies go
tell b/racoon.sock "DELETE $A" >/dev/null
ok "policies go with the SA" wait_for 5 no_policies
ok "… and no SA is left" wait_for 5 no_sas a
ok "hook phase1_down" wait_for 5 grep -q '^event phase1_down args 1' "$WORK/a/hooks.log"
ok "hook phase1_dead: no successor" wait_for 5 grep -q '^event phase1_dead args 1' "$WORK/a/hooks.log"
# A first message is shown before there is an SA; an address, its keepalives and the operator's words
# are about none.
nameless() { # log: lines about a peer's SA that do not end in " #id"
	awk '/ #[1-9][0-9]*$/ { first = 0; next }
		!/^[-0-9]+ [:0-9]+: \[[0-9a-f.:]+\] / && !/: script / { next }
		/ received [a-z]* first \{/ { first = 1 }
		first || /: (KA remove|unknown cookie|informational message for no SA|malformed message) / || /ticket/ { next }
		{ print }' "$1"
}
is "each line about an SA has its id" "$(nameless "$WORK/a/racoon.log"; nameless "$WORK/b/racoon.log")" ""
ok "… there are such lines" [ "$(grep -c ' #[1-9][0-9]*$' "$WORK/a/racoon.log")" -ge 50 ]
stop a racoon
stop b racoon

# ---- the racoon page: its racoon.conf with certificates, and its L2TP policy, which is the gateway's
# outbound half; the client begins
quietly() { (umask 077; "$@" >>"$WORK/openssl.log" 2>&1); }
quietly openssl req -x509 -newkey rsa:2048 -nodes -keyout "$WORK/root.key" -out "$WORK/root.pem" -days 2 -subj "/O=Example/CN=root"
mkdir "$WORK/a/certs" "$WORK/b/certs"
cp "$WORK/root.pem" "$WORK/b/certs"
issue() { # certificate, key, name
	quietly openssl req -newkey rsa:2048 -nodes -keyout "$2" -out "$WORK/csr" -subj "/C=DE/O=Example/CN=$3"
	quietly openssl x509 -req -in "$WORK/csr" -CA "$WORK/root.pem" -CAkey "$WORK/root.key" -CAcreateserial -days 2 -out "$1"
}
issue "$WORK/a/certs/vpnbox.certificate.pem" "$WORK/a/certs/decrypted.rsa.key" gw1
issue "$WORK/b/certs/gw2.pem" "$WORK/b/certs/gw2.key" gw2
sed "s|/etc/racoon/certs/|$WORK/a/certs|; s/192.168.0.1/$A/" tests/conf/racoon/l2tp-certificate.conf >"$WORK/a/racoon.conf"
cat >"$WORK/b/racoon.conf" <<-END
	path certificate "$WORK/b/certs";
	remote $A {
		exchange_mode main;
		my_identifier asn1dn;
		peers_identifier asn1dn "C=DE, O=Example, CN=gw1";
		verify_identifier on;
		certificate_type x509 "gw2.pem" "gw2.key";
		ca_type x509 "root.pem";
		proposal { encryption_algorithm 3des; hash_algorithm sha1; authentication_method rsasig; dh_group modp1024; }
	}
	sainfo anonymous { encryption_algorithm 3des; authentication_algorithm hmac_md5; compression_algorithm deflate; }
END
setkey_load a <<-END
	spdadd $A[1701] 0.0.0.0/0[0] any -P out ipsec esp/transport//require;
END
setkey_load b <<-END
	spdflush;
	spdadd $B[1701] $A[1701] udp -P out ipsec esp/transport//require;
	spdadd $A[1701] $B[1701] udp -P in ipsec esp/transport//require;
END
racoon_begin a -s "$WORK/a/admin.sock"
racoon_begin b -s "$WORK/b/racoon.sock"
l2tp() { # a datagram from the client's port 1701, and one back
	on a timeout 4 python3 -c "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('$A', 1701)); s.settimeout(3)
d, p = s.recvfrom(99); s.sendto(b'back ' + d, p)" &
	on b timeout 4 python3 -c "
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('$B', 1701)); s.settimeout(1)
for i in range(3):
    s.sendto(b'hello', ('$A', 1701))
    try:
        assert s.recvfrom(99)[0] == b'back hello'; break
    except socket.timeout: pass
else: raise SystemExit(1)"
}
ok "L2TP: a datagram and its answer" l2tp
like "L2TP: the inbound policy is generated" "$(policies)" "^$B\[1701\] $A\[1701\] udp"
like "L2TP: who the client is, its certificate says" "$(tell a/admin.sock SHOW/FORMAT=JSON)" 'CN=gw2'
is "L2TP: IPsec SAs in transport mode" "$(on a "$BIN/setkey" -D | grep -c 'mode=transport')" 2
tell b/racoon.sock "DELETE $A" >/dev/null
gone() { ! policies | grep -q "^$B\[1701\]"; }
ok "L2TP: it goes with the SA" wait_for 5 gone
like "L2TP: the administrator's policy stays" "$(policies)" "^$A\[1701\]"
finish
