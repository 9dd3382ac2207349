#!/bin/bash
# What an operator sees of service IPSEC.
. tests/system/lib.sh

host a
wire a eth0 10.9.1.1/24 a eth1 10.9.2.1/24
ipsecd_start a
like "NOOP" "$(ask a NOOP)" '^200 %IPSEC-S-NORMAL'
like "VERSION" "$(ask a VERSION)" '^200-IPSEC version '
like "HELP lists" "$(ask a HELP)" '^200- +SHOW '
like "an unknown verb" "$(ask a FROBNICATE)" '^502 %NETCTL-W-IVVERB'
like "SHOW is STATUS" "$(ask a SHOW)" '^200-Datapath: +device mnipsec0, MTU 1400, 0 routes'
like "an unknown list" "$(ask a 'SHOW NOTHING')" '^509 .*expected SAD, SPD'
like "SHOW LIMITS" "$(ask a 'SHOW LIMITS')" '^200-policies +200000'
like "SHOW SAD, empty" "$(ask a 'SHOW SAD')" '^200 .*0 entries'
like "SHOW SPD in JSON, empty" "$(ask a 'SHOW SPD/FORMAT=JSON' | tr -d '\r\n')" '"entries":\[200-\]\}'
like "DEBUG" "$(ask a 'DEBUG 2')" '^200 .*DEBUG2'
like "DEBUG wants a number" "$(ask a 'DEBUG loud')" '^510 .*\\loud\\'

n=5000
policies=$(for i in $(seq $n); do
	echo "spdadd 10.1.1.1 10.$((100 + i / 65536)).$((i / 256 % 256)).$((i % 256)) any -P out ipsec esp/transport//require;"
	echo "spdadd 10.$((100 + i / 65536)).$((i / 256 % 256)).$((i % 256)) 10.1.1.1 any -P in ipsec esp/transport//require;"
done)
begin=$(date +%s%N)
ok "$((2 * n)) policies load" setkey_load a <<<"$policies"
ms=$((($(date +%s%N) - begin) / 1000000))
note "$((2 * n)) policies with routes and guard: $ms ms"
ok "in less than 20 s" test $ms -lt 20000
is "a route for each" "$(on a ip route show table 22020 | wc -l)" $n
is "SHOW SPD lists all, and the fwd ones that setkey adds" "$(ask a 'SHOW SPD' | grep -c '^200-')" $((3 * n))
begin=$(date +%s%N)
ok "one more" setkey_load a <<<'spdadd 10.1.1.1 10.200.0.1 any -P out ipsec esp/transport//require;'
ms=$((($(date +%s%N) - begin) / 1000000))
note "one more: $ms ms"
ok "costs no more than one" test $ms -lt 500
ok "flush" setkey_load a <<<'spdflush;'
is "no route is left" "$(on a ip route show table 22020 | wc -l)" 0
finish
