#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vm.sh [OPTION...] [--] [COMMAND ARGUMENT...]: run COMMAND as root in a
# throwaway VM, in the current folder, with this machine's files (changes go to
# RAM) and no network. Without COMMAND: a shell, with tcpx loaded.
#
#  -k KERNEL   see kernel.sh; default stock-6.1
#  -s CPUS     default 1 (QEMU only)
#  -t          UML: virtual time, sleep is free
#  -i          QEMU: time is instructions executed, one CPU
#  -g SOCKET   QEMU: there is a debugger's stub
#  -o FOLDER   writable in the VM as $TCPX_OUT; gets console.log
#  -T SECONDS  the VM is killed after that, a failure; default 600
#  -m SIZE     memory, default 1G
#  -a WORDS    more words for the kernel command line
#
# $TCPX_KO is tcpx.ko for that kernel, built now unless TCPX_KO is set.
# The exit status is COMMAND's; 99: the kernel complained (the lines are shown);
# 124: out of time; 125: the VM died.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

kernel=stock-6.1 cpus=1 limit=600 memory=1G
travel='' icount='' stub='' out='' append=''

while getopts k:s:tig:o:T:m:a:h option; do
	case $option in
	k) kernel=$OPTARG ;;
	s) cpus=$OPTARG ;;
	t) travel=1 ;;
	i) icount=1 ;;
	g) stub=$OPTARG ;;
	o) out=$OPTARG ;;
	T) limit=$OPTARG ;;
	m) memory=$OPTARG ;;
	a) append=$OPTARG ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
