//! Revocations and series: `roadcast keys revoke`.

use super::*;

#[test]
fn revocations_are_made_shown_and_followed_up() {
    let scratch = Scratch::with_keys("revoke");
    let said = scratch.good(&[
        "keys",
        "revoke",
        "--dir",
        "keys",
        "--credential",
        "keys/car-1.cred",
        "--out",
        "keys/one.rev",
    ]);
    let shown = scratch.good(&["keys", "show", "keys/car-1.cred"]);
    let digest = shown.lines().find_map(|line| line.strip_prefix("digest       ")).unwrap();
    assert!(said.contains(&format!("revokes      {digest}")), "{said}");
    let shown = scratch.good(&["keys", "show", "keys/one.rev"]);
    assert!(shown.contains("signature    valid") && shown.contains(digest), "{shown}");
    // The next is complete, and never grows to a whole series by itself.
    let other = "0123456789abcdef";
    let next = ["--after", "keys/one.rev", "--series", "0", "--digest", other, "--out", "keys/two.rev"];
    let said = scratch.good(&[&["keys", "revoke", "--dir", "keys"][..], &next].concat());
    assert!(said.contains(digest) && said.contains(other) && !said.contains("every credential"), "{said}");
    let renew = ["keys", "revoke", "--dir", "keys", "--after", "keys/one.rev", "--out", "keys/three.rev"];
    let said = scratch.good(&renew);
    assert!(said.contains(digest) && !said.contains("every credential"), "{said}");
    let series = ["keys", "revoke", "--dir", "keys", "--series", "7", "--out", "keys/seven.rev"];
    assert!(scratch.good(&series).contains("revokes      every credential of series 7"));
}

#[test]
fn a_revocation_of_nothing_or_by_somebody_else_is_refused() {
    let scratch = Scratch::with_keys("revoke-wrong");
    fn revoke(rest: &[&'static str]) -> Vec<&'static str> {
        [&["keys", "revoke", "--dir", "keys", "--out", "a.rev"][..], rest].concat()
    }
    assert!(scratch.bad(&revoke(&[])).contains("nothing to revoke; give --digest, --credential or --series"));
    assert!(scratch.bad(&revoke(&["--digest", "xyz"])).contains("expected 16 hex digits"));
    scratch.good(&revoke(&["--series", "3"]));
    assert!(scratch.bad(&revoke(&["--series", "3"])).contains("exists already"));
    let other_list = revoke(&["--force", "--series", "4", "--after", "a.rev"]);
    assert!(scratch.bad(&other_list).contains("a.rev: not a delta of series 4 of this issuer"));
    scratch.good(&["keys", "init", "--dir", "others"]);
    let strange = ["keys", "show", "a.rev", "--root", "others/root.cred", "--issuer", "others/issuer.cred"];
    let said = scratch.run(&strange);
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.err.contains("is not trusted here"), "{}", said.err);
    assert!(scratch.bad(&["keys", "show", "keys/car-1.key", "--root"]).contains("--root"));
}

#[test]
fn series_are_given_to_all_credentials_of_a_vehicle() {
    let scratch = Scratch::with_keys("series");
    let issue = ["keys", "issue", "--dir", "keys", "--name", "taxi", "--count", "2", "--series", "41"];
    scratch.good(&issue);
    for name in ["keys/taxi-1.cred", "keys/taxi-2.cred"] {
        assert!(scratch.good(&["keys", "show", name]).contains("revocation   series 41"));
    }
}
