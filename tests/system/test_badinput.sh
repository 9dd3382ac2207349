#!/bin/bash
# Bad input: the file, line and column, what was expected, a status that is not 0, and nothing half
# applied: not in the databases, not by RELOAD of a running racoon or master server.
. tests/system/lib.sh

A=10.9.0.1 B=10.9.0.2
topo_lan $A $B
ipsecd_start a
conf=$WORK/a/racoon.conf
good_conf() {
	cat >"$conf" <<-END
	path pre_shared_key "psk.txt";
	remote $B {
		exchange_mode main;
		proposal {
			encryption_algorithm aes 256;
			hash_algorithm sha256;
			authentication_method pre_shared_key;
			dh_group modp2048;
		}
	}
	sainfo anonymous {
		encryption_algorithm aes;
		authentication_algorithm hmac_sha256;
		compression_algorithm deflate;
	}
	END
	(umask 077; echo "$B a secret" >"$WORK/a/psk.txt")
	chmod 600 "$WORK/a/psk.txt"
}
racoon() { on a timeout 10 "$BIN/racoon" -S "$WORK/a/ipsec.sock" -s "$WORK/a/racoon.sock" -f "$conf" "$@"; }
tell() { printf '%s\r\n' "$1" | timeout 20 nc -N -U "$WORK/a/racoon.sock" | tr -d '\r'; }
answers() { tell NOOP | grep -q '^200 '; }
digest() { { on a "$BIN/setkey" -D; on a "$BIN/setkey" -DP; } | grep -vE 'created|current|diff|last|pid=' | sha256sum; }

# bad NAME, sed that breaks racoon.conf, what is to be said about it
BAD=()
bad() { BAD+=("$1" "$2" "$3"); }
bad 'an unknown word' 's/exchange_mode main/exchange_mod main/' \
	'racoon\.conf:3:1: unknown keyword "exchange_mod": did you mean "exchange_mode"\?'
bad 'an unknown value' 's/aes 256/ase 256/' 'racoon\.conf:5:22: unknown cipher "ase": did you mean "aes"\?'
bad 'a missing brace' '/^sainfo/,$ s/^}$//' 'racoon\.conf:1[0-9]:[0-9]+: expected "}": the block "sainfo" opened at line 11 is not closed'
bad 'a missing semicolon' '/hash_algorithm/ s/;//' 'racoon\.conf:7:1: .*is a ";" missing at the end of line 6\?'
bad 'a number out of range' 's/aes 256/aes 257/' 'racoon\.conf:5:26: key length 257 does not fit aes: expected 128, 192 or 256 bits'
bad 'a group that there is not' 's/modp2048/modp2047/' 'racoon\.conf:8:10: unknown Diffie-Hellman group "modp2047": did you mean "modp2048"\?'

