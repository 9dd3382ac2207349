#!/bin/sh
# run_racoon.sh - racoon.conf golden pairs, as TAP.
#
#	BUILD=dir tests/conf/run_racoon.sh           compare
#	UPDATE=1 BUILD=dir tests/conf/run_racoon.sh  write what racoon says now; then read the diff
#
# X.conf with X.ok must load: X.ok is what racoon -C prints, X.warn its warnings.  The print must read
# back as the same print.  X.conf with X.err must be refused by -C and -t: X.err is standard error.
# /etc/psk.txt of the documents' examples may or may not exist here: what is said of it is left out.
# Their directories of certificates are made for the run, from the test PKI.
bin=${1:-${BUILD:-build}/bin}
racoon=$(cd "$bin" && pwd)/racoon || exit 2
here=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT INT TERM
MULTINET_LOGICALS=$tmp/none MULTINET=/nonexistent LC_ALL=C
export MULTINET_LOGICALS MULTINET LC_ALL
count=0 failed=0

tell() { # tell STATUS NAME [FILE of what differs]
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $count - $2"
	else
		failed=$((failed + 1))
		[ -z "$3" ] || sed 's/^/# /' "$3"
		echo "not ok $count - $2"
	fi
}

compare() { # compare EXPECTED ACTUAL NAME
	[ -z "$UPDATE" ] || cp "$2" "$here/racoon/$1"
	diff -u "$1" "$2" >"$tmp/diff" 2>&1
	tell $? "$3" "$tmp/diff"
}

here_now() { sed "s|\"/etc/certs|\"$tmp/certs|; s|\"/etc/racoon/certs/|\"$tmp/box-certs/|"; }
as_written() { sed "s|${old:-@}|OLDHASH|g; s|${hash:-@}|NEWHASH|g; s|$tmp/certs|/etc/certs|g; s|$tmp/box-certs|/etc/racoon/certs|g"; }

run() { # run OPTION FILE: $tmp/out, $tmp/err, $status
	timeout 20 "$racoon" "$1" -f "$2" >"$tmp/out" 2>"$tmp/err.all" </dev/null
	status=$?
	grep -v '/etc/psk.txt' "$tmp/err.all" | as_written >"$tmp/err"
	as_written <"$tmp/out" >"$tmp/out.all" && mv "$tmp/out.all" "$tmp/out"
}

golden() {
	name=$1
	run -C "$name.conf"
	[ -z "$UPDATE" ] || [ $status -ne 0 ] || rm -f "$name.err" "$here/racoon/$name.err"
	if [ -n "$UPDATE" ] && [ $status -ne 0 ]; then : >"$name.err"; rm -f "$here/racoon/$name.ok" "$here/racoon/$name.warn"; fi
	if [ -e "$name.err" ]; then
		compare "$name.err" "$tmp/err" "racoon/$name is refused"
		[ $status -eq 1 ] && [ ! -s "$tmp/out" ]
		tell $? "racoon/$name: status 1 and no output" "$tmp/out"
		run -t "$name.conf"
		[ $status -eq 1 ] && [ "$(cat "$tmp/out")" = "racoon: configuration file \"$name.conf\" test failed" ]
		tell $? "racoon/$name: -t says that it failed" "$tmp/out"
		return
	fi
	compare "$name.ok" "$tmp/out" "racoon/$name loads"
	if [ -n "$UPDATE" ]; then
		cp "$tmp/err" "$name.warn"; cp "$tmp/err" "$here/racoon/$name.warn"
		[ -s "$name.warn" ] || rm "$here/racoon/$name.warn"
	fi
	cp "$name.warn" "$tmp/warn" 2>/dev/null || : >"$tmp/warn"
	diff -u "$tmp/warn" "$tmp/err" >"$tmp/diff" && [ $status -eq 0 ]
	tell $? "racoon/$name: status 0 and the warnings expected" "$tmp/diff"
	cp "$tmp/out" "$tmp/first"
	here_now <"$tmp/out" >first.conf
	run -C first.conf
	diff -u "$tmp/first" "$tmp/out" >"$tmp/diff" && [ $status -eq 0 ]
	tell $? "racoon/$name: the print reads back" "$tmp/diff"
	run -t "$name.conf"
	printf 'racoon: configuration file "%s" syntax is ok\nracoon: configuration file "%s" test is successful\n' \
		"$name.conf" "$name.conf" | diff -u - "$tmp/out" >"$tmp/diff" && [ $status -eq 0 ]
	tell $? "racoon/$name: -t says that it is sound" "$tmp/diff"
}

