#!/bin/bash
# mutants.sh [N...] - break the engine on purpose, one way at a time, and see whether the simulator,
# or else a trace test, finds it.  TAP.  A mutant that survives tells of a checker that is missing.
#
# Works on a copy of the sources in a scratch folder; takes some minutes.  SEEDS (60) per mutant.
set -u
cd "$(dirname "$0")/../.." || exit 1
SEEDS=${SEEDS:-60}
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT INT TERM
cp -r GNUmakefile lib logicals ipsec racoon "$scratch/" && mkdir -p "$scratch/tests" &&
	cp -r tests/sim tests/trace tests/pki "$scratch/tests/" || exit 1
cd "$scratch" || exit 1
build() {
	make -s -j2 DEPS=no OPT=-O1 BUILD=b sim-bin >log 2>&1 </dev/null
}
# only what the simulator needs
cat >>GNUmakefile <<'M'
.PHONY: sim-bin
sim-bin: b/tests/sim b/tests/trace
M

# file | what is broken | perl substitution over the whole file
mutants() {
	cat <<'T'
racoon/ike/window.c|no retransmission|s/if \(w->retransmits\)\n\t\tike_arm/if (false)\n\t\tike_arm/
racoon/ike/window.c|duplicates are not recognised|s/w->digest != ike_digest\(e, datagram\)/true/
racoon/ikev1/v1_info.c|Delete of IPsec SAs is ignored|s/enum sa_proto proto = v1_proto_from\(d->protocol\);/enum sa_proto proto = SA_NONE;/
racoon/ikev1/v1_info.c|Delete of ISAKMP SAs is ignored|s/if \(sa == NULL \|\| sa->peer != on->peer/if (true/
racoon/ike/path.c|a peer's new port is not believed|s/\tif \(path->remote.addr.family != 0 && !ike_path_is/\tif (false \&\& !ike_path_is/
racoon/ikev1/v1_quick.c|SAs keep the old ports|s/if \(p->kept == NULL \|\|/if (true \|\|/
racoon/ikev1/v1_dpd.c|R-U-THERE is not answered|s/if \(n->type == WIRE_N_R_U_THERE\)/if (false)/
racoon/ikev1/v1_frag.c|the last piece is forgotten|s/\t\tf->last = p->index;/\t\tf->last = 0;/
racoon/ikev1/v1_info.c|INITIAL-CONTACT is ignored|s/n->type == WIRE_N_INITIAL_CONTACT/false/
racoon/ikev1/v1_quick.c|both directions have the keys of one|s/inbound \? p->spi_in : p->spi_out\)/inbound ? p->spi_in : p->spi_in)/
racoon/ike/engine.h|replaced SAs go at once|s/IKE_GRACE_MS = \d+/IKE_GRACE_MS = 0/; s/IKE_GRACE_SPREAD_MS = \d+/IKE_GRACE_SPREAD_MS = 1/
racoon/ike/child_life.c|replaced SAs are kept|s/ike_arm\(e, &c->retire,[^;]*;//
racoon/ike/child_life.c|IPsec SAs are not renewed|s/(\nrenew\(struct ike \*e, struct ike_child \*c\)\n\{)/$1\n\tif (e != NULL)\n\t\treturn;/
racoon/ike/child_life.c|hard expiry is not noticed|s/if \(m->hard\)\n\t\tike_child_end[^;]*;\n\telse/if (!m->hard)/; s/instant_reached\(c->expires, e->now\)/false/
racoon/ike/child_life.c|no one gives way when both begin|s/(\nike_child_collides\([^)]*\)\n\{)/$1\n\tif (e != NULL)\n\t\treturn false;/
racoon/ike/sa.c|half-open negotiations are not counted down|s/e->half_open_count--;//
racoon/ike/sa.c|exchanges have no time limit|s/ike_arm\(e, &x->limit,[^;]*;//
racoon/ike/child.c|outbound SAs are not deleted|s/if \(c->pair\[i\]\.out_asked\)/if (false)/
racoon/ike/child.c|inbound SAs are not deleted|s/if \(c->pair\[i\]\.spi_in != 0\)/if (false)/
racoon/ike/command.c|commands never hear of failure|s/(\nike_commands_sa_failed\([^)]*\)\n\{)/$1\n\tif (e != NULL)\n\t\treturn;/
racoon/ike/engine.c|keys are traced|s/(\nike_step\([^)]*\)\n\{)/$1\n\tLIST_FOREACH(at_, &e->sas) { char hex_[40]; struct ike_sa *s_ = container_of(at_, struct ike_sa, in_all); if (s_->conf != NULL \&\& e->config != NULL) { struct bytes k_ = rc_psk_for_address(e->config, \&s_->remote.addr); (void)hex_; ike_log(e, LOG_L_DEBUG, NULL, 0, "%.*s", (int)k_.n, (const char *)k_.p); } }/
T
}

build || { tail -n 20 log | sed 's/^/# /'; echo 'not ok - mutants: the sources do not build'; exit 1; }
# Else a mutant could be found by what is wrong with the copy.
if ! timeout 120 b/tests/sim -j 2 1 "$SEEDS" all >out 2>&1; then
	grep '^# seed' out
	echo 'not ok - mutants: the simulator finds something without one'
	exit 1
fi
number=0 bad=0
while IFS='|' read -r file what change; do
	number=$((number + 1))
	[ $# = 0 ] || case " $* " in *" $number "*) ;; *) continue ;; esac
	cp "$file" keep
	perl -0pi -e "$change" "$file"
	if cmp -s "$file" keep; then
		echo "not ok - mutants: $number does not apply: $what"
		bad=1
	elif ! build; then
		grep -m3 error log | sed 's/^/# /'
		echo "not ok - mutants: $number does not build: $what"
		bad=1
	elif ! timeout 120 b/tests/sim -j 2 1 "$SEEDS" all >out 2>&1; then
		grep -m1 '^# seed' out || echo '# it hangs or dies'
		echo "ok - mutants: $number is found: $what"
	elif ! timeout 60 b/tests/trace tests/trace/*.trace >out 2>&1; then
		grep -m1 '^not ok' out | sed 's/^not ok -/#/'
		echo "ok - mutants: $number is found: $what"
	else
		echo "not ok - mutants: $number is not found: $what"
		bad=1
	fi
	cp keep "$file"
done < <(mutants)
exit $bad
