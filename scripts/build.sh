#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# build.sh KERNEL [KUNIT=1] [CLEAN=1] [MAKE-ARGUMENT...]: build tcpx.ko for KERNEL
# (see kernel.sh) in the cache, not in the tree; the last line is its path.
# KUNIT=1: with the KUnit suites. CLEAN=1: all anew, so that all warnings show.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

[ $# -gt 0 ] || usage
name=$1
shift
# BTF of modules needs pahole, and nothing here reads it
arguments=(W=1 CONFIG_TCPX=m CONFIG_DEBUG_INFO_BTF_MODULES=)
flavour=
for argument; do
	case $argument in
	KUNIT=1)
		flavour=-kunit
		arguments+=(CONFIG_TCPX_KUNIT_TEST=y)
		;;
	CLEAN=1) flavour=-clean ;;
	C=*)
		flavour=-sparse
		arguments+=("$argument")
		;;
	*) arguments+=("$argument") ;;
	esac
done

sources() {
	cd "$SRC"
	find . -maxdepth 1 -type f \( -name '*.[ch]' -o -name Kbuild -o -name Kconfig \) ! -name '*.mod.c' -printf '%P\n'
	[ ! -d kunit ] || find kunit -type f \( -name '*.[ch]' -o -name Kbuild -o -name Makefile \) ! -name '*.mod.c'
}

# Copy what changed, so that make rebuilds that and no more.
sync_sources() {
	local file list=$1/.sources
	(sources) | sort >"$list.new"
	[ -s "$list.new" ] || die "no module sources in $SRC"
	while read -r file; do
		cmp -s "$SRC/$file" "$1/$file" && continue
		mkdir -p "$(dirname "$1/$file")"
		cp "$SRC/$file" "$1/$file"
	done <"$list.new"
	if [ -e "$list" ]; then
		comm -23 "$list" "$list.new" | while read -r file; do rm -f "${1:?}/$file"; done
	fi
	mv "$list.new" "$list"
}

# Paths as the reader knows them. Debian's headers come without the vmlinux that
# BTF is made from, and say so each time.
tidy_output() { sed -u -e "s|$1/||g" -e '/^Skipping BTF generation/d'; }

# KASAN in UML never clears the poison around the globals of a module that was
# removed: the next one loaded to its place would be accused. Leave globals out.
if [ "$name" = uml-debug ]; then
	arguments+=('kasan_params=asan-instrumentation-with-call-threshold=10000 asan-stack=1 asan-instrument-allocas=1 asan-globals=0 asan-kernel-mem-intrinsic-prefix=1')
fi

need module
variables=$("$SCRIPTS/kernel.sh" "$name")
eval "$variables"
# one build folder per source tree: two trees do not undo each other's work
tree=$(printf '%s' "$SRC" | sha256sum | cut -c1-8)
dir=$CACHE/build/$tree/$name$flavour

build() {
	[ "$flavour" != -clean ] || rm -rf "$dir"
	mkdir -p "$dir"
	sync_sources "$dir"
	# another kernel under the same name: nothing of the old build fits
	if [ "$(cat "$dir/.kdir" 2>/dev/null)" != "$KDIR" ]; then
		make -s -C "$KDIR" ARCH="$KARCH" M="$dir" clean 2>&1 | tidy_output "$dir"
		echo "$KDIR" >"$dir/.kdir"
	fi
	make -s -j"$(nproc)" -C "$KDIR" ARCH="$KARCH" M="$dir" "${arguments[@]}" modules 2>&1 | tidy_output "$dir"
	[ -e "$dir/tcpx.ko" ] || die "the build made no tcpx.ko"
}

locked "build-$tree-$name$flavour" build
echo "$dir/tcpx.ko"