cp -r "$here/racoon" "$tmp/racoon" && cd "$tmp/racoon" || exit 2
mkdir "$tmp/certs" "$tmp/box-certs"
cp "$here"/../pki/* "$tmp/certs" && chmod 600 "$tmp"/certs/*
cp "$tmp/certs/gw1.pem" "$tmp/certs/my_certificate.pem"; cp "$tmp/certs/gw1.key" "$tmp/certs/my_private_key.pem"
cp "$tmp/certs/gw1.pem" "$tmp/box-certs/vpnbox.certificate.pem"; cp "$tmp/certs/gw1.key" "$tmp/box-certs/decrypted.rsa.key"
chmod 644 "$tmp/certs/gw2.key"
# A directory that was hashed well, but for links as an old OpenSSL named them.
hash=$(openssl x509 -noout -hash <"$tmp/certs/root.pem") old=$(openssl x509 -noout -subject_hash_old <"$tmp/certs/root.pem")
(cd "$tmp/certs" && ln -s root.pem "$hash.0" && ln -s crl.pem "$old.r0")
for file in *.conf; do
	here_now <"$file" >"$file.now" && mv "$file.now" "$file"
	golden "${file%.conf}"
done

# ------------------------------------------------------------------------- psk.txt and its protection
cat >"$tmp/psk.conf" <<C
path pre_shared_key "psk.txt";
remote anonymous {
	exchange_mode main;
	proposal { encryption_algorithm aes; hash_algorithm sha256; authentication_method pre_shared_key; dh_group 14; }
}
C
cd "$tmp" || exit 2
expect() { # expect STATUS NAME ERRORS
	run -t psk.conf
	printf '%s' "$3" | diff -u - err >diff && [ $status -eq "$1" ]
	tell $? "psk.txt $2" diff
}
expect 0 'may be missing' "warning: psk.conf:1:1: psk.txt: there is no such file, so no pre-shared key is known
"
printf '# keys\n\n10.0.0.1\tsimple psk  \n10.0.0.2 0x00ff1\nwww.example.net  a key\n' >psk.txt
chmod 600 psk.txt
expect 0 'is read' ''
# As the HOWTO and chapter 29 print them.
cp "$here/../system/howto/psk.txt" psk.txt && chmod 600 psk.txt
expect 0 "of the HOWTO is read" ''
printf '192.168.1.2 deadbeef\n192.168.1.3 deadbeef\n192.168.1.4 deadbeef\n192.168.1.5 face0ff0\n' >psk.txt
expect 0 "of chapter 29 is read" ''
chmod 640 psk.txt
expect 1 'open to the group is refused' "psk.conf:1:1: psk.txt is open to others (mode 0640): expected mode 0600 (chmod 600 psk.txt)
%SYSTEM-E-FILEPROT, file is open to others
"
chmod 604 psk.txt
expect 1 'open to all is refused' "psk.conf:1:1: psk.txt is open to others (mode 0604): expected mode 0600 (chmod 600 psk.txt)
%SYSTEM-E-FILEPROT, file is open to others
"
if [ "$(id -u)" = 0 ]; then
	chmod 600 psk.txt; chown 65534 psk.txt
	expect 1 'of another user is refused' "psk.conf:1:1: psk.txt belongs to user 65534: it must belong to user 0, who runs racoon (chown 0 psk.txt)
%SYSTEM-E-FILEPROT, file is open to others
"
	chown 0 psk.txt
else
	count=$((count + 1))
	echo "ok $count - psk.txt of another user # SKIP needs root"
fi
printf '10.0.0.1\n key\n10.0.0.2 0xzz\n* secret\n' >psk.txt
chmod 600 psk.txt
expect 1 'errors have line and column, and no key in them' "psk.txt:1:9: expected a key behind the identity
psk.txt:2:1: the line begins with a blank: expected an identity in the first column
psk.txt:3:10: the key begins with 0x: expected hexadecimal digits
psk.txt:4:1: the identity \"*\" is not available in this version: name each peer
%CONFIG-E-BADCONF, configuration has errors
"
rm psk.txt; mkdir psk.txt
expect 1 'that is a directory is refused' "psk.conf:1:1: psk.txt is not a regular file
%CONFIG-E-BADCONF, configuration has errors
"
run -t missing.conf
printf 'missing.conf: No such file or directory\n%%SYSTEM-E-NOFILE, file cannot be read\n' | diff -u - err >diff && [ $status -eq 1 ]
tell $? 'a missing configuration is told' diff

echo "1..$count"
[ "$failed" -eq 0 ]
