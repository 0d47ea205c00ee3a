# The machine: Debian's kernel, unpacked and not installed, and the first file system that it starts with. Sourced by `run`.
# Needs CACHE, KERNEL (6.1 or 6.12) and HERE.

# Modules beside what each of them needs.
MODULES="mac80211_hwsim sch_netem vcan can_raw"

# kernel: brings vmlinux and the modules into the cache, once for each version of Debian's package.
kernel() {
    local folder=$CACHE/$KERNEL package
    if [[ -e $folder/vmlinux && $(cat "$folder/wanted") == "$MODULES" ]]; then return; fi
    package=$(kernel_package) || {
        apt-get -qq update || true
        package=$(kernel_package) || fail "apt knows no Debian package of Linux $KERNEL: are Debian's lists there (apt-get update)?"
    }
    printf 'unpacking %s\n' "$package"
    rm -rf "$folder.new"
    mkdir -p "$folder.new/modules"
    (
        cd "$folder.new"
        apt-get -q -o APT::Sandbox::User=root download "$package" >download.log 2>&1 \
            || { cat download.log >&2; fail "$package cannot be downloaded; SKIP_RADIO_VM=1 leaves the radios out"; }
        dpkg-deb --extract "$package"_*.deb unpacked
        unpack_kernel unpacked/boot/vmlinuz-* >vmlinux
        unpack_modules unpacked
        printf '%s' "$MODULES" >wanted
        printf '%s' "$package" >package
        rm -rf unpacked download.log -- *.deb
    )
    rm -rf "$folder"
    mv "$folder.new" "$folder"
}

# kernel_package: the name of the newest package of this kernel that Debian's lists have.
kernel_package() {
    local meta=linux-image-amd64
    if [[ $KERNEL != 6.1 ]]; then meta=linux-image-$KERNEL-amd64; fi
    apt-cache depends "$meta" 2>/dev/null \
        | awk -v version="$KERNEL" '$1 == "Depends:" && index($2, "linux-image-" version ".") == 1 { print $2; found = 1; exit }
            END { exit !found }'
}

# unpack_kernel VMLINUZ: the kernel as ELF, which an emulated processor starts some seconds sooner than it unpacks one. Where
# the packed kernel lies is in the header (Documentation/arch/x86/boot.rst, payload_offset); its last four bytes are its size.
unpack_kernel() {
    local setup offset length
    setup=$(number "$1" $((0x1f1)) 1)
    offset=$(number "$1" $((0x248)) 4)
    length=$(number "$1" $((0x24c)) 4)
    dd if="$1" of=packed bs=1M iflag=skip_bytes,count_bytes skip=$(((setup + 1) * 512 + offset)) count=$((length - 4)) status=none
    unpack packed
    rm packed
}

# number FILE OFFSET BYTES: a little-endian number of a file.
number() {
    od --address-radix=n --format="u$3" --skip-bytes="$2" --read-bytes="$3" "$1" | tr -d ' '
}

# unpack FILE: to standard output, by its first bytes.
unpack() {
    case $(od --address-radix=n --format=x1 --read-bytes=4 "$1" | tr -d ' ') in
        fd377a58) xz --decompress --stdout "$1" ;;
        28b52ffd) zstd --decompress --stdout --quiet "$1" ;;
        1f8b*) gzip --decompress --stdout "$1" ;;
        *) cat "$1" ;;
    esac
}

# unpack_modules ROOT: into modules/, and modules/order in the order of their needs.
unpack_modules() {
    local version module file name
    version=$(ls "$1/lib/modules")
    depmod --basedir "$1" "$version"
    for module in $MODULES; do
        modprobe --dirname "$1" --set-version "$version" --show-depends "$module"
    done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r file; do
        name=$(basename "$file")
        name=${name%.ko*}.ko
        unpack "$file" >"modules/$name"
        strip --strip-debug "modules/$name"
        echo "$name"
    done >modules/order
}

