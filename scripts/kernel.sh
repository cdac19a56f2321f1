#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kernel.sh NAME...: make a kernel ready and print where it is, as shell variables:
#   KNAME  the name asked for
#   KVER   its version
#   KARCH  um (an ordinary program) or x86_64 (boots in QEMU)
#   KDIR   what `make -C` takes to build a module
#   KIMAGE the kernel
#   KMODS  a folder with its lib/modules/KVER, or empty when all is built in
#
# stock-6.1, stock-6.12   Debian's own kernels, unpacked, not installed
# uml-latest              the newest linux-source of Debian's backports, as UML
# uml-debug               linux-source-6.12 as UML with every checker on
#
# All is kept in ~/.cache/tcpx/kernels/NAME-VERSION-HASH and complete once the
# folder exists. kernel.sh -u NAME looks for a newer version first.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

SUITE=${TCPX_BACKPORTS:-trixie-backports}
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# ---- where packages come from ----

# A private apt for the one suite that the machine does not have in its sources:
# its own lists and its own idea of what is installed (nothing).
backports() {
	local dir=$CACHE/apt tool=$1
	shift
	"$tool" -q -o Dir::Etc::SourceList="$dir/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State="$dir" -o Dir::State::lists="$dir/lists" -o Dir::State::status="$dir/status" \
		-o Dir::Cache="$dir/cache" -o APT::Sandbox::User= -o Acquire::Languages=none "$@"
}

debian_mirror() {
	# shellcheck disable=SC2016 # apt's variable
	apt-get indextargets --format '$(REPO_URI)' 'Label: Debian' 'Identifier: Packages' | sed -n 1p
}

backports_update() {
	local uri
	uri=$(debian_mirror)
	[ -n "$uri" ] || die "no Debian mirror in this machine's apt sources"
	mkdir -p "$CACHE"/apt/{lists,cache/archives}/partial
	: >"$CACHE/apt/status"
	echo "deb [signed-by=$KEYRING] $uri $SUITE main" >"$CACHE/apt/sources.list"
	note "reading the index of $SUITE"
	backports apt-get -qq update >&2 || die "could not read $SUITE from $uri"
}

# the newest version of package $2 that apt ($1) can fetch
candidate() { $1 apt-cache policy "$2" | sed -n 's/^ *Candidate: //p' | grep -vxF '(none)'; }

host() { "$@"; }

# The metapackage names the real package of today.
real_package() {
	apt-cache depends --important "$1" 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | sed -n 1p
}

