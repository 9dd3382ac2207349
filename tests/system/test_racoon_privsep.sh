#!/bin/bash
# privsep { user; group; chroot; }: the process that handles the network is another user's, in an
# empty directory, and all that racoon does is done nevertheless: keys that only root may read, hooks
# that run as root, RELOAD with new files, new addresses, a new ipsecd, an end that leaves nothing.
. tests/system/lib.sh

P=$WORK/pki
mkdir -p "$P" "$WORK/empty"
quietly() { "$@" >>"$P/openssl.log" 2>&1; }
umask 077
quietly openssl req -x509 -newkey rsa:2048 -nodes -keyout "$P/ca.key" -out "$P/ca.pem" -days 2 -subj "/C=DE/O=Example/CN=ca"
for h in a b; do
	quietly openssl req -newkey rsa:2048 -nodes -keyout "$P/$h.key" -out "$P/$h.csr" -subj "/C=DE/O=Example/CN=$h"
	quietly openssl x509 -req -in "$P/$h.csr" -CA "$P/ca.pem" -CAkey "$P/ca.key" -CAcreateserial -days 2 -out "$P/$h.pem"
done
topo_lan 10.9.1.1 10.9.1.2
for h in a b; do
	mkdir "$WORK/$h/certs" "$WORK/$h/scripts"
	cp "$P/ca.pem" "$P/$h.pem" "$P/$h.key" "$WORK/$h/certs"
	ln -s ca.pem "$WORK/$h/certs/$(openssl x509 -noout -hash <"$P/ca.pem").0"
	ipsecd_start $h
done
chmod 755 "$WORK/empty"
cat >"$WORK/a/scripts/hook" <<-END
	#!/bin/sh
	echo "\$1 \$(id -u) \$REMOTE_ADDR \$REMOTE_ID" >>$WORK/a/hooks
END
chmod 755 "$WORK/a/scripts/hook"
for h in a b; do
	setkey_load $h <<-END
		spdadd 10.9.1.1 10.9.1.2 icmp -P $([ $h = a ] && echo out || echo in) ipsec esp/transport//require;
		spdadd 10.9.1.2 10.9.1.1 icmp -P $([ $h = a ] && echo in || echo out) ipsec esp/transport//require;
	END
done
configure() { # host, peer, statements, method, statements on top
	cat >"$WORK/$1/racoon.conf" <<-END
		$5
		path certificate "$WORK/$1/certs";
		path pre_shared_key "$WORK/$1/psk.txt";
		path script "$WORK/$1/scripts";
		path pidfile "$WORK/$1/racoon.pid";
		remote $2 {
			exchange_mode main;
			$3
			proposal { encryption_algorithm aes; hash_algorithm sha256; authentication_method $4; dh_group modp2048; }
		}
		sainfo anonymous { encryption_algorithm aes; authentication_algorithm hmac_sha1; compression_algorithm deflate; }
	END
}
racoon_says() { printf '%s\r\n' "$2" | timeout 20 nc -N -U "$WORK/$1/racoon.ctl" | tr -d '\r'; }
racoon_on() { # host
	MULTINET_RACOON_JOURNAL=$WORK/$1/journal ASAN_OPTIONS=detect_leaks=0 start $1 racoon "$BIN/racoon" -F -f "$WORK/$1/racoon.conf" -s "$WORK/$1/racoon.ctl" -S "$WORK/$1/ipsec.sock"
	wait_for 10 test -S "$WORK/$1/racoon.ctl" || { cat "$WORK/$1/racoon.log"; bail "racoon on $1"; }
}
separate='privsep { user "nobody"; group 4242; chroot "'$WORK'/empty"; }'
hook='script "hook" phase1_up; script "hook" phase1_down;'
for h in a b; do echo "10.9.1.$([ $h = a ] && echo 2 || echo 1) one" >"$WORK/$h/psk.txt"; done
configure a 10.9.1.2 "$hook" pre_shared_key "$separate"
configure b 10.9.1.1 "" pre_shared_key ""
racoon_on a; racoon_on b
wait_for 10 grep -q 'unprivileged process running' "$WORK/a/racoon.log"