# system ROOT: busybox, dash, ip, tc, iw, the modules, the programs under test, and what the guest runs.
system() {
    local root=$1 applet program file
    mkdir -p "$root"/{bin,cases,dev,etc,lib/firmware,lib64,modules,proc,run,sys,tmp}
    for applet in $(busybox --list); do
        ln -s busybox "$root/bin/$applet"
    done
    # Debian's own, because busybox' ash and ip know less.
    for program in busybox ip tc iw; do
        carry "$root" "$(command -v $program)" $program
    done
    carry "$root" "$(command -v dash)" sh
    carry "$root" "$ROADCAST" roadcast
    carry "$root" "$AIR" air
    cp "$CACHE/$KERNEL"/modules/* "$root/modules/"
    for file in regulatory.db regulatory.db.p7s; do
        cp -L "/lib/firmware/$file-debian" "$root/lib/firmware/$file"
    done
    cp "$HERE/guest/init" "$root/init"
    cp "$HERE/guest/lib.sh" "$root/lib.sh"
    cp -r "$HERE/cases/." "$root/cases/"
    cp -r "$HERE/../../examples/." "$root/examples"
    ring >"$root/ring.csv"
}

# python ROOT: Debian's Python, and of its library what examples/python/can.py imports, compiled: an emulated processor would take
# seconds for that.
python() {
    local folder=$CACHE/python root=$1 interpreter file
    python_packages
    interpreter=$(echo "$folder"/usr/bin/python3.*)
    mkdir -p "$root"/bin "$root"/lib/x86_64-linux-gnu
    cp "$interpreter" "$root/bin/python3"
    export LD_LIBRARY_PATH=$folder/lib/x86_64-linux-gnu:$folder/usr/lib/x86_64-linux-gnu
    ldd "$interpreter" | awk '/=> \// { print $3 }' | while read -r file; do
        cp -L "$file" "$root/lib/x86_64-linux-gnu/"
    done
    "$interpreter" -E -S - "$HERE/../../examples/python/can.py" <<'END' | (cd "$folder" && xargs cp --parents --target-directory "$root")
import encodings.latin_1, os, sys
exec(compile(open(sys.argv[1]).read(), sys.argv[1], "exec"), {"__name__": "imported"})
modules = list(sys.modules.values())
files = {getattr(module, name, None) for module in modules for name in ("__file__", "__cached__")} - {None}
for path in sorted(filter(os.path.exists, files)):
    print(os.path.relpath(path, os.path.join(sys.prefix, "..")))
END
    unset LD_LIBRARY_PATH
}

# python_packages: unpacks them into the cache, once for each version of Debian's package.
python_packages() {
    local folder=$CACHE/python version package
    version=$(apt-cache depends python3-minimal 2>/dev/null | grep -o 'python3\.[0-9]*-minimal' | head -n 1) || true
    [[ -n $version ]] || fail "apt knows no python3-minimal: are Debian's lists there (apt-get update)?"
    version=${version%-minimal}
    if [[ $(cat "$folder/wanted" 2>/dev/null) == "$version" ]]; then return; fi
    printf 'unpacking %s\n' "$version"
    rm -rf "$folder.new"
    mkdir -p "$folder.new"
    (
        cd "$folder.new"
        apt-get -q -o APT::Sandbox::User=root download "$version-minimal" "lib$version-minimal" "lib$version-stdlib" libexpat1 zlib1g \
            >download.log 2>&1 || { cat download.log >&2; fail "$version cannot be downloaded; SKIP_RADIO_VM=1 leaves the radios out"; }
        for package in *.deb; do dpkg-deb --extract "$package" .; done
        # As `archive` dates them: what is compiled knows its source by its date.
        find usr/lib -name '*.py' -exec touch --date=@0 {} +
        printf '%s' "$version" >wanted
        rm -- *.deb download.log
    )
    rm -rf "$folder"
    mv "$folder.new" "$folder"
}

# ring: a mobility trace of the vehicle `car`, which drives at 15 m/s on a ring of 150 m around 49.6116, 6.1319 for 320 s.
ring() {
    awk 'BEGIN {
        print "timestep_time;vehicle_id;vehicle_type;vehicle_lon;vehicle_lat;vehicle_speed;vehicle_angle"
        for (step = 0; step <= 3200; step++) {
            angle = step / 100
            printf "%.1f;car;passenger;%.7f;%.7f;15.00;%.1f\n", step / 10, 6.1319 + 150 * sin(angle) / 72140, \
                49.6116 + 150 * cos(angle) / 111320, (angle * 57.29578 + 90) % 360
        }
    }'
}

# carry ROOT PROGRAM NAME: copies it, and the libraries it is linked with, each to where the loader looks for it.
carry() {
    local root=$1 program=$2 library
    rm -f "$root/bin/$3"
    cp -L "$program" "$root/bin/$3"
    { ldd "$program" 2>/dev/null || true; } | grep -o '/[^ ]*' | while read -r library; do
        mkdir -p "$root$(dirname "$library")"
        cp -Ln "$library" "$root$library"
    done || true
}

# keys ROOT: an authority, and for the guest a credential for every part that a case casts.
keys() {
    local folder=$1/keys
    {
        "$ROADCAST" keys init --dir "$folder"
        "$ROADCAST" keys issue --dir "$folder" --name car --count 10
        "$ROADCAST" keys issue --dir "$folder" --name many --count 8
        "$ROADCAST" keys issue --dir "$folder" --name bus --role public-transport
        "$ROADCAST" keys issue --dir "$folder" --name unit --role roadside
        "$ROADCAST" keys issue --dir "$folder" --name braking --also imminent
    } >"$WORK/keys.log"
}

# archive ROOT FILE: the first file system, the same for the same files.
archive() {
    (
        cd "$1"
        find . -exec touch --no-dereference --date=@0 {} +
        find . | LC_ALL=C sort | cpio --quiet --create --format=newc --reproducible
    ) >"$2"
}
