# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by every script: messages, the cache, locks, packages.

set -euo pipefail
shopt -s inherit_errexit

# The Debian tools first: a private python or compiler in PATH must not decide.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH LC_ALL=C.UTF-8

REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck disable=SC2034 # for those who source this
SCRIPTS=$REPO/scripts
# where the module's sources are; another tree can be built with the same scripts
# shellcheck disable=SC2034
SRC=$(realpath "${TCPX_SRC:-$REPO}")
# cron and some containers set no HOME
export HOME=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6 || true)}
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/tcpx

note() { printf '  %s\n' "$*" >&2; }
say() { printf '==> %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

[ -n "${XDG_CACHE_HOME:-}$HOME" ] || die "kernels are kept in ~/.cache: set HOME or XDG_CACHE_HOME"
case $CACHE in
*[[:space:]:]*) die "kernel builds do not work under '$CACHE': set XDG_CACHE_HOME to a path without blanks and colons" ;;
esac
mkdir -p "$CACHE"

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		note "neither root nor sudo, so this could not be done: $*"
		return 1
	fi
}

# locked NAME COMMAND...: one run at a time. The lock file is never removed, or
# two runs could hold two files of one name.
locked() {
	local name=$1
	shift
	mkdir -p "$CACHE/lock"
	(
		if ! flock -w 3 9; then
			note "waiting for another run ($name)"
			flock 9
		fi
		"$@"
	) 9>"$CACHE/lock/$name"
}

# What each purpose needs, as Debian packages. A script names its groups.
packages() {
	case $1 in
	module) echo gcc make libc6-dev xz-utils perl ;;
	kernel) echo flex bison bc ;;
	uml) echo kmod mount iproute2 procps python3 ;;
	qemu) echo qemu-system-x86 cpio kmod mount iproute2 procps python3 ;;
	kunit) echo python3 ;;
	lint) echo shellcheck sparse ;;
	tools) echo libmnl-dev ;;
	tests) echo python3 iputils-ping ethtool tcpdump nftables ;;
	*) die "no package group '$1'" ;;
	esac
}

installed() { dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }

apt_install() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o Dpkg::Use-Pty=0 \
		-o DPkg::Lock::Timeout=300 --no-install-recommends install "$@"
}

# Package lists are absent on a bare machine and stale on an old one.
apt_update_once() {
	[ -z "${APT_UPDATED:-}" ] || return 0
	export APT_UPDATED=1 # also for the scripts that this one starts
	note "apt-get update"
	locked apt as_root apt-get -qq update >&2 || note "going on with the package lists as they are"
}

install_packages() {
	local log
	log=$(mktemp)
	if ! locked apt apt_install "$@" >"$log" 2>&1; then
		apt_update_once
		locked apt apt_install "$@" >"$log" 2>&1 ||
			{ cat "$log" >&2; rm -f "$log"; die "could not install: $*"; }
	fi
	rm -f "$log"
}

# need GROUP...: install what is missing of these groups
need() {
	local group package missing=()
	for group; do
		for package in $(packages "$group"); do
			installed "$package" || missing+=("$package")
		done
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	say "installing ${missing[*]}"
	install_packages "${missing[@]}"
}

# the comment at the top of a script is its manual
usage() {
	sed -n '3,/^$/s/^# \?//p' "$0" >&2
	exit 2
}