# ---------------------------------------------------------------------------- who is who
worker=$(sed -n 's/.* unprivileged process running with PID \([0-9]*\).*/\1/p' "$WORK/a/racoon.log")
privileged=$(sed -n 's/.* privileged process running with PID \([0-9]*\).*/\1/p' "$WORK/a/racoon.log" | head -1)
is "the process in the pid file is the worker" "$(cat "$WORK/a/racoon.pid")" "$worker"
nobody=$(id -u nobody)
status=$(cat /proc/"$worker"/status)
like "the worker is nobody, whichever id is asked for" "$status" "^Uid:.$nobody.$nobody.$nobody.$nobody\$"
like "… in the group that is named" "$status" '^Gid:.4242.4242.4242.4242$'
like "… and in no other" "$status" '^Groups:.4242 ?$'
like "… without any capability, for ipsecd has the SAs" "$status" '^CapPrm:.0000000000000000$'
like "… and none to be had" "$status" '^NoNewPrivs:.1$'
is "its root is the empty directory" "$(readlink /proc/"$worker"/root)" "$WORK/empty"
like "the privileged process is root" "$(cat /proc/"$privileged"/status)" '^Uid:.0.0.0.0$'
is "… and has no network" "$(find /proc/"$privileged"/fd -lname 'socket:*' | wc -l)" 1

# ---------------------------------------------------------------------------- all of it works
like "established" "$(racoon_says a 'ESTABLISH/CHILD 10.9.1.2')" '^200 '
ok "traffic passes" on a ping -c 1 -W 2 10.9.1.2
wait_for 5 test -s "$WORK/a/hooks"
is "the hook ran as root, and knows the peer" "$(cat "$WORK/a/hooks")" "phase1_up 0 10.9.1.2 10.9.1.2"

echo "10.9.1.2 two" >"$WORK/a/psk.txt"; echo "10.9.1.1 two" >"$WORK/b/psk.txt"
like "RELOAD reads what only root may" "$(racoon_says a RELOAD)" '^200 '
racoon_says b RELOAD >/dev/null
for h in a b; do racoon_says $h FLUSH >/dev/null; done
like "… and the new key counts" "$(racoon_says a 'ESTABLISH/CHILD 10.9.1.2')" '^200 '

sed -i 's/exchange_mode main/exchange_mode mian/' "$WORK/a/racoon.conf"
like "an error in the file is told where RELOAD was typed" "$(racoon_says a RELOAD)" 'racoon.conf:[0-9]+:.*"mian"'
configure a 10.9.1.2 "$hook certificate_type x509 \"a.pem\" \"a.key\"; my_identifier asn1dn;" rsasig "$separate"
configure b 10.9.1.1 'certificate_type x509 "b.pem" "b.key"; my_identifier asn1dn;' rsasig ""
like "certificates come with RELOAD" "$(racoon_says a RELOAD)" '^200 '
racoon_says b RELOAD >/dev/null
for h in a b; do racoon_says $h FLUSH >/dev/null; done
like "… and the CA of the hashed directory" "$(racoon_says a 'ESTABLISH/CHILD 10.9.1.2')" '^200 '
ok "… and traffic passes" wait_for 5 on a ping -c 1 -W 1 10.9.1.2
# The directory as it is when a peer is judged, though only root may look into it.
: >"$P/index"; echo 01 >"$P/number"
printf '[ca]\ndefault_ca=d\n[d]\ndatabase=%s\ncrlnumber=%s\ndefault_md=sha256\ndefault_crl_days=2\n' "$P/index" "$P/number" >"$P/ca.cnf"
quietly openssl ca -config "$P/ca.cnf" -cert "$P/ca.pem" -keyfile "$P/ca.key" -revoke "$P/b.pem"
quietly openssl ca -config "$P/ca.cnf" -cert "$P/ca.pem" -keyfile "$P/ca.key" -gencrl -out "$WORK/a/certs/list"
ca=$(openssl x509 -noout -hash <"$P/ca.pem")
mv "$WORK/a/certs/list" "$WORK/a/certs/$ca.r0"
racoon_says a FLUSH >/dev/null
like "a revocation list counts without RELOAD" "$(racoon_says a 'ESTABLISH 10.9.1.2')" 'CERTREVOKED.*CN=b'
mv "$WORK/a/certs/$ca.r0" "$WORK/a/certs/1234abcd.r0"
like "… not under a name that is not its hash" "$(racoon_says a 'ESTABLISH 10.9.1.2')" '^200 '
racoon_says a FLUSH >/dev/null
mv "$WORK/a/certs/$ca.0" "$WORK/a/certs/1234abcd.0"
like "a CA that is taken away is believed no longer" "$(racoon_says a 'ESTABLISH 10.9.1.2')" 'CERTNOCA'
mv "$WORK/a/certs/1234abcd.0" "$WORK/a/certs/$ca.0"
rm "$WORK/a/certs/1234abcd.r0"
like "… and again when it is there" "$(racoon_says a 'ESTABLISH/CHILD 10.9.1.2')" '^200 '
configure a 10.9.1.2 "$hook certificate_type x509 \"a.pem\" \"a.key\"; my_identifier asn1dn;" rsasig "privsep { user 1; }"
like "another user has to wait for the next start" "$(racoon_says a RELOAD)" 'privsep: changed; it takes effect at the next start'

