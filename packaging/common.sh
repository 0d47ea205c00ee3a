# What the packages of this house have in common; sourced by packaging/deb and packaging/deb-bridge, which set HOUSE, PROGRAM, OUT and ROOT.

MAINTAINER="The Roadcast contributors <roadcast@localhost.localdomain>"

# usage of the script that sources this, after what is wrong.
refuse() {
    printf 'packaging/%s: %s; usage: packaging/%s [PROGRAM [FOLDER]]\n' "${0##*/}" "$1" "${0##*/}" >&2
    exit 2
}

# Sets arch, version and glibc from the program, and exports SOURCE_DATE_EPOCH.
of_program() {
    # The processor it is for, by its ELF header (e_machine).
    local machine commit
    machine=$(od -An -tu2 -j18 -N2 "$PROGRAM" 2>/dev/null | tr -d ' ' || true)
    case $machine in
        62) arch=amd64 ;;
        183) arch=arm64 ;;
        *) refuse "$PROGRAM is for a processor of ELF number ${machine:-none}; packages are made for 62 (amd64) and 183 (arm64)" ;;
    esac
    # A release has its tag; everything else sorts before it, by its time.
    if [[ $arch == "$(dpkg --print-architecture)" ]]; then
        version=$("$PROGRAM" --version | awk '{ print $2 }')
    else
        version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$HOUSE/Cargo.toml" | head -n 1)
    fi
    SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$HOUSE" log -1 --format=%ct 2>/dev/null || echo 0)}
    export SOURCE_DATE_EPOCH
    if ! git -C "$HOUSE" describe --exact-match --match "v$version" HEAD >/dev/null 2>&1; then
        commit=$(git -C "$HOUSE" rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
        version+="~$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y%m%d%H%M%S).$commit"
    fi
    # The newest symbols of the C library that it asks for.
    glibc=$(grep -ao 'GLIBC_[0-9][0-9.]*' "$PROGRAM" | sort -uV | tail -n 1)
    # The revision of the packaging, which Debian writes after the program's version.
    version+=-${ROADCAST_REVISION:-1}
}

# legal NAME: the changelog of the package and its licences, in its folder of documents.
legal() {
    local documents=$ROOT/usr/share/doc/$1
    gzip -9n <"$HOUSE/CHANGELOG.md" >"$documents/changelog.gz"
    gzip -9n >"$documents/changelog.Debian.gz" <<END
$1 ($version) unstable; urgency=medium

  * What is new: changelog.gz beside this file.

 -- $MAINTAINER  $(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")
END
    {
        printf 'Copyright (C) 2025-2026 The Roadcast contributors\n\nRoadcast is licensed under MIT or Apache-2.0, as you like.\n\n'
        cat "$HOUSE/LICENSE-MIT"
        printf '\nThe Apache License 2.0 is in /usr/share/common-licenses/Apache-2.0.\n'
    } >"$documents/copyright"
    find "$ROOT/usr/share" -type f ! -executable -exec chmod 644 {} +
}

# seal NAME: sums, dates and the package, whose path it prints. DEBIAN has the rest.
seal() {
    (cd "$ROOT" && find ./* -path ./DEBIAN -prune -o -path ./etc -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum | sed 's|  \./|  |') \
        >"$ROOT/DEBIAN/md5sums"
    # What is installed, not what was copied when.
    find "$ROOT" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
    local package=$OUT/$1_${version}_$arch.deb
    dpkg-deb --root-owner-group -Zxz --build "$ROOT" "$package" >/dev/null
    printf '%s\n' "$package"
}
