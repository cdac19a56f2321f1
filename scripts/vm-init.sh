#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# init of the throwaway VM (UML and QEMU): the host's / below, RAM above, run
# the job, leave its exit status, power off. vm.sh starts a copy of this file
# that lies beside `settings` (variables) and `job` (the command).

set -u
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/run/home LC_ALL=C.UTF-8
control=$(dirname "$0")
# shellcheck disable=SC1091 # written by vm.sh
. "$control/settings"

# Everything of the host is visible, everything can be written, nothing gets
# out: the one exception is the folder $OUT.
overlay_root() {
	mount -t tmpfs ram /run
	mkdir /run/upper /run/work /run/root
	mount -t overlay -o lowerdir=/,upperdir=/run/upper,workdir=/run/work overlay /run/root
	cd /run/root || exit
	pivot_root . run
	umount -l /run
}

mount_all() {
	mount -t proc proc /proc
	mount -t sysfs sysfs /sys
	mount -t devtmpfs dev /dev
	mkdir -p /dev/pts /dev/shm
	mount -t devpts -o ptmxmode=666 devpts /dev/pts
	mount -t tmpfs shm /dev/shm
	mount -t tmpfs run /run
	mount -t debugfs debug /sys/kernel/debug
	mount -t tracefs tracing /sys/kernel/tracing
	mkdir -p "$HOME" /run/lock /run/netns "$OUT"
	case $KARCH in
	um) mount -t hostfs -o "$OUT" out "$OUT" ;;
	*) mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144 out "$OUT" ;;
	esac
}

# `modprobe veth` has to work whether veth is a module or built in.
module_tree() {
	mkdir -p "/lib/modules/$KVER"
	if [ -n "$KMODS" ]; then
		mount --bind "$KMODS/lib/modules" /lib/modules
	else
		cp "$KDIR/modules.builtin" "/lib/modules/$KVER/"
		: >"/lib/modules/$KVER/modules.order"
		depmod "$KVER" 2>/dev/null
	fi
}

put() { if [ -w "$2" ]; then echo "$1" >"$2"; fi; }

# One complaint of the kernel is one failure: let it be loud and final.
strict_kernel() {
	local knob
	put 8 /proc/sys/kernel/printk
	for knob in panic_on_warn panic_on_oops softlockup_panic hung_task_panic; do
		put 1 "/proc/sys/kernel/$knob"
	done
	put scan=off /sys/kernel/debug/kmemleak
	put clear /sys/kernel/debug/kmemleak
}

# A job that hangs leaves a picture of who waits for what in the kernel log.
watch_job() {
	[ "$PICTURE_AFTER" -gt 0 ] && [ "$MODE" != shell ] || return 0
	(
		sleep "$PICTURE_AFTER"
		echo "vm: picture: the job still runs after $PICTURE_AFTER s" >/dev/kmsg
		put l /proc/sysrq-trigger
		put t /proc/sysrq-trigger
		echo "vm: end of picture" >/dev/kmsg
	) </dev/null >/dev/null 2>&1 &
}

run_job() {
	# shellcheck disable=SC2086 # words
	stty -F "$TTY" $TTY_MODE
	# shellcheck disable=SC2094 # a tty is read and written
	case $MODE in
	shell) setsid -c -w bash "$control/job" <"$TTY" >"$TTY" 2>&1 ;;
	tty) setsid -c -w bash "$control/job" </dev/null >"$TTY" 2>&1 ;;
	pipe) setsid -w bash "$control/job" </dev/null 2>&1 | cat >"$TTY" ;;
	esac
	status=${PIPESTATUS[0]}
	echo "$status" >"$OUT/.status"
}

# Objects younger than five seconds are not reported, and one scan is not believed.
find_leaks() {
	local knob=/sys/kernel/debug/kmemleak
	[ -w $knob ] || return 0
	echo scan >$knob
	sleep 6
	echo scan >$knob
	[ -z "$(cat $knob)" ] || { echo "kmemleak: leaks found"; cat $knob; } >/dev/kmsg
}

overlay_root
mount_all
: >"$OUT/.started"
module_tree
strict_kernel
ip link set lo up
watch_job
run_job
[ "$MODE" = shell ] || find_leaks
# started before: while the power goes off no program can be read any more, and
# an init that ends is a panic
sleep 100 &
sync
echo o >/proc/sysrq-trigger
wait
