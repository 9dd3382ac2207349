#!/bin/sh
# lab.sh [-t SECONDS] [-m MIB] COMMAND [ARG...] - run a command as root in a private Linux kernel
#
# The kernel is user-mode-linux from Debian's package: an ordinary process, no privilege needed.
# It has IPsec (PF_KEY, XFRM, ESP, AH, IPComp), network namespaces and TUN, which many host kernels
# do not.  The guest sees the host's files copy-on-write (changes are thrown away) except the
# current directory, which it changes in place.  The command's output is this script's output and
# its exit status this script's (124: timed out, 125: the lab itself failed).
set -eu
die() { echo "lab: $*" >&2; exit 125; }
quote() { printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\''/g")"; }

# ------------------------------------------------------------------------------- in the guest
if [ "$$" = 1 ]; then
	PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	export PATH
	mount -t proc proc /proc
	version=$(uname -r)
	. "$LAB_DIR/guest.conf"
	mount -t tmpfs run /run
	insmod "$LAB_MODULES/$version/kernel/fs/overlayfs/overlay.ko" 2>/dev/null || :
	new=/run/new
	mkdir -p /run/up /run/work $new
	mount -t overlay overlay -o lowerdir=/,upperdir=/run/up,workdir=/run/work $new
	mkdir -p $new/proc $new/sys $new/dev $new/run $new/tmp $new/usr/lib/modules
	rm -rf "$new/usr/lib/modules/$version"
	ln -s "$LAB_MODULES/$version" "$new/usr/lib/modules/$version"
	mount -t proc proc $new/proc
	mount -t sysfs sys $new/sys
	mount -t devtmpfs dev $new/dev
	mkdir -p $new/dev/pts $new/dev/shm $new/dev/net
	mount -t devpts -o ptmxmode=666 devpts $new/dev/pts
	for place in dev/shm run tmp; do mount -t tmpfs tmpfs $new/$place; done
	chmod 1777 $new/tmp $new/dev/shm
	for share in "$LAB_SHARE" "$LAB_DIR"; do
		mkdir -p "$new$share"
		mount --bind "$share" "$new$share"
	done
	mkdir -p $new/old
	cd $new
	pivot_root . old
	umount -l /old
	[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
	mkdir -p /var/run/netns
	ip link set lo up
	modprobe -a tun esp4 ah4 ipcomp af_key xfrm_user drbg jitterentropy_rng 2>/dev/null || :
	[ -e /dev/net/tun ] || mknod /dev/net/tun c 10 200 2>/dev/null || :
	stty raw -echo </dev/tty1 2>/dev/null || :
	rc=0
	sh "$LAB_DIR/command" </dev/null >/dev/tty1 2>&1 || rc=$?
	echo $rc >"$LAB_DIR/status"
	sync
	echo 1 >/proc/sys/kernel/sysrq
	echo o >/proc/sysrq-trigger
	while :; do sleep 1; done
fi

# -------------------------------------------------------------------------------- on the host
limit=600 memory=512
while getopts t:m: option; do
	case $option in
	t) limit=$OPTARG ;;
	m) memory=$OPTARG ;;
	*) exit 125 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || die 'no command'
uml=$(command -v linux.uml) || die 'no linux.uml: install user-mode-linux (make deps)'
self=$(cd "$(dirname "$0")" && pwd -P)/$(basename "$0")
dir=$(mktemp -d "${TMPDIR:-/tmp}/lab.XXXXXX")
child=
trap 'rm -rf "$dir"' EXIT
trap '[ -z "$child" ] || { kill "$child"; wait "$child" || :; }; exit 143' TERM INT HUP
cp "$self" "$dir/init"
chmod 755 "$dir" "$dir/init"
{
	env -u LD_PRELOAD sh -c 'export -p'
	echo 'export PATH="/usr/local/sbin:/usr/sbin:/sbin:$PATH"'
	echo "cd $(quote "$PWD") || exit 125"
	printf exec
	for word; do printf ' %s' "$(quote "$word")"; done
	echo
} >"$dir/command"
{
	echo "LAB_SHARE=$(quote "$(pwd -P)")"
	echo "LAB_MODULES=/usr/lib/uml/modules"
} >"$dir/guest.conf"

# On CPUs with AMX this kernel reads and writes an XSAVE area smaller than the CPU's, which ptrace
# refuses: write the area as a read-modify-write.
preload=
if grep -qw amx_tile /proc/cpuinfo; then
	cat >"$dir/xstate.c" <<'C'
#define _GNU_SOURCE
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#define NT_X86_XSTATE 0x202
static char area[65536] __attribute__((aligned(64)));
long ptrace(enum __ptrace_request request, ...)
{
	va_list args;
	va_start(args, request);
	pid_t pid = va_arg(args, pid_t);
	void *at = va_arg(args, void *), *data = va_arg(args, void *);
	va_end(args);
	long rc, word;
	if (request == PTRACE_SETREGSET && (long)at == NT_X86_XSTATE) {
		struct iovec *given = data, whole = { area, sizeof area };
		if ((rc = syscall(SYS_ptrace, PTRACE_GETREGSET, pid, at, &whole)) < 0)
			return rc;
		memcpy(area, given->iov_base, given->iov_len < whole.iov_len ? given->iov_len : whole.iov_len);
		return syscall(SYS_ptrace, request, pid, at, &whole);
	}
	if (request >= PTRACE_PEEKTEXT && request <= PTRACE_PEEKUSER) {
		rc = syscall(SYS_ptrace, request, pid, at, &word);
		return rc < 0 ? rc : word;
	}
	return syscall(SYS_ptrace, request, pid, at, data);
}
C
	"${CC:-cc}" -O2 -shared -fPIC -o "$dir/xstate.so" "$dir/xstate.c" || die 'no C compiler'
	preload=$dir/xstate.so
fi

# console 0: the kernel's messages; console 1: the command's output
LD_PRELOAD="$preload" timeout -k 5 "$limit" "$uml" mem="${memory}M" umid=lab uml_dir="$dir/" \
	root=/dev/root rootfstype=hostfs rootflags=/ rw noreboot panic=1 con=null con0=fd:3,fd:4 \
	con1=null,fd:1 quiet init="$dir/init" LAB_DIR="$dir" 3</dev/null 4>>"$dir/kernel.log" \
	2>>"$dir/kernel.log" &
child=$!
rc=0
wait $child || rc=$?
child=
if [ -s "$dir/status" ]; then
	exit "$(cat "$dir/status")"
fi
[ "$rc" = 124 ] || [ "$rc" = 137 ] && { echo "lab: timed out after $limit s" >&2; exit 124; }
tail -n 25 "$dir/kernel.log" >&2 || :
die "the guest gave no status (kernel ended with $rc)"
