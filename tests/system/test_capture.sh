#!/bin/bash
# CAPTURE: a negotiation's datagrams in pcap form and the keys aside, root's alone, bounded; what is
# in the files is taken apart here, phase 1 and 2 decrypted with the key.
. tests/system/lib.sh

topo_lan 10.9.2.1 10.9.2.2
(umask 077; printf '10.9.2.1 psk\n10.9.2.2 psk\n' >"$WORK/a/psk.txt")
conf() { # own address, the peer's
	printf 'path pre_shared_key "%s";\nlisten { isakmp %s [500]; }\n' "$WORK/a/psk.txt" "$1"
	printf 'remote %s { exchange_mode main; proposal { encryption_algorithm aes; hash_algorithm sha1; authentication_method pre_shared_key; dh_group modp1024; } }\n' "$2"
	printf 'sainfo anonymous { encryption_algorithm aes; authentication_algorithm hmac_sha1; compression_algorithm deflate; }\n'
}
conf 10.9.2.1 10.9.2.2 >"$WORK/a/racoon.conf"
conf 10.9.2.2 10.9.2.1 >"$WORK/b/racoon.conf"
for h in a b; do
	ipsecd_start $h
	MULTINET_RACOON_JOURNAL=$WORK/$h/journal start $h racoon "$BIN/racoon" -F -f "$WORK/$h/racoon.conf" -s "$WORK/$h/ctl" -S "$WORK/$h/ipsec.sock"
	wait_for 10 test -S "$WORK/$h/ctl" || bail "racoon on $h"
done
ask_a() { printf '%s\n' "$1" | timeout 20 nc -N -U "$WORK/a/ctl" | tr -d '\r'; }
like "nothing is captured" "$(ask_a CAPTURE)" 'nothing is being captured'
like "a path that is not whole" "$(ask_a 'CAPTURE here.pcap')" 'IVPARM'
like "too large" "$(ask_a "CAPTURE \"$WORK/x.pcap\" /SIZE=5000")" 'VALREQ'
like "no such directory" "$(ask_a "CAPTURE \"$WORK/none/x.pcap\"")" 'No such file'
touch "$WORK/there.pcap"
like "a file that is there stays" "$(ask_a "CAPTURE \"$WORK/there.pcap\"")" 'File exists'
ln -s "$WORK/target" "$WORK/link.pcap"
like "a link is not followed" "$(ask_a "CAPTURE \"$WORK/link.pcap\"")" 'SYSERR'
like "CAPTURE" "$(ask_a "CAPTURE \"$WORK/one.pcap\"")" '^200 .*one\.pcap, the keys to .*one\.pcap\.keys$'
like "a second one" "$(ask_a "CAPTURE \"$WORK/two.pcap\"")" 'ALREADY.*one\.pcap'
like "a negotiation" "$(ask_a 'ESTABLISH 10.9.2.2')" '^200'
like "its end, told to the peer" "$(ask_a 'DELETE 10.9.2.2')" '^200'
like "its state" "$(ask_a CAPTURE)" 'one\.pcap: [0-9]+ messages, [0-9]+ of 16777216 octets, 1 keys'
like "CAPTURE OFF" "$(ask_a 'CAPTURE OFF')" '^200'
is "the files are root's alone" "$(stat -c '%a %u' "$WORK/one.pcap" "$WORK/one.pcap.keys" | sort -u)" '600 0'
is "one key" "$(grep -cE '^[0-9a-f]{16},[0-9a-f]{32}$' "$WORK/one.pcap.keys")" 1
like "the log tells of it" "$(cat "$WORK/a/racoon.log")" 'NOTIFY: capture to .* begins: it and .* hold secrets'
unlike "… without the key" "$(cat "$WORK/a/racoon.log")" "$(cut -d, -f2 "$WORK/one.pcap.keys")"

cat >"$WORK/read.py" <<-'END'
	import subprocess, struct, sys, hashlib
	raw = open(sys.argv[1], "rb").read()
	magic, _, _, _, _, snap, link = struct.unpack("=IHHiIII", raw[:24])
	assert (magic, link) == (0xa1b2c3d4, 101), "file header"
	cookie, key = open(sys.argv[1] + ".keys").read().strip().split(",")
	at, messages = 24, []
	while at < len(raw):
	    _, _, n, whole = struct.unpack("=IIII", raw[at:at + 16])
	    p = raw[at + 16:at + 16 + n]
	    assert n == whole == len(p) == struct.unpack(">H", p[2:4])[0], "lengths"
	    assert p[0] == 0x45 and p[9] == 17 and struct.unpack(">HH", p[20:24]) == (500, 500), "headers"
	    messages.append(p[28:])
	    at += 16 + n
	assert all(struct.unpack(">I", m[24:28])[0] == len(m) for m in messages), "ISAKMP lengths"
	assert all(m[:8].hex() == cookie for m in messages), "cookie"
	print("messages", [m[18] for m in messages][:6])
	def payloads(m):
	    kind, out, at = m[16], {}, 28
	    while kind:
	        after, _, n = struct.unpack(">BBH", m[at:at + 4])
	        out[kind] = m[at + 4:at + n]
	        kind, at = after, at + n
	    return out
	clear = [m for m in messages if not m[19] & 1]
	# RFC 2409 appendix B: hash(g^xi | g^xr) is the first IV
	gxi, gxr = payloads(clear[2])[4], payloads(clear[3])[4]
	iv = hashlib.sha1(gxi + gxr).digest()[:16]
	m = [m for m in messages if m[19] & 1][0]
	out = subprocess.run(["openssl", "enc", "-d", "-aes-128-cbc", "-nopad", "-K", key, "-iv", iv.hex()],
	                     input=m[28:], capture_output=True, check=True).stdout
	after, _, n = struct.unpack(">BBH", out[:4])
	print("message 5", m[16], out[4], out[8:n].hex())
END
like "the file is read, message 5 decrypted: the identity is in it" "$(python3 "$WORK/read.py" "$WORK/one.pcap" 2>&1)" '^message 5 5 1 0a090201$'
like "… and all of the exchange" "$(python3 "$WORK/read.py" "$WORK/one.pcap" 2>&1)" '^messages \[2, 2, 2, 2, 2, 2\]$'
if command -v tshark >/dev/null; then
	IFS=, read -r cookie key <"$WORK/one.pcap.keys"
	like "tshark decrypts it" "$(tshark -r "$WORK/one.pcap" -o "uat:ikev1_decryption_table:$cookie,$key" -V 2>/dev/null)" "Identification Data: ?10\.9\.2\.1"
fi

# ---- it ends by itself
like "for one second" "$(ask_a "CAPTURE \"$WORK/three.pcap\" /TIME=1")" '^200'
wait_for 5 grep -q 'three\.pcap ends (its time is over)' "$WORK/a/racoon.log"
is "… it ends" $? 0
chmod 0777 "$WORK" "$WORK/a" "$WORK/a/ctl"
unlike "others than root may not" "$(setpriv --reuid=65534 --regid=65534 --clear-groups sh -c "echo 'CAPTURE \"$WORK/four.pcap\"' | timeout 5 nc -N -U $WORK/a/ctl" 2>&1)" '^2'
fails "… no file is there" test -e "$WORK/four.pcap"
like "a capture under way" "$(ask_a "CAPTURE \"$WORK/five.pcap\"")" '^200'
stop a racoon
is "racoon ends well with it" $? 0
finish