# fetch APT PACKAGE=VERSION...: unpack packages into the current folder
fetch() {
	local apt=$1 deb
	shift
	note "downloading $*"
	$apt apt-get -q download "$@" >apt.log 2>&1 ||
		{ cat apt.log >&2; die "no download: perhaps the version is outdated, then kernel.sh -u $NAME helps"; }
	for deb in ./*.deb; do
		dpkg-deb -x "$deb" .
		rm -f "$deb"
	done
	rm -f apt.log
}

# ---- Debian's kernels ----

metapackage() {
	case $1 in
	stock-6.1) echo linux-image-amd64 ;;
	stock-6.12) echo linux-image-6.12-amd64 ;;
	esac
}

stock_version() {
	local image
	image=$(real_package "$(metapackage "$NAME")")
	[ -n "$image" ] || die "no package $(metapackage "$NAME") here: these scripts want Debian 12"
	echo "${image#linux-image-}"
}

# the packages that make up the headers of kernel version $1
headers_packages() {
	apt-cache depends --recurse --important "linux-headers-$1" |
		grep -E '^linux-(headers|kbuild)-' | sort -u
}

stock_make() {
	local abi=$1 headers
	# shellcheck disable=SC2046 # a list of names
	fetch host "linux-image-$abi" busybox-static $(headers_packages "$abi")
	# no hardware in the VM: most of the drivers only cost space and time
	(
		cd "lib/modules/$abi/kernel"
		rm -rf sound drivers/net/ethernet drivers/net/wireless
		find drivers -mindepth 1 -maxdepth 1 ! -name net ! -name virtio ! -name char -exec rm -rf {} +
	)
	depmod -b . "$abi" 2>/dev/null
	# Debian's headers find each other by absolute paths: make them ours
	headers=usr/src/linux-headers-$abi
	grep -rlI /usr/src/linux-headers "$headers" --include=Makefile --include='*.mk' |
		xargs -r sed -i "s|/usr/src/linux-headers|$DIR/usr/src/linux-headers|g"
	rm -rf usr/share etc boot/System.map*
	cat >./env <<-END
		KVER=$abi
		KARCH=x86_64
		KDIR=$DIR/$headers
		KIMAGE=$DIR/boot/vmlinuz-$abi
		KMODS=$DIR
	END
}

# ---- User Mode Linux ----

uml_package() {
	case $NAME in
	uml-debug) echo linux-source-6.12 ;;
	*) backports apt-cache search --names-only '^linux-source-[0-9.]+$' |
		cut -d' ' -f1 | sort -V | tail -n 1 ;;
	esac
}

uml_apt() { if [ "$NAME" = uml-debug ]; then echo host; else echo backports; fi; }

uml_fragment() {
	local files=("$SCRIPTS/uml.config")
	[ "$NAME" != uml-debug ] || files+=("$SCRIPTS/uml-debug.config")
	# without the comments: they do not make another kernel
	grep -h '^CONFIG' "${files[@]}"
}

uml_version() {
	local package version
	[ "$NAME" = uml-debug ] || backports_update
	package=$(uml_package)
	version=$(candidate "$(uml_apt)" "$package") || die "no package $package here: these scripts want Debian 12"
	echo "$package=$version"
}

# An option that Kconfig drops is a test that tests nothing.
check_config() {
	local line dropped=0
	while read -r line; do
		grep -qxF "$line" .config || { note "dropped by Kconfig: $line"; dropped=1; }
	done <fragment
	[ $dropped -eq 0 ] || die "the kernel configuration of $NAME is not what was asked for"
}

# Keep what builds modules, checks style and reads KTAP; drop 95 % of the tree.
uml_strip() {
	find . -mindepth 1 -maxdepth 1 ! -name arch ! -name include ! -name scripts ! -name tools \
		! -name Makefile ! -name Kbuild ! -name .config ! -name Module.symvers ! -name linux \
		! -name 'modules.builtin*' ! -name build.log -exec rm -rf {} +
	find arch -mindepth 1 -maxdepth 1 ! -name um ! -name x86 ! -name Makefile -exec rm -rf {} +
	find tools -mindepth 1 -maxdepth 1 ! -name testing ! -name lib ! -name docs ! -name include -exec rm -rf {} +
	find tools/testing -mindepth 1 -maxdepth 1 ! -name kunit -exec rm -rf {} +
	find tools/lib -mindepth 1 -maxdepth 1 ! -name python -exec rm -rf {} +
	find arch \( -name '*.o' -o -name '*.a' -o -name '*.c' -o -name '*.S' -o -name '*.cmd' \) -delete
	find scripts -name '*.o' -delete
	strip --strip-debug linux
}

uml_make() {
	local package=${1%%=*}
	fetch "$(uml_apt)" "$1"
	note "unpacking"
	mkdir tree
	tar -xJf "usr/src/$package.tar.xz" -C tree --strip-components=1 --exclude="$package/Documentation/[a-z]*"
	rm -rf usr
	cd tree
	uml_fragment >fragment
	make -s ARCH=um KCONFIG_ALLCONFIG=fragment allnoconfig >config.log 2>&1 || { cat config.log >&2; die "configuration failed"; }
	check_config
	note "building $package as $NAME: some minutes, once"
	if ! make -s -j"$(nproc)" ARCH=um >build.log 2>&1; then
		tail -n 40 build.log >&2
		die "$NAME did not build"
	fi
	make -s ARCH=um kernelrelease >../release
	uml_strip
	cd ..
	cat >./env <<-END
		KVER=$(cat release)
		KARCH=um
		KDIR=$DIR/tree
		KIMAGE=$DIR/tree/linux
		KMODS=
	END
}

# ---- common ----

# The version is asked for once and then remembered: a run with a warm cache
# needs no network and tests what the run before it tested.
version() {
	local file=$CACHE/kernels/$NAME.version
	if [ ! -s "$file" ] || [ -n "$UPDATE" ]; then
		"${KIND}_version" >"$file.new"
		mv "$file.new" "$file"
	fi
	cat "$file"
}

hash_inputs() {
	{
		echo "$FORMAT"
		[ "$KIND" != uml ] || uml_fragment
	} | sha256sum | cut -c1-8
}

make_now() {
	say "kernel $NAME (${1#*=})"
	if [ "$KIND" = uml ]; then need module kernel; else need module qemu; fi
	# Only a finished folder gets the final name: what was interrupted is
	# swept away here, and what exists is complete.
	rm -rf "$CACHE/kernels/.new-$NAME"
	mkdir "$CACHE/kernels/.new-$NAME"
	(cd "$CACHE/kernels/.new-$NAME" && "${KIND}_make" "$1")
	mv "$CACHE/kernels/.new-$NAME" "$DIR"
	[ -z "$UPDATE" ] ||
		find "$CACHE/kernels" -mindepth 1 -maxdepth 1 -name "$NAME-*" ! -path "$DIR" -exec rm -rf {} +
}

make_ready() {
	local version
	FORMAT=1 # of the folder; another number rebuilds
	version=$(version)
	DIR=$CACHE/kernels/$NAME-${version#*=}-$(hash_inputs)
	[ -e "$DIR/env" ] || make_now "$version"
	echo "KNAME=$NAME"
	cat "$DIR/env"
}

UPDATE=
[ "${1:-}" != -u ] || { UPDATE=1; shift; }
[ $# -gt 0 ] || usage

for NAME; do
	case $NAME in
	stock-6.1 | stock-6.12) KIND=stock ;;
	uml-latest | uml-debug) KIND=uml ;;
	*) die "no kernel '$NAME': stock-6.1, stock-6.12, uml-latest, uml-debug" ;;
	esac
	mkdir -p "$CACHE/kernels"
	if [ ! -s "$CACHE/kernels/$NAME.version" ] || [ -n "$UPDATE" ]; then apt_update_once; fi
	locked "kernel-$NAME" make_ready
done
