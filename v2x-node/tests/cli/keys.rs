//! Keys and credentials: `roadcast keys`.

use super::*;

#[test]
fn keys_are_made_for_their_owner_alone_and_never_replaced_by_accident() {
    let scratch = Scratch::with_keys("keys");
    assert_eq!(scratch.mode("keys"), 0o700);
    for name in ["root", "issuer", "car-1"] {
        for ending in ["key", "cred"] {
            assert_eq!(scratch.mode(&format!("keys/{name}.{ending}")), 0o600);
        }
    }
    let read = || fs::read_to_string(scratch.0.join("keys/car-1.key")).unwrap();
    let before = read();
    let issue = ["keys", "issue", "--dir", "keys", "--name", "car-1"];
    assert!(
        scratch.bad(&issue).contains("keys/car-1.key: exists already; choose another name, or replace it")
    );
    assert!(scratch.bad(&["keys", "init", "--dir", "keys"]).contains("keys/root.key: exists already"));
    assert_eq!(before, read());
    let printed = scratch.good(&[&issue[..], &["--force"]].concat());
    assert_ne!(before, read());
    assert_eq!(scratch.mode("keys/car-1.key"), 0o600);
    let secret = read().lines().nth(1).unwrap().to_owned();
    assert!(
        !printed.contains(&secret) && !scratch.good(&["keys", "show", "keys/car-1.key"]).contains(&secret)
    );
    assert!(
        scratch.bad(&["keys", "issue", "--dir", "keys", "--name", "root", "--force"]).contains("neither")
    );
    assert!(scratch.bad(&["keys", "issue", "--dir", "keys", "--name", "../x"]).contains("letters, digits"));
}

#[test]
fn an_encryption_key_is_made_for_its_owner_alone_and_belongs_to_its_credential() {
    let scratch = Scratch::with_keys("encryption");
    let issue = ["keys", "issue", "--dir", "keys", "--encryption", "--name"];
    scratch.good(&[&issue[..], &["bus", "--count", "2"]].concat());
    assert_eq!(scratch.mode("keys/bus-1.x25519"), 0o600);
    let shown = scratch.good(&["keys", "show", "keys/bus-1.cred"]);
    let public = shown.lines().find(|line| line.starts_with("encryption   ")).expect("it is shown");
    let private = scratch.good(&["keys", "show", "keys/bus-1.x25519"]);
    assert!(private.contains(public) && private.contains("private key, X25519"), "{private}");
    let secret = fs::read_to_string(scratch.0.join("keys/bus-1.x25519")).unwrap();
    assert!(!private.contains(secret.lines().nth(1).unwrap()));
    assert!(!scratch.good(&["keys", "show", "keys/car-1.cred"]).contains("encryption"));
    assert!(scratch.bad(&[&issue[..], &["bus", "--count", "2"]].concat()).contains("exists already"));

    let path = |name: &str| scratch.0.join("keys").join(name);
    let load = || {
        let files =
            v2x_node::config::CredentialFiles { credential: path("bus-1.cred"), key: path("bus-1.key") };
        let identity = v2x_node::key_files::load_identity(&files);
        identity.map(|identity| identity.opens()).map_err(|error| error.to_string())
    };
    assert_eq!(load(), Ok(true));
    fs::copy(path("bus-2.x25519"), path("bus-1.x25519")).unwrap();
    assert!(load().unwrap_err().contains("bus-1.x25519 does not belong to "));
    fs::copy(path("bus-1.key"), path("bus-1.x25519")).unwrap();
    let error = load().unwrap_err();
    assert!(error.contains("is a private key of Ed25519; expected the private encryption key"), "{error}");
    fs::remove_file(path("bus-1.x25519")).unwrap();
    let error = load().unwrap_err();
    assert!(error.contains("bus-1.x25519: no such file; "), "{error}");
    fs::write(path("bus-1.x25519"), secret).unwrap();
    fs::set_permissions(path("bus-1.x25519"), fs::Permissions::from_mode(0o640)).unwrap();
    assert!(load().unwrap_err().contains("others can read this private key (mode 0640)"));
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let scratch = Scratch::with_keys("exposed");
    fs::set_permissions(scratch.0.join("keys/issuer.key"), fs::Permissions::from_mode(0o640)).unwrap();
    let complaint = scratch.bad(&["keys", "issue", "--dir", "keys", "--name", "car-2"]);
    assert!(complaint.contains("others can read this private key (mode 0640)"), "{complaint}");
    assert!(complaint.contains("chmod 600 keys/issuer.key"), "{complaint}");
    assert!(!scratch.0.join("keys/car-2.key").exists());
}

