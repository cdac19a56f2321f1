#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# test.sh [-q] [-j JOBS] [STAGE...]: run the tests; without STAGE, all of them.
#
#  build      tcpx.ko for every kernel and tcpxctl, without one compiler warning;
#             make and make clean as README.md has them
#  lint       checkpatch, sparse, kernel-doc, shellcheck, tcpx.yaml
#  law        floor 1 as a user-space program, fuzzed under sanitizers
#  kunit      the KUnit suites in UML, plain and with every checker
#  demo       scripts/demo.sh shows what it should
#  e2e-6.1    end to end in QEMU on Debian's kernels, two CPUs
#  e2e-6.12
#  e2e-7.3    end to end in UML, newest kernel
#  e2e-native the same tests on the kernel's own TCP, to which they compare tcpx
#  e2e-debug  end to end in UML with KASAN, lockdep, kmemleak...
#  long       the tests that wait for hours, in virtual time
#
# -q shows failures only. Two stages run at a time (-j JOBS). Logs stay in out/;
# the last line is "N passed, N failed".

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# what fails soon first; then the longest, the two-CPU machines side by side with
# those of one CPU
STAGES=(build lint law kunit demo e2e-debug e2e-6.1 e2e-6.12 e2e-7.3 e2e-native long)
KERNELS=(stock-6.1 stock-6.12 uml-latest uml-debug)

quiet='' jobs=2
while getopts qj: option; do
	case $option in
	q) quiet=1 ;;
	j) jobs=$OPTARG ;;
	*) usage ;;
	esac
done
[[ $jobs =~ ^[1-9][0-9]*$ ]] || die "-j wants a number from 1 on, not '$jobs'"
shift $((OPTIND - 1))
[ $# -eq 0 ] || STAGES=("$@")

# ---- results: one line "ok NAME", "not ok NAME" or "skip NAME" per test ----

# In a stage: $DIR its folder, $STAGE its name.
result() {
	echo "$1 $2" >>"$DIR/results"
	if [ "$1" != ok ] || [ -z "$quiet" ]; then printf '%-6s %s: %s\n' "$1" "$STAGE" "$2"; fi
}

# check NAME COMMAND...: one test; its output is kept, and shown when it fails
check() {
	local name=$1 log
	shift
	log=$DIR/${name//[^A-Za-z0-9.-]/_}.log
	if "$@" >"$log" 2>&1 </dev/null; then
		result ok "$name"
	else
		result "not ok" "$name"
		tail -n 30 "$log" | sed 's/^/    /'
	fi
}

# tap LOG COMMAND...: each test of a command that prints TAP is one of ours, as
# it comes; of a failed one the explanation that follows it is shown too.
tap() {
	local log=$1 line name seen=0 failed=0 plan='' explain=0 status=''
	shift
	while IFS= read -r line; do
		line=${line%$'\r'}
		# without the number, which says nothing
		name=${line#*ok [0-9]*- }
		case $line in
		'ok '*'# SKIP'*) seen=$((seen + 1)) explain=0; result skip "${name/ \# SKIP /, }" ;;
		'ok '*) seen=$((seen + 1)) explain=0; result ok "$name" ;;
		'not ok '*) seen=$((seen + 1)) failed=$((failed + 1)) explain=8; result "not ok" "$name" ;;
		1..[0-9]*) plan=${line#1..} ;;
		'exit status '*) status=${line#exit status } ;;
		'#'*) [ $((explain--)) -le 0 ] || printf '    %s\n' "${line:0:160}" ;;
		esac
	done < <({ "$@" && echo "exit status 0" || echo "exit status $?"; } 2>&1 </dev/null | tee "$log")
	if [ "$seen" -eq 0 ]; then
		result "not ok" "ran no test (exit status $status)"
	elif [ "${status:-125}" -ge 99 ]; then
		result "not ok" "the VM ended with exit status $status"
	elif [ "${plan%% *}" != "$seen" ]; then
		result "not ok" "$seen tests of ${plan:-an unknown number} ran (exit status $status)"
	elif [ "$status" != 0 ] && [ "$failed" -eq 0 ]; then
		result "not ok" "all tests passed but the exit status was $status"
	else
		return 0
	fi
	tail -n 30 "$log" | sed 's/^/    /'
}

# ---- stages ----

silent_build() {
	local output
	output=$("$SCRIPTS/build.sh" "$@" CLEAN=1 2>&1) || { echo "$output"; return 1; }
	echo "$output"
	[[ ! ${output,,} =~ warning: ]]
}

build_tools() { make -C "$SRC/tools" O="$1" CFLAGS='-O2 -g -Werror'; }

