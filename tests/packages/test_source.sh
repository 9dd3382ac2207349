#!/bin/bash
# README's first words on a fresh Debian 12: `make demo` from a checkout installs what is missing, builds
# and shows the main job; `make install` then is what README's tour needs.  CHECK=1: `make check` too.
. tests/packages/lib.sh

# It fetches packages: it has this host's network.
m=s dir=$WORK/machine/s
mkdir -p "$dir/up" "$dir/work" "$dir/root"
mount -t overlay overlay -o "lowerdir=$BASE,upperdir=$dir/up,workdir=$dir/work" "$dir/root" || bail "no overlay"
mkdir "$dir/root/root/multinet"
git ls-files -z | tar -c --null -T - | tar -x -C "$dir/root/root/multinet"
within() { # a line of shell, in the checkout; it may set its namespaces' sysctls, as on a machine
	SYSTEMD_NSPAWN_API_VFS_WRITABLE=yes systemd-nspawn -q --register=no --keep-unit -a -M "$NS$m" -D "$dir/root" --bind=/dev/net/tun \
		--capability=CAP_NET_ADMIN --chdir=/root/multinet sh -c "$1" 2>&1 </dev/null
}
ok "make is there" within 'apt-get update && apt-get install -y --no-install-recommends make'
within 'make demo' >"$WORK/demo"
is "make demo" $? 0
tail -n 1 "$WORK/demo" | sed 's/^/# /'
like "… shows what it should" "$(tail -n 3 "$WORK/demo")" 'everything was as it should be'
ok "make && make install" within 'make && make install'
ok "the programs say their version" within 'netcontrol --version && racoon -V && setkey -V && multinet_server -V'
if [ -n "${CHECK:-}" ]; then
	within 'make check' >"$WORK/check"
	is "make check" $? 0
	tail -n 1 "$WORK/check" | sed 's/^/# /'
fi
finish