try_bad() { # how: a function that is given the name and the pattern
	local i
	for ((i = 0; i < ${#BAD[@]}; i += 3)); do
		good_conf
		sed -i "${BAD[i + 1]}" "$conf"
		"$1" "${BAD[i]}" "${BAD[i + 2]}"
	done
	good_conf
	chmod 644 "$WORK/a/psk.txt"
	"$1" 'a key file open to others' 'psk\.txt.*(others|group|mode).*600'
	good_conf
}

# ---- racoon -t, and a start that does not take place
at_start() {
	local out status
	out=$(racoon -t 2>&1)
	status=$?
	like "racoon -t: $1" "$out" "$2"
	is "… its status" $status 1
	out=$(racoon -F 2>&1)
	status=$?
	like "racoon does not start: $1" "$out" "$2"
	is "… its status" $status 1
	[ ! -e "$WORK/a/racoon.sock" ]
	result $? "… nothing listens"
}
good_conf
ok "the file without errors" racoon -t
try_bad at_start

# ---- RELOAD keeps what is in force
start a racoon "$BIN/racoon" -F -f "$conf" -s "$WORK/a/racoon.sock" -S "$WORK/a/ipsec.sock"
wait_for 10 answers || { cat "$WORK/a/racoon.log"; bail "racoon"; }
config=$(tell 'SHOW CONFIG')
at_reload() {
	local out
	out=$(tell RELOAD)
	like "RELOAD: $1" "$out" "$2"
	like "… is refused" "$(tail -n 1 <<<"$out")" '^5[0-9][0-9] %[A-Z]+-E-[A-Z]+'
	is "… what is in force stays" "$(tell 'SHOW CONFIG')" "$config"
}
try_bad at_reload
like "RELOAD of the good file" "$(tell RELOAD | tail -n 1)" '^200 '
stop a racoon
is "racoon ends well" $? 0

# ---- setkey: a script with an error changes nothing, whatever stands before it
setkey_load a <<END
add $A $B esp 0x1001 -E aes-cbc 0x000102030405060708090a0b0c0d0e0f;
spdadd $A $B any -P out none;
END
before=$(digest)
script() { # name, pattern; script on standard input
	local out status
	cat >"$WORK/a/bad.conf"
	out=$(on a "$BIN/setkey" -f "$WORK/a/bad.conf" 2>&1)
	status=$?
	like "setkey: $1" "$out" "$2"
	is "… its status" $status 1
	is "… nothing was changed" "$(digest)" "$before"
	like "… the same from standard input" "$(on a "$BIN/setkey" -c <"$WORK/a/bad.conf" 2>&1)" "${2#bad\\.conf}"
	is "… with the same result" "$(digest)" "$before"
}
script 'a key too short' 'bad\.conf:3:[0-9]+: .*3des-cbc.*(192|24)' <<END
flush; spdflush;
add $A $B esp 0x2001 -E null -A hmac-md5 "0123456789abcdef";
add $A $B esp 0x2002 -E 3des-cbc "tooshort";
END
script 'a key too long' 'bad\.conf:1:[0-9]+: .*hmac-md5.*(128|16)' <<END
add $A $B ah 0x2003 -A hmac-md5 "0123456789abcdef0"; flush;
END
script 'a key that is no hexadecimal number' 'bad\.conf:1:[0-9]+: .*(hex|digit|0x)' <<END
add $A $B ah 0x2004 -A hmac-md5 0x00112233445566778899aabbccddee0g; flush;
END
script 'an unknown algorithm' 'bad\.conf:2:[0-9]+: .*"aes-cbd"' <<END
spdflush;
add $A $B esp 0x2005 -E aes-cbd 0x000102030405060708090a0b0c0d0e0f;
END
script 'an unknown statement' 'bad\.conf:2:1: unknown keyword "spdad"' <<END
flush;
spdad $A $B any -P in none;
END
script 'a number out of range' 'bad\.conf:2:[0-9]+: .*(range|255|expected)' <<END
flush;
add $A $B esp 99 -E null;
END
script 'an end that is missing' 'bad\.conf:3:1: expected ";" after "none" at line 2' <<END
flush;
spdadd $A $B any -P in none
END

# ---- the services file
services=$WORK/a/services
echo 'service TEST { program "sleep"; arguments "1000"; readiness off; }' >"$services"
start a master "$BIN/multinet_server" -f "$services" -s "$WORK/a/nc.sock"
console() { MULTINET_NETCONTROL_SOCKET=$WORK/a/nc.sock on a "$BIN/netcontrol" "$@" 2>&1; }
wait_for 10 console noop || bail "the master server"
pid=$(console show test | sed -n 's/.*pid //p')
printf 'service TEST { program "sleep"; arguments "1"; readiness off; }\nservice NEW { programm "x"; }\n' >"$services"
out=$(console reload)
status=$?
like "RELOAD of a services file with an error" "$out" 'services:2:15: unknown keyword "programm": did you mean "program"\?'
is "… its status" $status 1
is "… the service goes on" "$(console show test | sed -n 's/.*pid //p')" "$pid"
unlike "… and there is no new one" "$(console show)" 'NEW'
out=$("$BIN/multinet_server" -f "$services" -s "$WORK/a/other.sock" 2>&1)
is "a start with it does not take place" $? 1
like "… and says why" "$out" 'services:2:15: unknown keyword'
stop a master
is "the master ends well" $? 0
finish
