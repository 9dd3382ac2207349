#!/bin/bash
# run.sh - `make check-packages`: the packages on fresh Debian 12 machines, without systemd and booted
# with it.  Needs root, a network for debootstrap, and some 2 GB below TMPDIR.
#
# Environment: BUILD, where packages are made; BASE, a Debian 12 that debootstrap made earlier (else
# one is made); MIRROR, where from (else
# debootstrap's own choice); ONLY="plain systemd source" for some of the tests.
set -u
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build}
dir=$(mktemp -d "${TMPDIR:-/tmp}/mnpackages.XXXXXX")
trap 'rm -rf --one-file-system "$dir"' EXIT
trap 'exit 130' INT TERM HUP
die() { echo "not ok - $*"; exit 1; }

# Two versions: an upgrade needs one to go from.
mkdir -p "$dir/packages/old" "$dir/packages/new"
for which in old:0.1 new:0.2; do
	make --no-print-directory -s DEPS=no VERSION="${which#*:}" BUILD="$BUILD/packages" deb >"$dir/deb.log" 2>&1 ||
		{ sed 's/^/# /' "$dir/deb.log"; die "make deb, version ${which#*:}"; }
	cp "$BUILD"/packages/deb/multinet-{server,tools,doc}_*.deb "$dir/packages/${which%:*}/"
	echo "ok - make deb, version ${which#*:}, clean for lintian"
done

if [ -z "${BASE:-}" ]; then
	BASE=$dir/base
	debootstrap bookworm "$BASE" ${MIRROR:+"$MIRROR"} >"$dir/debootstrap.log" 2>&1 ||
		{ tail "$dir/debootstrap.log"; die "debootstrap"; }
fi
# What the machines need beside it is fetched here, for they have no way out: dependencies of the
# packages as apt finds them, kept as archives only, so that the machines install them themselves.
if ! ls "$BASE"/var/cache/apt/archives/libuv1_*.deb >/dev/null 2>&1; then
	apt-config dump | grep -E '^Acquire::(http|https|ftp|Check|Retries)' >"$BASE/etc/apt/apt.conf.d/00host"
	cp /etc/resolv.conf "$BASE/etc/resolv.conf"
	mkdir "$BASE/packages" && cp "$dir"/packages/old/*.deb "$BASE/packages/"
	chroot "$BASE" env LANG=C DEBIAN_FRONTEND=noninteractive sh -c 'apt-get update && apt-get install -y -d /packages/*.deb' \
		>"$dir/fetch.log" 2>&1 || { tail "$dir/fetch.log"; die "the dependencies of the packages"; }
	rm -rf "$BASE/packages"
fi
echo "ok - a fresh Debian 12"
export BASE PACKAGES=$dir/packages
failed=0 passed=0
for test in ${ONLY:-plain systemd source}; do
	"tests/packages/test_$test.sh" >"$dir/log" 2>&1 || echo "# $test: status $?" >>"$dir/log"
	sed "s/^\(ok\|not ok\) [0-9]* - /\1 - $test: /" "$dir/log" | grep -v '^1\.\.'
	bad=$(grep -cE '^not ok|^Bail out' "$dir/log")
	passed=$((passed + $(grep -c '^ok' "$dir/log"))) failed=$((failed + bad))
done
echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed != 0 ]
