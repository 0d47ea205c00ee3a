# needs: faketime openssl
# A credential ends while its station runs, and another is issued: warned of, said in dates, renewed without a restart.
# Keys that others make are certified, and what is no such key is named as what it is.
keys
# A credential of an hour that was issued 54 minutes ago, by this machine's clock: five minutes of grace are taken off.
faketime -f '-3288s' "$ROADCAST" keys issue --dir keys --name car-1 --hours 1 --force >issued.txt
has issued.txt '^valid until 20.* UTC; a station that runs reads renewed files'
station car-1 car-1 49.6116 $'[report]\nevery_s = 1'
station car-2 car-2 49.6117
"$ROADCAST" run --config car-2.toml --seconds 17 >car-2.txt 2>&1 &
"$ROADCAST" run --config car-1.toml --seconds 17 >car-1.txt 2>&1 &
car=$!
eventually "the end is told ahead" grep -Eq 'car-1.cred ends in [0-9]+ s \(20.* UTC\): renew it' car-1.txt
eventually "the end is told in dates" \
    grep -Eq 'listening only: .*car-1.cred ended at 20.* UTC \([0-9]+ s ago\)' car-1.txt
# It repeats why.
eventually "the status line repeats it" grep -Eq '^ +[0-9]+ s .*listening only: .*car-1.cred ended at' car-1.txt
"$ROADCAST" keys issue --dir keys --name car-1 --force >issued.txt
eventually "the renewed one is read by itself" grep -q "the station's credentials are read again" car-1.txt
eventually "it sends again" test "$(grep -c '^sending' car-1.txt)" -ge 1
kill -HUP $car
wait
(($(grep -c '^sending' car-1.txt) == 2)) || fail "it does not send again after renewal" car-1.txt
has car-1.txt 'ends in 23 h 5[0-9] min' "the new end is not told"

# Another region.
"$ROADCAST" keys issue --dir keys --name far --region 10.0,10.0,1000 >>keys.log
station far far
"$ROADCAST" run --config far.toml --seconds 2 >far.txt 2>&1
has far.txt 'listening only: .*far.cred is valid within 1000 m of 10.00000, 10.00000; this station is [0-9]+ km away'

# Keys made by others.
openssl genpkey -algorithm ed25519 -out made.key 2>/dev/null
openssl pkey -in made.key -pubout -out made.pub
"$ROADCAST" keys issue --dir keys --name made --public-key made.pub >>keys.log
chmod 600 made.key
cp made.key keys/made.key
station made made
"$ROADCAST" run --config made.toml --seconds 2 >made.txt 2>&1
has made.txt '^sending' "a key that OpenSSL made does not sign"
openssl pkey -in keys/car-1.key -noout || fail "OpenSSL does not read our key"

# refused WHAT FILE: `keys issue --public-key FILE` names WHAT it is.
refused() {
    if "$ROADCAST" keys issue --dir keys --name other --public-key "$2" >refused.txt 2>&1; then
        fail "$2 is certified"
    fi
    has refused.txt "$1"
}
openssl ecparam -name prime256v1 -genkey -noout -out p256.key 2>/dev/null
openssl pkey -in p256.key -pubout -out p256.pub 2>/dev/null
openssl req -x509 -key made.key -subj /CN=x -out made.crt 2>/dev/null
openssl pkey -in p256.key -pubout -outform DER -out p256.der 2>/dev/null
refused "is a public key of an elliptic curve such as P-256" p256.pub
refused "is a private key of Ed25519; expected a public key" made.key
refused "is an X.509 certificate" made.crt
refused "is a public key of an elliptic curve such as P-256" p256.der
refused "is a credential; expected a public key" keys/car-1.cred
sed -i 's|keys/made.key|p256.key|' made.toml
chmod 600 p256.key
if "$ROADCAST" run --config made.toml --seconds 1 >refused.txt 2>&1; then fail "a key of P-256 is taken"; fi
has refused.txt 'p256.key: is a private key of EC; expected a private key, PKCS#8 PEM'

# The authority is elsewhere: not to be made anew.
mv keys/issuer.cred elsewhere.cred
if "$ROADCAST" run --config car-2.toml --seconds 1 >refused.txt 2>&1; then fail "it runs without an issuer"; fi
has refused.txt 'issuer.cred: no such file'
has refused.txt 'copy root.cred and issuer.cred from the machine that has the authority'