ip -n "${NS}a" addr add 10.9.1.77/24 dev eth0
ok "a new address is listened at" wait_for 10 grep -q '10.9.1.77\[500\] used as isakmp port' "$WORK/a/racoon.log"
ipsecd_stop a
ok "ipsecd goes" wait_for 5 grep -q 'SA database.*lost\|SA database.*gone\|connection' "$WORK/a/racoon.log"
ipsecd_start a
setkey_load a <<-END
	spdadd 10.9.1.1 10.9.1.2 icmp -P out ipsec esp/transport//require;
	spdadd 10.9.1.2 10.9.1.1 icmp -P in ipsec esp/transport//require;
END
ok "… and comes back" wait_for 20 on a ping -c 1 -W 1 10.9.1.2

# ---------------------------------------------------------------------------- the end
stop a racoon
is "ended in order" $? 0
ok "no process is left" wait_for 5 test ! -e /proc/"$privileged"
is "nor a pid file" "$(ls "$WORK/a/racoon.pid" 2>&1 | grep -c 'No such')" 1
is "nor a control socket" "$(ls "$WORK/a/racoon.ctl" 2>&1 | grep -c 'No such')" 1
is "nor a journal" "$(ls "$WORK/a/journal" 2>&1 | grep -c 'No such')" 1
ok "the hook of the end ran as well" wait_for 5 grep -q '^phase1_down 0 10.9.1.2' "$WORK/a/hooks"

configure a 10.9.1.2 "" pre_shared_key "$separate"
racoon_on a
wait_for 10 grep -q 'unprivileged process' <(tail -n 5 "$WORK/a/racoon.log")
privileged=$(sed -n 's/.* privileged process running with PID \([0-9]*\).*/\1/p' "$WORK/a/racoon.log" | tail -1)
stop a racoon KILL
ok "a worker that is killed takes its privileged process along" wait_for 5 test ! -e /proc/"$privileged"
racoon_on a
wait_for 10 sh -c "grep -c 'unprivileged process running' '$WORK/a/racoon.log' | grep -qx 3"
privileged=$(sed -n 's/.* privileged process running with PID \([0-9]*\).*/\1/p' "$WORK/a/racoon.log" | tail -1)
kill -9 "$privileged"
ok "a worker that is left alone says so and ends" wait_for 10 grep -q 'the privileged process is gone: ending' "$WORK/a/racoon.log"
ok "… in order" wait_for 10 sh -c "! kill -0 ${DAEMON[a/racoon]}"

# ---------------------------------------------------------------------------- what is refused
configure a 10.9.1.2 "" pre_shared_key 'privsep { user "no-such-user"; }'
like "an unknown user is refused" "$("$BIN/racoon" -t -f "$WORK/a/racoon.conf" 2>&1)" 'racoon.conf:1:1: unknown user "no-such-user"'
chmod 777 "$WORK/empty"
configure a 10.9.1.2 "" pre_shared_key "$separate"
like "a root directory that others can change is refused" "$("$BIN/racoon" -t -f "$WORK/a/racoon.conf" 2>&1)" 'can be changed by others than the superuser'
finish
