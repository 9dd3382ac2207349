#!/bin/bash
# test_setkey.sh - the program setkey against a live engine: dumps line for line, JSON and its schema,
# what ends at ^C, exit statuses, SPIs, long files, the sample of the L2TP document.
cd "$(dirname "$0")/../.." || exit 1
. tests/system/lib.sh

here=tests/system/setkey
setkey() { on a "$BIN/setkey" "$@"; }
nothing() { MULTINET_IPSEC_SOCKET=$WORK/none "$BIN/setkey" "$@"; }
status() { "$@" >"$WORK/out" 2>"$WORK/err"; echo $?; }

host a
ipsecd_start a

# ---- the text of dumps
ok "a script loads" setkey -f $here/dump.conf
setkey -D | $here/mask.sh >"$WORK/sad"
ok "-D, line for line" diff -u $here/dump.sad "$WORK/sad"
setkey -DP | $here/mask.sh >"$WORK/spd"
ok "-DP, line for line" diff -u $here/dump.spd "$WORK/spd"
like "-DPp: ports of tunnels" "$(setkey -DPp)" 'esp/tunnel/1\.1\.1\.1\[(any|0)\]-2\.2\.2\.2\[(any|0)\]/unique:3$'
is "dump; and spddump; say the same" "$(echo 'dump; spddump;' | setkey -c | $here/mask.sh)" \
	"$({ setkey -D; setkey -DP; } | $here/mask.sh)"
is "dump ah; is about AH" "$(echo 'dump ah;' | setkey -c | grep -c mode=)" 1

# ---- JSON
setkey --dump=json >"$WORK/json"
ok "--dump=json keeps to its schema" tests/conf/schema.py doc/setkey.schema.json <"$WORK/json"
is "--dump=json has everything" "$(jq -c '[.schema, .version, (.sad|length), (.spd|length)]' "$WORK/json")" \
	'["multinet.setkey.dump",1,4,5]'
is "an SA in JSON" "$(jq -c '.sad[]|select(.spi==4096)|[.src,.protocol,.mode,.reqid,
	.encryption.algorithm,.encryption.key,.hard.seconds,.soft.bytes]' "$WORK/json")" \
	'["10.0.0.1","esp","tunnel",7,"aes-cbc","30313233343536373839616263646566",3600,90000]'
is "-D --dump=json: SAs alone" "$(setkey -D --dump=json | jq -c 'keys')" '["sad","schema","time_ms","version"]'
is "-DP --dump=json: policies alone" "$(setkey -DP --dump=json | jq -c 'keys')" \
	'["schema","spd","time_ms","version"]'
sed 's/"spi":4096/"spi":"4096"/' "$WORK/json" >"$WORK/bad"
fails "the schema refuses what is wrong" tests/conf/schema.py doc/setkey.schema.json <"$WORK/bad"

# ---- what goes on until ^C
setkey -D -l >"$WORK/short" & pid=$!
twice() { [ "$(grep -c '^time p   s spi      ltime   src -> dst$' "$WORK/short")" -ge 2 ]; }
ok "-l shows them again and again" wait_for 10 twice
child=$(pgrep -P $pid -x setkey || echo $pid)
kill -INT "$child"
wait $pid
is "-l ends at ^C with status 0" $? 0
like "-l: a short line" "$(cat "$WORK/short")" '^[0-9]{4} esp M 00001000 +[0-9]+/big #255 10\.0\.0\.1 -> #255 10\.0\.0\.2$'
setkey -xx >"$WORK/watch" 2>&1 & pid=$!
sleep 0.5
echo 'getspi 10.0.0.1 10.0.0.2 esp 0x5000-0x5003 -m tunnel -u 4;' | setkey -c >"$WORK/spi"
seen() { grep -q 'sadb_msg{ version=2 type=1 ' "$WORK/watch"; }
ok "-xx shows messages of others" wait_for 10 seen
child=$(pgrep -P $pid -x setkey || echo $pid)
kill -INT "$child"
wait $pid
is "-x ends at ^C with status 0" $? 0
like "-xx: hexadecimal too" "$(cat "$WORK/watch")" '^00000000: 02 01 00 03'
like "getspi shows what it took" "$(cat "$WORK/spi")" '^	esp mode=tunnel spi=2048[0-3]\(0x0000500[0-3]\) reqid=4\(0x00000004\)$'

