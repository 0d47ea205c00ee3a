//! What a file is that should hold a key, in words: for the one who gave the wrong one.

use ed25519_dalek::pkcs8::PrivateKeyInfoRef;
use ed25519_dalek::pkcs8::spki::SubjectPublicKeyInfoRef;
use ed25519_dalek::pkcs8::spki::der::pem;

/// What is in a file, and what to do with it. Shows none of the content.
pub(crate) fn describe(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "an empty file".to_owned();
    }
    let text = bytes.trim_ascii();
    let Some(label) = label(text) else { return describe_plain(bytes) };
    let algorithm = pem::decode_vec(text).ok().and_then(|(label, der)| algorithm(label, &der));
    match (label, algorithm) {
        ("PRIVATE KEY" | "PUBLIC KEY", Some(algorithm)) => format!("{} of {algorithm}", article(label)),
        ("PRIVATE KEY", None) => "a private key that is damaged".to_owned(),
        ("PUBLIC KEY", None) => "a public key that is damaged".to_owned(),
        ("ENCRYPTED PRIVATE KEY", _) => {
            "a private key with a passphrase; take it off with: openssl pkey -in FILE -out KEY".to_owned()
        }
        ("OPENSSH PRIVATE KEY", _) => {
            "a private key of OpenSSH; make one with: openssl genpkey -algorithm ed25519".to_owned()
        }
        ("EC PRIVATE KEY" | "RSA PRIVATE KEY" | "DSA PRIVATE KEY", _) => {
            format!("a private key of {}", label.split(' ').next().unwrap_or_default())
        }
        ("CERTIFICATE", _) => "an X.509 certificate".to_owned(),
        ("CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST", _) => {
            "a request for an X.509 certificate".to_owned()
        }
        ("ROADCAST CREDENTIAL", _) => "a credential".to_owned(),
        ("ROADCAST REVOCATION", _) => "a revocation delta".to_owned(),
        (other, _) => format!("PEM of another kind ({:?})", other.chars().take(40).collect::<String>()),
    }
}

fn article(label: &str) -> &'static str {
    if label == "PRIVATE KEY" { "a private key" } else { "a public key" }
}

/// The label of the first line of a PEM file.
fn label(text: &[u8]) -> Option<&str> {
    let line = text.strip_prefix(b"-----BEGIN ")?.split(|byte| *byte == b'\n').next()?;
    str::from_utf8(line.trim_ascii_end()).ok()?.strip_suffix("-----")
}

/// The algorithm of a key that is readable.
fn algorithm(label: &str, der: &[u8]) -> Option<String> {
    let oid = match label {
        "PRIVATE KEY" => PrivateKeyInfoRef::try_from(der).ok()?.algorithm.oid,
        _ => SubjectPublicKeyInfoRef::try_from(der).ok()?.algorithm.oid,
    };
    let oid = oid.to_string();
    let name = ALGORITHMS.iter().find(|(known, _)| *known == oid);
    Some(name.map_or(oid, |(_, name)| (*name).to_owned()))
}

fn describe_plain(bytes: &[u8]) -> String {
    for label in ["PRIVATE KEY", "PUBLIC KEY"] {
        if let Some(algorithm) = algorithm(label, bytes) {
            return format!("{} of {algorithm}", article(label));
        }
    }
    let words = match bytes {
        [b'{', ..] => "JSON, perhaps a JWK; write the key as PEM",
        [b's', b's', b'h', b'-', ..] => "a public key of OpenSSH",
        [0x30, ..] => "DER of another kind; write the key as PEM",
        _ if bytes.len() == 32 => "32 raw bytes, perhaps a bare key; write it as PEM",
        _ => "no PEM file",
    };
    words.to_owned()
}

/// Object identifiers of algorithms people have keys of (RFC 8410, RFC 5480, RFC 8017).
const ALGORITHMS: [(&str, &str); 6] = [
    ("1.3.101.112", "Ed25519"),
    ("1.3.101.113", "Ed448"),
    ("1.3.101.110", "X25519"),
    ("1.2.840.10045.2.1", "an elliptic curve such as P-256 (ECDSA)"),
    ("1.2.840.113549.1.1.1", "RSA"),
    ("1.2.840.10040.4.1", "DSA"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn files_that_people_take_for_the_key_are_named() {
        let p256 = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEGr4JGqQ5WRvFFWbBLMbHzBI7yNHt\n\
                    hCqjVfsLYnVHkuqX1Kox3v9dl4CuA1m0nWkKF2k5WmWGrX3YC8cCzsmUYA==\n-----END PUBLIC KEY-----\n";
        for (text, words) in [
            ("", "an empty file"),
            (p256, "a public key of an elliptic curve such as P-256"),
            ("-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n", "a private key of EC"),
            ("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", "of OpenSSH"),
            (
                "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
                "passphrase",
            ),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "X.509 certificate"),
            (
                "-----BEGIN ROADCAST CREDENTIAL-----\nAAAA\n-----END ROADCAST CREDENTIAL-----\n",
                "a credential",
            ),
            ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "damaged"),
            ("{\"kty\":\"OKP\"}", "JWK"),
            ("ssh-ed25519 AAAA me@here", "OpenSSH"),
            ("role = \"vehicle\"", "no PEM file"),
        ] {
            assert!(describe(text.as_bytes()).contains(words), "{words}: {}", describe(text.as_bytes()));
        }
        assert!(describe(&[7; 32]).contains("32 raw bytes"));
        assert!(describe(&[0x30, 0x2e, 2]).contains("DER"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_named(bytes in prop::collection::vec(any::<u8>(), 0..200), armoured: bool) {
            let head: &[u8] = if armoured { b"-----BEGIN PRIVATE KEY-----\n" } else { b"" };
            prop_assert!(!describe(&[head, &bytes].concat()).is_empty());
        }
    }
}
