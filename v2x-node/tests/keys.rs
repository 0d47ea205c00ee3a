//! Keys and credentials as others make and read them.

#![allow(clippy::unwrap_used, reason = "helpers of tests, which clippy does not take for tests")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::spki::der::pem::{self, LineEnding};
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, EncodePublicKey as _};

/// A directory of its own with an authority in it, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("roadcast-keys-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        let scratch = Self(path);
        assert_eq!(scratch.run(&["keys", "init", "--dir", "keys"]).0, 0);
        scratch
    }

    /// Exit code, and both outputs.
    fn run(&self, args: &[&str]) -> (i32, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_roadcast"));
        let output = command.args(args).current_dir(&self.0).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout) + &text(output.stderr))
    }

    fn write(&self, name: &str, text: &[u8]) {
        use std::os::unix::fs::PermissionsExt as _;
        fs::write(self.0.join(name), text).unwrap();
        fs::set_permissions(self.0.join(name), fs::Permissions::from_mode(0o600)).unwrap();
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

#[test]
fn a_private_key_is_written_in_the_form_that_every_library_reads() {
    let scratch = Scratch::new("form");
    let (code, said) = scratch.run(&["keys", "issue", "--dir", "keys", "--name", "car-1"]);
    assert_eq!(code, 0);
    assert!(said.contains("valid until 20") && said.contains(" UTC"), "{said}");
    let text = fs::read(scratch.0.join("keys/car-1.key")).unwrap();
    let (label, der) = pem::decode_vec(&text).unwrap();
    assert_eq!(label, "PRIVATE KEY");
    // RFC 8410, 7: version 0, the algorithm, and the seed in two octet strings; nothing behind it.
    let head = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    assert_eq!((&der[..16], der.len()), (&head[..], 48));
    let key = SigningKey::from_pkcs8_pem(str::from_utf8(&text).unwrap()).unwrap();
    // Keys with the public half inside, as earlier versions wrote them, and DER, are read as before.
    scratch.write("keys/car-1.key", key.to_pkcs8_pem(LineEnding::LF).unwrap().as_bytes());
    let (code, said) = scratch.run(&["keys", "show", "keys/car-1.key"]);
    assert_eq!(code, 0, "{said}");
}

#[test]
fn a_key_made_elsewhere_is_certified_without_its_private_half() {
    let scratch = Scratch::new("public");
    let key = SigningKey::from_bytes(&[7; 32]).verifying_key();
    scratch.write("module.pub", key.to_public_key_pem(LineEnding::LF).unwrap().as_bytes());
    scratch.write("module.der", key.to_public_key_der().unwrap().as_bytes());
    let issue =
        |name, file| scratch.run(&["keys", "issue", "--dir", "keys", "--name", name, "--public-key", file]);
    for (name, file) in [("car-1", "module.pub"), ("car-2", "module.der")] {
        let (code, said) = issue(name, file);
        assert_eq!(code, 0, "{said}");
        assert!(!scratch.0.join(format!("keys/{name}.key")).exists());
        let (code, shown) = scratch.run(&["keys", "show", &format!("keys/{name}.cred")]);
        let hex: String = key.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(code == 0 && shown.contains(&hex) && shown.contains("chain        holds"), "{shown}");
    }
    let (code, said) = issue("car-1", "module.pub");
    assert!(code == 2 && said.contains("car-1.cred: exists already"), "{said}");
    for (file, text, found) in [
        (
            "wrong.pub",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "is an X.509 certificate",
        ),
        ("wrong.pub", "hello", "is no PEM file"),
        ("wrong.pub", "", "is an empty file"),
    ] {
        scratch.write(file, text.as_bytes());
        let (code, said) = issue("car-3", file);
        assert!(code == 2 && said.contains(found) && said.contains("expected a public key"), "{said}");
    }
}

#[test]
fn a_key_of_another_credential_and_an_authority_that_is_not_there_are_named() {
    let scratch = Scratch::new("mixed");
    for name in ["car-1", "car-2"] {
        assert_eq!(scratch.run(&["keys", "issue", "--dir", "keys", "--name", name]).0, 0);
    }
    let config = |issuer: &str| {
        format!(
            "role = \"vehicle\"\n[identity]\ncredential = \"keys/car-1.cred\"\nkey = \"keys/car-2.key\"\n\
             roots = [\"keys/root.cred\"]\nissuers = [\"keys/{issuer}\"]\n[link]\nkind = \"udp\"\ninterface = \"lo\"\n\
             group = \"239.255.77.93:47893\"\n[position]\nsource = \"fixed\"\nlatitude = 49.6\nlongitude = 6.1\n"
        )
    };
    scratch.write("car.toml", config("issuer.cred").as_bytes());
    let (code, said) = scratch.run(&["run", "car.toml", "--seconds", "1"]);
    assert!(code == 2 && said.contains("car-2.key does not belong to"), "{said}");
    scratch.write("car.toml", config("nowhere.cred").replace("car-2", "car-1").as_bytes());
    let (code, said) = scratch.run(&["run", "car.toml", "--seconds", "1"]);
    assert!(code == 2 && said.contains("nowhere.cred: no such file"), "{said}");
    assert!(
        said.contains("hint: copy root.cred and issuer.cred from the machine that has the authority"),
        "{said}"
    );
}

#[test]
fn a_credential_that_is_not_there_is_told_with_those_that_are() {
    let scratch = Scratch::new("beside");
    let (code, said) = scratch.run(&["keys", "show", "keys/car-9.cred"]);
    assert!(
        code == 2 && said.contains("keys/car-9.cred: no such file; there are issuer.cred, root.cred"),
        "{said}"
    );
    let (_, said) = scratch.run(&["keys", "issue", "--dir", "keys", "--name", "a", "--hours", "0"]);
    assert!(said.contains("expected 1 to 438000 hours"), "{said}");
}
