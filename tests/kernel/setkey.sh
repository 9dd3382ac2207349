#!/bin/bash
# setkey.sh - setkey against the kernel's databases, over XFRM and over PF_KEY.  TAP.
#
# Run inside the private kernel (tests/kernel/lab.sh) from the top folder, BUILD telling where the
# programs are.  What is loaded and what the dumps say is what tests/system/test_setkey.sh asks of
# the embedded engine: the text must be the same.
set -u
BUILD=${BUILD:-build}
here=tests/system/setkey
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
n=0 bad=0
export MULTINET_LOGICALS=$dir/none LC_ALL=C TZ=UTC0
modprobe -aq xfrm_user af_key esp4 esp6 ah4 ah6 ipcomp ipcomp6

verdict() { # status, name
	n=$((n + 1))
	[ "$1" = 0 ] && echo "ok $n - $backend: $2" && return
	bad=1
	echo "not ok $n - $backend: $2"
	sed 's/^/# /' "$dir/out"
}
setkey() { "$BUILD/bin/setkey" -B $backend "$@"; }
ok() { local name=$1; shift; "$@" >"$dir/out" 2>&1; verdict $? "$name"; }
has() { setkey "${@:2}" >"$dir/out" 2>&1; grep -Eq -- "$1" "$dir/out"; }
dump_is() { setkey "$1" | unknown | $here/mask.sh | diff -u "$2" -; }
# Linux's PF_KEY neither takes nor tells whether sequence numbers may wrap.
unknown() { if [ $backend = pfkey ]; then sed 's/flags=0x00000000/flags=0x00000040/'; else cat; fi; }
refused() { # text of the refusal, statement
	setkey -c <<<"$2" >"$dir/out" 2>&1 && return 1
	grep -Eq -- "^stdin:1:1: The result of line 1: .*$1" "$dir/out"
}

long() {
	local i
	for i in $(seq 3000); do
		echo "add 10.1.$((i / 250)).$((i % 250 + 1)) 10.2.0.1 esp $((i + 4096)) -m tunnel -E null;"
		echo "spdadd 10.1.$((i / 250)).$((i % 250 + 1)) 10.2.0.1 any -P out ipsec esp/tunnel/10.1.0.1-10.2.0.1/require;"
	done
	echo 'add 10.1.0.2 10.2.0.1 esp 4097 -m tunnel -E null;'
}

for backend in xfrm pfkey; do
	ok "a script loads" setkey -f $here/dump.conf
	ok "-D, line for line" dump_is -D $here/dump.sad
	ok "-DP, line for line" dump_is -DP $here/dump.spd
	setkey --dump=json >"$dir/json"
	ok "--dump=json keeps to its schema" tests/conf/schema.py doc/setkey.schema.json <"$dir/json"
	ok "get shows an SA" has '^	ah mode=transport spi=24500' -c <<<'get 10.0.0.2 10.0.0.1 ah 24500;'
	ok "delete" setkey -c <<<'delete 10.0.0.2 10.0.0.1 ah 24500;'
	ok "deleteall" setkey -c <<<'deleteall 10.0.0.1 10.0.0.2 esp;'
	ok "spdupdate" setkey -c <<<'spdupdate 10.2.0.0/16 10.3.0.0/16 any -P out prio high none;'
	ok "which replaces" has '	out prio high none' -DP
	ok "spddelete of in and its fwd" setkey -c <<<'spddelete 192.168.0.1[1701] 0.0.0.0/0 udp -P in;'
	ok "getspi" has '^	esp mode=tunnel spi=2048[0-3]\(0x0000500[0-3]\) reqid=4' -c \
		<<<'getspi 10.0.0.1 10.0.0.2 esp 0x5000-0x5003 -m tunnel -u 4;'
	ok "an SA twice" refused 'File exists' 'add fe80::1 fe80::2 esp 12288 -m transport -E null -A hmac-sha1
		0x000102030405060708090a0b0c0d0e0f10111213;'
	ok "no such SA" refused 'No entry' 'delete 10.0.0.2 10.0.0.1 ah 24501;'
	ok "TCP-MD5 is not the kernel's SADB" refused 'Operation not supported' \
		'add 10.0.0.1 10.0.0.2 tcp 0x1000 -A tcp-md5 "x";'
	ok "esp-old is refused" refused 'Operation not supported' \
		'add 10.0.0.1 10.0.0.2 esp-old 0x2003 -E 3des-cbc "012345678901234567890123";'
	ok "-F" setkey -F
	ok "-FP" setkey -FP
	long >"$dir/long"
	setkey -f "$dir/long" >"$dir/said" 2>&1
	ok "6000 requests, and one that is refused: its line" \
		grep -q 'long:6001:1: The result of line 6001: File exists' "$dir/said"
	ok "all SAs are there" test "$(setkey -D | grep -c mode=tunnel)" = 3000
	ok "all policies are there" test "$(setkey -DP | grep -c 'out prio def ipsec')" = 3000
	ok "-F" setkey -F
	ok "-FP" setkey -FP
	ok "no SA is left" has '^No SAD entries\.$' -D
	ok "no policy is left" has '^No SPD entries\.$' -DP
done

backend=pfkey
ok "marks are refused" refused 'use the backend xfrm' 'add 10.0.0.1 10.0.0.2 esp 0x1002 -mark 0x10 -E null;'
ok "so are 64-bit sequence numbers" refused 'use the backend xfrm' \
	'add 10.0.0.1 10.0.0.2 esp 0x1002 -r 64 -esn -E 3des-cbc "012345678901234567890123";'
backend=xfrm
ok "what only XFRM has" setkey -c <<-'END'
	add 10.0.0.1 10.0.0.2 esp 0x1000 -r 256 -esn -m tunnel -E aes-gcm-16 0x000102030405060708090a0b0c0d0e0f10111213;
	add 10.0.0.1 10.0.0.2 esp 0x1002 -mark 0x10/0xff -if_id 7 -E null -A hmac-sha256
		0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f;
	spdadd 10.0.0.1 10.0.0.2 any -mark 0x10/0xf0 -if_id 7 -P out none;
	spdadd 10.0.0.1 10.0.0.2 gre 1.2.3.4 -P out none;
END
ok "ESN and a window of 256" has '	seq=0x00000000 replay=256 flags=0x000001[04]0 state=mature' -D
ok "ESN's upper half" has '	esn seq_high=0x00000000' -D
ok "a mark" has '	mark=0x00000010/0x000000ff' -D
ok "an interface" has '	if_id=7\(0x00000007\)' -D
ok "a policy's mark" has '	mark=0x00000010/0x000000f0' -DP
ok "a key of gre" has '10\.0\.0\.1 10\.0\.0\.2 gre 1\.2\.3\.4' -DP
ok "get needs the mark" has 'spi=4098\(' -c <<<'get 10.0.0.1 10.0.0.2 esp 0x1002 -mark 0x10/0xff;'
"$BUILD/bin/setkey" -B xfrm -xx >"$dir/watch" 2>&1 &
sleep 1
setkey -c <<<'delete 10.0.0.1 10.0.0.2 esp 0x1000;'
sleep 0.5
kill -INT $!
wait $!
status=$?
ok "-xx ends at ^C with status 0" test $status = 0
ok "-xx showed the deletion" grep -q 'sadb_msg{ version=2 type=4 ' "$dir/watch"
echo "1..$n"
exit $bad