# ---- exit statuses, and what needs no database
is "-n needs no database" "$(status nothing -n -f $here/dump.conf)" 0
is "-n needs no privilege" "$(status setpriv --reuid=65534 --clear-groups "$BIN/setkey" -n -c <$here/dump.conf)" 0
is "--check needs no database" "$(status nothing --check -f $here/dump.conf)" 1
is "--check FILE" "$(status nothing --check $here/dump.conf)" 1
like "--check says where" "$(cat "$WORK/out")" 'dump\.conf:[0-9]+:1: hmac-md5 is weak'
is "no database: status 1" "$(status nothing -B engine -D)" 1
is "an unknown backend: status 1" "$(status setkey -B nonsense -D)" 1
is "-B engine" "$(status setkey -B engine -D)" 0
is "-c ends with 1 after a syntax error" "$(status setkey -c <<<'add 10.0.0.1;')" 1
is "-c ends with 1 after a refusal" "$(status setkey -c <<<'delete 10.9.9.9 10.8.8.8 esp 0x1234;')" 1
like "the refusal has its line" "$(cat "$WORK/err")" '^stdin:1:1: The result of line 1: No entry\.$'
is "SPI of 33 bits: refused" "$(status setkey -c <<<'add 10.0.0.1 10.0.0.2 esp 0x100000000 -E null;')" 1
is "reserved SPI: refused" "$(status setkey -c <<<'add 10.0.0.1 10.0.0.2 esp 255 -E null;')" 1
is "one error: nothing of the script is done" "$(setkey -c 2>/dev/null <<<'flush; ad;'; setkey -D | grep -c mode=)" 5
is "-V" "$(status setkey -V)" 0

# ---- the script of the L2TP document, and MULTINET:IPSEC.CONF
ok "-FP" setkey -FP
ok "-F" setkey -F
ok "the L2TP sample loads" setkey -c <<-'END'
	spdadd 192.168.0.1[1701] 0.0.0.0/0[0] any
	   -P out ipsec esp/transport//require;
END
like "the L2TP sample is there" "$(setkey -DP)" '^192\.168\.0\.1\[1701\] 0\.0\.0\.0/0\[any\] any$'
mkdir "$WORK/multinet"
echo 'spdflush; spdadd 10.0.0.5 10.0.0.6 any -P out none;' >"$WORK/multinet/ipsec.conf"
ok "-f alone reads MULTINET:IPSEC.CONF" on a env MULTINET="$WORK/multinet" "$BIN/setkey" -f
like "and did what it says" "$(setkey -DP)" '^10\.0\.0\.5\[any\] 10\.0\.0\.6\[any\] any$'

# ---- the command lines of the guide and of the HOWTO
ok "-f multinet:ipsec.conf" on a env MULTINET="$WORK/multinet" "$BIN/setkey" -f multinet:ipsec.conf
like "-v -f shows the messages" "$(on a env MULTINET="$WORK/multinet" "$BIN/setkey" -v -f multinet:ipsec.conf)" \
	'^sadb_x_policy\{ type=1 dir=2 '
like "-PD" "$(setkey -PD)" '^10\.0\.0\.5\[any\] 10\.0\.0\.6\[any\] any$'
is "-D" "$(setkey -D)" 'No SAD entries.'
is "-aPlvD goes on until ^C" "$(status on a timeout -s INT 2 "$BIN/setkey" -aPlvD)" 124
is "-hx goes on until ^C" "$(status on a timeout -s INT 1 "$BIN/setkey" -hx)" 124
{ echo "#!$BIN/setkey -f"; cat tests/conf/setkey/howto-tunnel-1.100.in; } >"$WORK/setkey.conf"
chmod 755 "$WORK/setkey.conf"
ok "a script that names setkey in its first line" on a "$WORK/setkey.conf"
like "and was carried out" "$(setkey -DP)" 'esp/tunnel/192\.168\.1\.100-192\.168\.2\.100/'

# ---- long files: in batches, and an error keeps its line
{
	echo 'flush; spdflush;'
	for i in $(seq 6000); do
		echo "add 10.1.$((i / 250)).$((i % 250 + 1)) 10.2.0.1 esp $((i + 4096)) -m tunnel -E null;"
		echo "spdadd 10.1.$((i / 250)).$((i % 250 + 1)) 10.2.0.1 any -P out ipsec esp/tunnel/10.1.0.1-10.2.0.1/require;"
	done
	echo 'add 10.1.0.2 10.2.0.1 esp 4097 -m tunnel -E null;'
} >"$WORK/long"
is "12000 requests, and one that is refused" "$(status setkey -f "$WORK/long")" 1
like "the refusal has its line" "$(cat "$WORK/err")" 'long:12002:1: The result of line 12002: File exists'
is "all SAs are there" "$(setkey -D | grep -c 'mode=tunnel')" 6000
is "all policies are there" "$(setkey -DP | grep -c 'out prio def ipsec')" 6000
is "in JSON as well" "$(setkey --dump=json | jq -c '[(.sad|length), (.spd|length)]')" '[6000,6000]'
{ sed '1d;$d' "$WORK/long" | head -n 9; echo 'spdadd 10.1.0.2 10.2.0.1 any -P out ipsec esp/tunnel/10.1.0.9-10.2.0.1/require;'; } >"$WORK/again"
is "a part of it again is refused" "$(status setkey -f "$WORK/again")" 1
is "… but not with --update" "$(status setkey --update -f "$WORK/again"; cat "$WORK/err")" 0
is "… which changes the policy that was changed" "$(setkey -DP | grep -c 'tunnel/10\.1\.0\.9-')" 1
is "… and nothing else" "$(setkey -DP | grep -c 'out prio def ipsec') $(setkey -D | grep -c 'mode=tunnel')" '6000 6000'
ok "flush" setkey -F
ok "flush of policies" setkey -FP
is "nothing is left" "$(setkey -D; setkey -DP)" $'No SAD entries.\nNo SPD entries.'
finish