mode=pipe
[ ! -t 1 ] || mode='tty'
[ $# -gt 0 ] || mode=shell

# What a kernel says when something is wrong, or when one of its checkers gave up.
COMPLAINTS='WARNING:|BUG:|Oops|KASAN:|UBSAN:|Call Trace|Kernel panic|general protection|Unable to handle|refcount_t'
COMPLAINTS+='|possible (circular|recursive|irq lock)|inconsistent lock state|held lock freed|suspicious RCU'
COMPLAINTS+='|rcu.*(stall|starved)|soft lockup|blocked for more than|leaked reference|Objects remaining'
COMPLAINTS+='|kmemleak: leaks|kmemleak: .*(pool empty|disabled)|ODEBUG: Out of memory|locking correctness validator'

# ---- before the boot ----

build_module() {
	local log=$control/build.log
	"$SCRIPTS/build.sh" "$kernel" >"$log" || { cat "$log" >&2; die "tcpx did not build for $kernel"; }
	sed '$d' "$log" >&2
	tail -n 1 "$log"
}

# The module is copied: a later build must not change it under a running VM.
module() {
	local ko=${TCPX_KO:-}
	if [ -z "$ko" ]; then ko=$(build_module); fi
	cp "$ko" "$control/tcpx.ko"
}

quoted() { printf '%q ' "$@"; }

settings() {
	local tty_mode="raw -echo" size picture=$((limit * 9 / 10))
	# virtual time says nothing about a hang
	[ -z "$travel" ] || picture=0
	if [ "$mode" = shell ]; then tty_mode=sane; fi
	if [ "$mode" != pipe ] && size=$(stty size <"/dev/tty" 2>/dev/null); then
		tty_mode+=" rows ${size% *} cols ${size#* }"
	fi
	cat <<-END
		OUT=$(quoted "$out")
		KARCH=$KARCH
		KVER=$KVER
		KDIR=$(quoted "$KDIR")
		KMODS=$(quoted "$KMODS")
		MODE=$mode
		TTY=$1
		TTY_MODE=$(quoted "$tty_mode")
		PICTURE_AFTER=$picture
	END
}

job() {
	local name
	for name in CI TERM "${!TCPX_@}"; do
		[ -z "${!name:-}" ] || printf 'export %s=%q\n' "$name" "${!name}"
	done
	cat <<-END
		export PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
		export TCPX_KO=$(quoted "$control/tcpx.ko")
		export TCPX_OUT=$(quoted "$out")
		export TCPX_KERNEL=$kernel TCPX_KVER=$KVER TCPX_ARCH=$KARCH TCPX_TIME_TRAVEL=$travel TCPX_ICOUNT=$icount
		cd $(quoted "$PWD")
	END
	if [ "$mode" = shell ]; then
		# shellcheck disable=SC2016 # for the VM's shell
		echo 'insmod "$TCPX_KO" && echo "tcpx is loaded on Linux $TCPX_KVER. Leave with exit or ^D."
			PS1="tcpx-vm:\w# " exec bash --norc -i'
	else
		echo "exec $(quoted "$@")"
	fi
}

# ---- UML ----

# UML's memory is a file with code in it. In containers /dev/shm is often too
# small for it or forbids code.
memory_folder() {
	local free
	free=$(df --output=avail -B1 /dev/shm 2>/dev/null | tail -n 1) || free=0
	if [ "${free:-0}" -lt "$(numfmt --from=iec "$memory")" ] || findmnt -no OPTIONS -T /dev/shm | grep -q noexec; then
		echo "$control"
	else
		echo /dev/shm
	fi
}

uml() {
	local arguments=(
		root=/dev/root rootfstype=hostfs rootflags=/ ro "mem=$memory" "uml_dir=$control/" umid=uml
		con=null "con0=null,fd:3" ssl=null panic=-1 "init=$control/init"
		dummy.numdummies=0 ifb.numifbs=0 seccomp=auto
	)
	if [ "$mode" = shell ]; then arguments+=("ssl0=fd:0,fd:4"); else arguments+=("ssl0=null,fd:4"); fi
	[ -z "$travel" ] || arguments+=(time-travel=inf-cpu)
	# UML itself writes to 1 and 2, its kernel's console is 3, the job's tty is 4
	# shellcheck disable=SC2086 # words
	TMPDIR=$(memory_folder) start "$KIMAGE" "${arguments[@]}" $append \
		4>&1 3>>"$out/console.log" >>"$out/console.log" 2>&1
}

# ---- QEMU ----

initramfs() {
	local image hash dir module list
	hash=$(echo "$KIMAGE" | cat - "$SCRIPTS/vm-initramfs.sh" | sha256sum | cut -c1-8)
	image=$CACHE/initramfs/$KNAME-$hash
	echo "$image"
	[ ! -e "$image" ] || return 0
	dir=$control/initramfs
	mkdir -p "$dir/bin" "$dir/modules" "$CACHE/initramfs"
	cp "$KMODS/bin/busybox" "$dir/bin/"
	cp "$SCRIPTS/vm-initramfs.sh" "$dir/init"
	chmod +x "$dir/init"
	list=$(modprobe -d "$KMODS" -S "$KVER" --show-depends -a \
		virtio_pci virtio_console virtio_rng 9pnet_virtio 9p overlay | sed -n 's/^insmod //p' | awk '!seen[$1]++ { print $1 }')
	for module in $list; do
		cp "$module" "$dir/modules/"
		basename "$module" .xz >>"$dir/modules/order"
	done
	find "$dir/modules" -name '*.xz' -exec xz -d {} +
	(cd "$dir" && find . | cpio -o -H newc --quiet) >"$control/initramfs.cpio"
	mv "$control/initramfs.cpio" "$image"
}

qemu_base() {
	echo qemu-system-x86_64 -M q35 -nodefaults -no-user-config -display none -no-reboot \
		-kernel "$KIMAGE" -initrd "$1"
}

# KVM may be there and a guest hang in it all the same: believe a boot, and
# remember the answer for this host kernel.
kvm_boots() {
	# shellcheck disable=SC2046 # words
	timeout -k 1 10 $(qemu_base "$1") -accel kvm -cpu max -smp 2 -m 512M -serial "file:$control/kvm.log" \
		-append "console=ttyS0 panic=-1" </dev/null && grep -q 'Power down' "$control/kvm.log"
}

kvm_works() {
	local answer=no file
	[ -w /dev/kvm ] || return
	file=$CACHE/kvm-$(uname -r)
	if [ ! -s "$file" ]; then
		if (kvm_boots "$1") >/dev/null 2>&1; then answer=yes; fi
		echo $answer >"$file"
		note "KVM usable here: $answer"
	fi
	[ "$(cat "$file")" = yes ]
}

qemu() {
	# An emulator takes "rep movsb" octet by octet. Without erms the kernel and libc
	# copy and clear by words.
	local image arguments words emulated=max,-erms
	image=$(initramfs)
	words="console=ttyS0 panic=-1 oops=panic quiet mitigations=off no_timer_check random.trust_cpu=on tcpx.init=$control/init"
	if [ -n "$icount" ]; then
		arguments=(-accel tcg -cpu "$emulated" -icount "shift=0,sleep=off" -smp 1)
		# a repeated string instruction counts once per word: clearing an skb would
		# seem to cost more than looking up its route
		words+=" clocksource=hpet clearcpuid=rep_good"
	elif kvm_works "$image"; then
		arguments=(-accel kvm -cpu max -smp "$cpus")
	else
		arguments=(-accel "tcg,thread=multi" -cpu "$emulated" -smp "$cpus")
		words+=" clocksource=hpet"
	fi
	arguments+=(
		-m "$memory" -append "$words $append" -device virtio-rng-pci
		-serial "file:$out/console.log"
		-device virtio-serial-pci -chardev "stdio,id=job,signal=off" -device "virtconsole,chardev=job"
		-virtfs "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap"
		-virtfs "local,path=$out,mount_tag=out,security_model=none,multidevs=remap"
	)
	[ -z "$stub" ] || arguments+=(-gdb "unix:$stub,server=on,wait=off")
	# shellcheck disable=SC2046 # words
	start $(qemu_base "$image") "${arguments[@]}"
}

# ---- run and judge ----

# A shell needs the terminal, a job needs a time limit. timeout(1) is the leader
# of a group of its own and ends exactly what it started.
start() {
	if [ "$mode" = shell ]; then
		"$@" || true
		return
	fi
	timeout -k 5 "$limit" "$@" </dev/null &
	vm=$!
	wait "$vm" && ended=0 || ended=$?
	vm=
}

boot() {
	: >"$out/console.log"
	if [ "$KARCH" = um ]; then uml; else qemu; fi
}

# What a killed run left: nothing of it runs any more, or it would hold the lock,
# which the VM inherits. A folder that is being made has no lock yet.
sweep() {
	local alive
	find "$CACHE/run" -mindepth 2 -maxdepth 2 -path '*/vm.*/alive' -mmin +1 | while read -r alive; do
		if flock -n "$alive" true; then rm -rf "${alive%/alive}"; fi
	done
	find "$CACHE/run" -mindepth 1 -maxdepth 1 -name 'vm.*' -mtime +1 ! -exec test -e {}/alive \; -exec rm -rf {} +
}

cleanup() {
	trap - EXIT INT TERM
	[ -z "$vm" ] || { kill "$vm" 2>/dev/null && wait "$vm"; } || true
	[ -z "$saved_tty" ] || stty "$saved_tty" </dev/tty || true
	rm -rf "$control"
}

# The kernel log without the picture of a late job, which has call traces by nature.
kernel_log() {
	sed '/vm: picture/,/vm: end of picture/d' "$out/console.log" | tr -d '\r' >"$control/log"
	# "?" marks what merely lay on the stack
	grep -av '> ? ' "$control/log" | grep -aE -A 25 "$COMPLAINTS" >"$control/complaints" || true
}

failure() {
	local kept=$out/console.log
	printf '\nvm: %s\n' "$1" >&2
	case $2 in
	99) sed -n 1,60p "$control/complaints" >&2 ;;
	*) tail -n 20 "$control/log" >&2 ;;
	esac
	# without a folder of the user's the log would go with the VM
	if [ "$out" = "$control/out" ]; then
		mkdir -p "$CACHE/failed"
		find "$CACHE/failed" -mtime +7 -delete
		kept=$CACHE/failed/${control##*/}.log
		cp "$out/console.log" "$kept"
	fi
	note "kernel log: $kept"
	exit "$2"
}

