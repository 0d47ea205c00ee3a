# needs: dpkg systemd python3
# The Debian package: what is in it, and that it installs into an empty machine and runs there.
"$FIELD/../../packaging/deb" "$ROADCAST" . >package.txt 2>package.err || fail "no package" package.err
[[ ! -s package.err ]] || fail "building it has complaints" package.err
package=$(<package.txt)
dpkg-deb --contents "$package" >contents.txt
for path in usr/bin/roadcast usr/lib/systemd/system/roadcast.service usr/lib/sysusers.d/roadcast.conf etc/roadcast/station.toml \
    usr/lib/systemd/system/roadcast@.service etc/roadcast/station.keys/ usr/share/man/man1/roadcast-run.1.gz \
    usr/share/bash-completion/completions/roadcast usr/share/zsh/vendor-completions/_roadcast \
    usr/share/fish/vendor_completions.d/roadcast.fish usr/share/doc/roadcast/docs/installation.md \
    usr/share/doc/roadcast/README.md usr/share/doc/roadcast/copyright usr/share/doc/roadcast/examples/vehicle.toml \
    usr/share/doc/roadcast/examples/python/wire.py usr/share/doc/roadcast/proto/schema/v2x/v1/envelope.proto \
    usr/share/doc/roadcast/replay/plans/red/road.toml; do
    has contents.txt " \./$path\$"
done
# What a document links to is there too.
dpkg-deb --extract "$package" unpacked
python3 - unpacked/usr/share/doc/roadcast >links.txt <<'PYTHON'
import pathlib, re, sys

root = pathlib.Path(sys.argv[1]).resolve()
links = 0
for page in root.rglob("*.md"):
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        target = (page.parent / link.partition("#")[0]).resolve()
        if not re.match("[a-z]+:", link):
            links += 1
            if not (target.exists() and target.is_relative_to(root)):
                print(f"{page.relative_to(root)}: {link} is not there")
print(links, "links followed")
PYTHON
hasnt links.txt 'is not there' "links of the package's documents lead nowhere"
has links.txt '^[0-9]{3,} links followed$'
hasnt contents.txt '^.......w|^........w|\.key$|__pycache__' "something in it is writable by others, or does not belong there"
grep -vq 'root/root' contents.txt && fail "something in it does not belong to root" contents.txt
cp "$package" first.deb
"$FIELD/../../packaging/deb" "$ROADCAST" . >package.txt
cmp first.deb "$package" || fail "two packages of one program differ"

mkdir -p root/var/lib/dpkg/{info,updates,triggers} root/etc
touch root/var/lib/dpkg/{status,available}
dpkg --root="$PWD/root" --log=/dev/null --force-depends --force-script-chrootless --install "$package" >installed.txt 2>&1 \
    || fail "it does not install" installed.txt
has root/etc/passwd '^roadcast:x:[0-9]+:[0-9]+:Roadcast V2X station:/var/lib/roadcast:/usr/sbin/nologin$'
[[ $(root/usr/bin/roadcast --version) == "$("$ROADCAST" --version)" ]] || fail "another program was installed"
sed 's|/usr/bin/roadcast|'"$PWD"'/root&|' root/usr/lib/systemd/system/roadcast.service >roadcast.service
systemd-analyze verify --man=no roadcast.service >unit.txt 2>&1 || fail "systemd refuses the unit" unit.txt
dpkg --root="$PWD/root" --log=/dev/null --force-depends --force-script-chrootless --remove roadcast >removed.txt 2>&1 \
    || fail "it does not go" removed.txt
[[ ! -e root/usr/bin/roadcast ]] || fail "something stayed behind"