stage_build() {
	local kernel
	for kernel in "${KERNELS[@]}"; do
		check "$kernel" silent_build "$kernel"
	done
	check tcpxctl build_tools "$DIR"
	check "make, make clean" make_by_hand
}

# What README.md tells to do, in a folder with nothing but the sources.
make_by_hand() {
	local variables copy=$DIR/copy before output headers
	variables=$("$SCRIPTS/kernel.sh" stock-6.1)
	eval "$variables"
	mkdir "$copy"
	tar -c -C "$SRC" --exclude=./out --exclude=./.git . | tar -x -C "$copy"
	make -s -C "$copy" KDIR=/nonexistent clean # of what somebody made in the tree
	before=$(cd "$copy" && find . | sort)
	# once with the headers to clean up by, once without
	for headers in "$KDIR" /nonexistent; do
		output=$(make -C "$copy" KDIR="$KDIR" 2>&1) || { echo "$output"; return 1; }
		echo "$output"
		[[ ! ${output,,} =~ warning: ]] || return 1
		[ -s "$copy/tcpx.ko" ] || return 1
		make -C "$copy" KDIR="$headers" clean || return 1
		diff <(echo "$before") <(cd "$copy" && find . | sort) || return 1
	done
}

module_sources() {
	cd "$SRC"
	find . kunit -maxdepth 1 -name '*.[ch]' ! -name '*.mod.c' 2>/dev/null | sed 's|^\./||' | sort -u
}

# Not asked for: what every list written as an X-macro does (*MACRO*, semicolons);
# version tests, which have a check of their own because one file may have them;
# what the oldest kernel has no other way to say (ALLOC_WITH_SIZEOF, CONST_STRUCT
# of sysctl tables); comments beside locks, whose kernel-doc stands above the
# struct. Trace headers follow the style of TRACE_EVENT().
CHECKPATCH_NOT=COMPLEX_MACRO,MACRO_ARG_UNUSED,MACRO_ARG_REUSE,MACRO_ARG_PRECEDENCE
CHECKPATCH_NOT+=,MACRO_WITH_FLOW_CONTROL,TRAILING_SEMICOLON,LINUX_VERSION_CODE
CHECKPATCH_NOT+=,CONSTANT_COMPARISON,ALLOC_WITH_SIZEOF,CONST_STRUCT,UNCOMMENTED_DEFINITION
checkpatch() {
	cd "$SRC"
	# shellcheck disable=SC2046 # a list of names
	perl "$KDIR/scripts/checkpatch.pl" --no-tree --strict --terse --show-types --no-summary \
		--ignore "$CHECKPATCH_NOT" -f $(module_sources | grep -v trace)
}

versions_in_compat_only() {
	cd "$SRC"
	# shellcheck disable=SC2046 # a list of names
	! grep -nE 'LINUX_VERSION_CODE|KERNEL_VERSION\(' $(module_sources | grep -v compat)
}

# Debian's sparse is of the age of 6.1 and does not understand newer headers:
# that kernel, and of what it says only what is about our files. It does not know
# __has_include either; what we ask for with that is newer than 6.1.
sparse() {
	local output
	output=$("$SCRIPTS/build.sh" stock-6.1 C=2 CF="'-D__has_include(x)=0'" 2>&1) || { echo "$output"; return 2; }
	echo "$output"
	[[ ! $output =~ (^|$'\n')[a-z_/0-9]+\.[ch]:[0-9:]*\ (warning|error): ]]
}

# A module with a fault: without this the check would pass where sparse never ran.
planted() {
	local status=0
	mkdir -p "$CACHE/planted"
	# shellcheck disable=SC2016 # for make
	echo 'obj-$(CONFIG_TCPX) := tcpx.o' >"$CACHE/planted/Kbuild"
	cat >"$CACHE/planted/tcpx.c" <<-'END'
		// SPDX-License-Identifier: GPL-2.0
		#include <linux/module.h>
		static int get(char *val, const struct kernel_param *kp)
		{
			return *(const char __user *)val;
		}
		static const struct kernel_param_ops ops = { .get = get };
		module_param_cb(planted, &ops, NULL, 0444);
		MODULE_DESCRIPTION("a fault for sparse");
		MODULE_LICENSE("GPL");
	END
	TCPX_SRC=$CACHE/planted sparse || status=$?
	[ $status -eq 1 ]
}

sparse_check() { sparse && planted; }

kernel_doc() {
	cd "$SRC"
	# shellcheck disable=SC2046 # a list of names
	"$KDIR/scripts/kernel-doc" -none -Werror $(module_sources)
}