#[test]
fn a_credential_is_shown_in_words_and_its_chain_is_checked() {
    let scratch = Scratch::with_keys("show");
    let shown = scratch.good(&["keys", "show", "keys/car-1.cred"]);
    for expected in
        ["credential of a station", "class        vehicle", "awareness, hazard", "chain        holds"]
    {
        assert!(shown.contains(expected), "{shown}");
    }
    let args = ["keys", "issue", "--dir", "keys", "--name", "unit", "--count", "2", "--role", "roadside"];
    scratch.good(&[&args[..], &["--region", "49.6,-6.1,500"]].concat());
    let shown = scratch.good(&["keys", "show", "keys/unit-2.cred"]);
    assert!(
        shown.contains("signal-state") && shown.contains("within 500 m of 49.60000, -6.10000"),
        "{shown}"
    );
    assert!(scratch.good(&["keys", "show", "keys/root.cred"]).contains("credential of a root"));
    assert!(scratch.good(&["keys", "show", "keys/issuer.cred"]).contains("chain        holds"));
    // Another authority's root does not vouch for it: a check that failed, not bad input.
    scratch.good(&["keys", "init", "--dir", "other"]);
    let other =
        ["keys", "show", "keys/car-1.cred", "--root", "other/root.cred", "--issuer", "other/issuer.cred"];
    let said = scratch.run(&other);
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.out.contains("chain        does not hold"), "{}", said.out);
    assert!(said.err.contains("is not known"), "{}", said.err);
}

#[test]
fn what_an_issuer_may_not_give_is_not_issued() {
    let scratch = Scratch::with_keys("refused");
    let issue =
        |more: &[&str]| scratch.bad(&[&["keys", "issue", "--dir", "keys", "--name", "x"], more].concat());
    assert!(issue(&["--hours", "400000"]).contains("its issuer only until"));
    assert!(issue(&["--permissions", "issue"]).contains("cannot issue x"));
    assert!(!scratch.0.join("keys/x.key").exists());
}

#[test]
fn a_credential_permits_what_its_role_does_and_what_is_added() {
    let scratch = Scratch::with_keys("permits");
    let issue = ["keys", "issue", "--dir", "keys", "--force", "--name", "x"];
    let says = |more: &[&str]| {
        scratch.good(&[&issue, more].concat());
        let shown = scratch.good(&["keys", "show", "keys/x.cred"]);
        assert!(shown.lines().all(|line| line.len() <= 80), "{shown}");
        // A long list goes on below.
        let said = &shown[shown.find("permissions ").unwrap()..shown.find("\nregion ").unwrap()];
        said.replace(",\n             ", ", ")
    };
    let usual = "permissions  awareness, hazard, imminent, perception, misbehaviour-report, management";
    assert_eq!(says(&[]), usual);
    assert!(says(&["--role", "emergency"]).contains("imminent, emergency, priority-request, "));
    let also = "emergency,signal-state,negation,wide-area";
    let added = says(&["--also", also]);
    assert!(
        added.contains(", emergency, signal-state, ") && added.contains(", negation, wide-area, "),
        "{added}"
    );
    assert_eq!(says(&["--permissions", "negation, hazard"]), "permissions  hazard, negation");
    let both = scratch.bad(&[&issue[..], &["--also", "vru", "--permissions", "vru"]].concat());
    assert!(both.contains("cannot be used with"), "{both}");
    let unknown = scratch.bad(&[&issue[..], &["--also", "negate"]].concat());
    assert!(
        unknown.contains("`negate` is not a permission; use a comma-separated list of: awareness, "),
        "{unknown}"
    );
}

#[test]
fn a_pool_is_what_was_issued_under_its_name() {
    let scratch = Scratch::with_keys("pool");
    scratch.good(&["keys", "issue", "--dir", "keys", "--name", "bus", "--count", "12"]);
    let load = |name: &str| {
        let own = v2x_node::config::OwnFiles::Pool(scratch.0.join("keys").join(name));
        let files = v2x_node::config::IdentityFiles { own, roots: Vec::new(), issuers: Vec::new() };
        v2x_node::key_files::load_pool(&files)
    };
    assert_eq!(load("bus").unwrap().len(), 12);
    let none = load("tram").unwrap_err().to_string();
    assert!(
        none.contains("tram-1.cred and so on: no such file; make them with: roadcast keys issue"),
        "{none}"
    );
    fs::remove_file(scratch.0.join("keys/bus-7.key")).unwrap();
    assert!(load("bus").unwrap_err().to_string().contains("bus-7.key"));
}
