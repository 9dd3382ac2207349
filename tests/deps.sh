#!/bin/sh
# deps.sh GROUP... - install the Debian packages of these groups of PACKAGES that are missing.
# Quick when nothing is: one dpkg-query.  Called by the makefile before anything that needs them.
set -eu
cd "$(dirname "$0")/.."
want=
for group; do
	want="$want $(sed -n "s/^$group	//p" PACKAGES | tr '\n' ' ')"
done
missing=
# shellcheck disable=SC2086
have=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' $want 2>/dev/null || :)
for package in $want; do
	printf '%s\n' "$have" | grep -qx "$package installed" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
echo "installing:$missing"
sudo=
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null || {
		echo "deps: not root and no sudo; as root run: apt-get install$missing" >&2
		exit 1
	}
	sudo=sudo
fi
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086
if ! $sudo apt-get install -y --no-install-recommends $missing >/tmp/multinet-deps.$$ 2>&1; then
	$sudo apt-get update
	$sudo apt-get install -y --no-install-recommends $missing
fi
rm -f /tmp/multinet-deps.$$