judge() {
	local status=
	if [ -s "$out/.status" ]; then status=$(cat "$out/.status"); fi
	rm -f "$out/.started" "$out/.status"
	[ "$mode" != shell ] || return 0
	kernel_log
	[ ! -s "$control/complaints" ] || failure "the kernel complained" 99
	case $ended in 124 | 137) failure "killed after $limit s" 124 ;; esac
	[ -n "$status" ] || failure "the VM died before the command ended" 125
	return "$status"
}

vm='' ended=0 saved_tty=
mkdir -p "$CACHE/run"
sweep
control=$(mktemp -d "$CACHE/run/vm.XXXXXX")
exec 8>"$control/alive"
flock 8
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
variables=$("$SCRIPTS/kernel.sh" "$kernel")
eval "$variables"
if [ "$KARCH" = um ]; then need uml; else need qemu; fi
[ -n "$out" ] || out=$control/out
mkdir -p "$out"
out=$(realpath "$out")
rm -f "$out/.started" "$out/.status"
module
cp "$SCRIPTS/vm-init.sh" "$control/init"
chmod +x "$control/init"
if [ "$KARCH" = um ]; then settings /dev/ttyS0; else settings /dev/hvc0; fi >"$control/settings"
job "$@" >"$control/job"
[ "$mode" != shell ] || saved_tty=$(stty -g </dev/tty)
boot
# A kernel that changes its own code while an emulated second CPU runs it dies of
# it now and then (int3). Nothing of ours ran before init did.
if [ "$mode" != shell ] && [ ! -e "$out/.started" ] && [ "$ended" -lt 124 ]; then
	note "the kernel did not come up, once more:"
	tail -n 20 "$out/console.log" >&2
	boot
fi
judge
