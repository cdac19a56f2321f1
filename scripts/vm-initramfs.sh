#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
# First program in the QEMU machine: put the host's / (read-only, over 9p) in
# place and go on with the init that the kernel command line names.

b=/bin/busybox
$b mkdir -p /proc /sys /dev /host
$b mount -t proc proc /proc
$b mount -t devtmpfs dev /dev
init=
for word in $($b cat /proc/cmdline); do
	case $word in tcpx.init=*) init=${word#*=} ;; esac
done
# no init: somebody only wants to know if a kernel gets this far
[ -n "$init" ] || $b poweroff -f
for module in $($b cat /modules/order); do
	$b insmod "/modules/$module"
done
$b mount -t 9p -o ro,trans=virtio,version=9p2000.L,cache=loose,msize=262144 host /host
$b umount /proc /dev
exec $b switch_root /host "$init"
