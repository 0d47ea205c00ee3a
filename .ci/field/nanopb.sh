# needs: nanopb libnanopb-dev protobuf-compiler
# C made by nanopb with proto/nanopb/v2x.options reads every golden vector and writes the same bytes; without the
# options most lose content.
ROOT=$(realpath "$FIELD/../..")
mapfile -t FILES < <(cd "$ROOT/proto/schema" && ls v2x/v1/*.proto | grep -v recording)
PATH=/usr/bin:$PATH # Debian's Python, which nanopb's generator needs

/usr/bin/python3 - "$ROOT/tests/golden/vectors" >lines.txt <<'PY'
import json, pathlib, sys
for file in sorted(pathlib.Path(sys.argv[1]).glob("*.json")):
    vector = json.loads(file.read_text())
    if vector["kind"] == "credential":
        print("Credential", vector["hex"])
        print("CredentialTbs", vector["credential"]["tbs"])
    if vector["kind"] == "message":
        print("SignedMessage", vector["hex"])
        print("ToBeSigned", vector["signed_message"]["tbs"])
        if vector["to_be_signed"]["payload"]:
            print(vector["message"], vector["to_be_signed"]["payload"])
PY
COUNT=$(wc -l <lines.txt)
((COUNT >= 71)) || fail "only $COUNT encodings in the golden vectors" lines.txt

# build FOLDER OPTIONS...
build() {
    local out=$1
    shift
    mkdir "$out"
    nanopb_generator.py -q -I "$ROOT/proto/schema" "$@" -D "$out" "${FILES[@]}" >"$out.log" 2>&1 || fail "nanopb_generator" "$out.log"
    {
        printf '#include "%s"\n' "${FILES[@]/%.proto/.pb.h}"
        printf '#define MESSAGES'
        cut -d' ' -f1 lines.txt | sort -u | while read -r name; do printf ' M(%s)' "$name"; done
        echo
    } >"$out/messages.h"
    cc -O1 -I "$out" -o "$out/reader" "$FIELD/nanopb.c" "$out"/v2x/v1/*.c -lprotobuf-nanopb >"$out.log" 2>&1 \
        || fail "the C made by nanopb does not compile" "$out.log"
}

build sized -f "$ROOT/proto/nanopb/v2x.options"
sized/reader <lines.txt >sized.txt || fail "with the options" sized.txt
has sized.txt "^$COUNT equal, 0 not\$"

build bare
if bare/reader <lines.txt >bare.txt; then fail "without the options nothing is lost: they are no longer needed" bare.txt; fi