shell_check() { cd "$REPO" && shellcheck -x scripts/*.sh .ci/run; }

stage_lint() {
	local variables
	variables=$("$SCRIPTS/kernel.sh" uml-latest)
	eval "$variables"
	check checkpatch checkpatch
	check kernel-versions versions_in_compat_only
	check sparse sparse_check
	check kernel-doc kernel_doc
	check shellcheck shell_check
	check tcpx.yaml make -C "$SRC/tools" check
}

stage_law() {
	[ -d "$SRC/tests/law" ] || return 0
	tap "$DIR/law.log" make -s -C "$SRC/tests/law" check O="$DIR/build"
}

stage_kunit() {
	local kernel status
	for kernel in uml-latest uml-debug; do
		"$SCRIPTS/kunit.sh" -k "$kernel" -o "$DIR/$kernel" >"$DIR/$kernel.log" 2>&1 && status=0 || status=$?
		ktap_results "$kernel" "$status"
	done
}

# KUnit's own count stands; here each case becomes one of our lines.
ktap_results() {
	local line passed=0 failed=0
	while read -r line; do
		case $line in
		*'[PASSED]'*) passed=$((passed + 1)); result ok "$1 ${line##*\] }" ;;
		*'[FAILED]'* | *'[CRASHED]'*) failed=$((failed + 1)); result "not ok" "$1 ${line##*\] }" ;;
		esac
	done < <(grep -aE '\] \[(PASSED|FAILED|CRASHED)\]' "$DIR/$1.log")
	[ "$2" -eq 0 ] && [ "$passed" -gt 0 ] && return
	[ "$failed" -gt 0 ] || result "not ok" "$1 (exit status $2)"
	tail -n 30 "$DIR/$1.log" | sed 's/^/    /'
}

six_ladders() {
	local output
	output=$("$SCRIPTS/demo.sh" 2>&1) || { echo "$output"; return 1; }
	echo "$output"
	[ "$(grep -c '^ *as RFC 9293' <<<"$output")" -eq 6 ]
}

stage_demo() {
	local start=$SECONDS
	check "six ladders, as the RFC says" six_ladders
	note "demo.sh took $((SECONDS - start)) s"
}

# An emulated CPU runs into the breakpoint of a code patch that is over, where no
# code of ours is: that is no result.
emulator_fault() {
	grep -aqE 'int3: [0-9a-f]{4} \[#1\]' "$DIR/console.log" && ! grep -aqE 'RIP: .*\[tcpx\]' "$DIR/console.log"
}

e2e() {
	e2e_once "$@"
	if emulator_fault; then
		note "$STAGE: the emulator broke down, the stage runs once more"
		: >"$DIR/results"
		e2e_once "$@"
	fi
}

# e2e KERNEL FACTOR [VM-OPTION...] [-- RUN-OPTION...]
e2e_once() {
	local kernel=$1 slow=$2 options=()
	shift 2
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	[ $# -eq 0 ] || shift
	export TCPX_SLOW=$slow TCPX_PROG=$OUT/prog
	cd "$SRC"
	tap "$DIR/output.log" "$SCRIPTS/vm.sh" -k "$kernel" -T 3600 -o "$DIR" "${options[@]}" -- \
		/usr/bin/python3 tests/run.py --out "$DIR" "$@"
}

# What each kernel can do: a test that lacks one of these fails, it is not skipped.
NEEDS=root,cc,netem,tbf,bridge,tcpx,ko,kmod,hello,tcpxctl
stage_e2e-6.1() { e2e stock-6.1 4 -s 2 -m 2G -- --must $NEEDS,realtime,smp; }
stage_e2e-6.12() { e2e stock-6.12 4 -s 2 -m 2G -- --must $NEEDS,realtime,smp; }
stage_e2e-7.3() { e2e uml-latest 1 -- --must $NEEDS,realtime; }
stage_e2e-native() { TCPX_PROTO=6 e2e uml-latest 1 -- --must ${NEEDS%,tcpx*},realtime; }
stage_e2e-debug() { e2e uml-debug 4 -m 2G -- --must $NEEDS,realtime,failslab,kmemleak; }
stage_long() { e2e uml-latest 1 -t -- --long --must $NEEDS,timetravel; }

# ---- the runner ----

run_stage() {
	set +m # the whole stage stays in this group
	STAGE=$1 DIR=$OUT/$1
	local start=$SECONDS
	mkdir -p "$DIR"
	: >"$DIR/results"
	"stage_$STAGE"
	echo "$((SECONDS - start))" >"$DIR/seconds"
}

# Each stage is a process group of its own, so that it can be ended as a whole.
declare -A running=()

stop_all() {
	local pid
	trap - EXIT INT TERM
	for pid in "${!running[@]}"; do kill -TERM -- "-$pid" 2>/dev/null || true; done
	wait 2>/dev/null
}

finish_one() {
	local pid
	wait -n -p pid "${!running[@]}" || stage_broke "${running[$pid]}"
	unset "running[$pid]"
}

# A stage that ends by itself in the middle is a failure, not fewer tests.
stage_broke() {
	echo "not ok the stage broke off" >>"$OUT/$1/results"
	echo "not ok $1: the stage broke off"
}

# Kernels and packages before the stages: two stages would wait for each other.
wants() { [[ " ${STAGES[*]} " =~ \ ($1)\  ]]; }

packages_for_stages() {
	need module
	if wants 'build|e2e-.*|long'; then need tools; fi
	if wants 'lint'; then need lint; fi
	if wants 'kunit|e2e-7.3|e2e-native|e2e-debug|long'; then need uml kunit; fi
	if wants 'demo|e2e-6.12?'; then need qemu; fi
	if wants 'e2e-.*|long'; then need tests; fi
}

prepare() {
	local kernels=()
	set +m # all in this group
	if wants 'build|lint|demo|e2e-6.1'; then kernels+=(stock-6.1); fi
	if wants 'build|e2e-6.12'; then kernels+=(stock-6.12); fi
	if wants 'build|lint|kunit|e2e-7.3|e2e-native|long'; then kernels+=(uml-latest); fi
	if wants 'build|kunit|e2e-debug'; then kernels+=(uml-debug); fi
	[ ${#kernels[@]} -eq 0 ] || "$SCRIPTS/kernel.sh" "${kernels[@]}" >/dev/null
	wants 'e2e-.*|long' || return 0
	# built here: a compiler is slow in a VM
	make -s -C "$SRC/tests/prog" BUILD="$OUT/prog" >"$OUT/prog.log" 2>&1 ||
		{ cat "$OUT/prog.log" >&2; die "tests/prog does not build"; }
	build_tools "$OUT/prog" >>"$OUT/prog.log" 2>&1 ||
		{ cat "$OUT/prog.log" >&2; die "tools do not build"; }
}

count() { grep -c "^$1" "$OUT/$stage/results" || true; }

# named PATTERN: the results like that, once each, with the stages that had them
named() {
	local stage
	for stage in "${STAGES[@]}"; do
		sed -n "/$1/s/^[a-z]* /$stage\t/p" "$OUT/$stage/results"
	done | awk -F '\t' '{ if (!in_[$2]) order[++n] = $2; in_[$2] = in_[$2] " " $1 }
		END { for (i = 1; i <= n; i++) print "  " order[i] " (" substr(in_[order[i]], 2) ")" }'
}

# A test that passes at its second run only is told, and more than two are a fault.
SECOND_RUNS=2

summary() {
	local stage passed failed skipped all_passed=0 all_failed=0 seconds skips again
	printf '\n%-11s %7s %7s %8s %8s\n' stage passed failed skipped seconds
	for stage in "${STAGES[@]}"; do
		passed=$(count ok) failed=$(count 'not ok') skipped=$(count skip)
		read -r seconds <"$OUT/$stage/seconds" || seconds='?'
		printf '%-11s %7s %7s %8s %8s\n' "$stage" "$passed" "$failed" "$skipped" "$seconds"
		all_passed=$((all_passed + passed)) all_failed=$((all_failed + failed))
	done
	skips=$(named '^skip ')
	[ -z "$skips" ] || printf '\nskipped:\n%s\n' "$skips"
	again=$(named '^ok .*(second run)$')
	if [ -n "$again" ]; then
		printf '\nneeded a second run:\n%s\n' "$again"
		if [ "$(cat "$OUT"/*/results | grep -c '^ok .*(second run)$')" -gt $SECOND_RUNS ]; then
			echo "not ok: more than $SECOND_RUNS tests needed a second run"
			all_failed=$((all_failed + 1))
		fi
	fi
	printf '\nlogs: %s\n' "$OUT"
	printf '%s passed, %s failed\n' "$all_passed" "$all_failed"
	[ "$all_failed" -eq 0 ] && [ "$all_passed" -gt 0 ]
}

for stage in "${STAGES[@]}"; do
	declare -F "stage_$stage" >/dev/null || die "no stage '$stage'"
done
mkdir -p "$SRC/out"
OUT=$(mktemp -d "$SRC/out/test-$(date +%Y%m%d-%H%M%S)-XXX")
chmod 755 "$OUT"
packages_for_stages
trap stop_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
set -m
prepare </dev/null &
running[$!]=prepare
wait $! || exit
running=()
for stage in "${STAGES[@]}"; do
	[ ${#running[@]} -lt "$jobs" ] || finish_one
	[ -n "$quiet" ] || say "$stage"
	run_stage "$stage" </dev/null &
	running[$!]=$stage
done
while [ ${#running[@]} -gt 0 ]; do finish_one; done
trap - EXIT
summary
