//! Links over TLS, to a broker with an authority of the test's own.

use std::fs;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use v2x_bridges::broker::BrokerSettings;

use crate::mosquitto::Mosquitto;
use crate::unit::{Declarer, Unit, settings};

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap()
}

/// A broker whose certificate is for `name` and ends in `until`.
fn broker(authority: &CertifiedIssuer<'static, KeyPair>, name: &str, until: i32) -> Option<Mosquitto> {
    let key = KeyPair::generate().unwrap();
    let mut parameters = CertificateParams::new([name.to_owned()]).unwrap();
    parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(until, 1, 1);
    let certificate = parameters.signed_by(&key, authority).unwrap();
    Mosquitto::start_with(|directory: &Path| {
        fs::write(directory.join("cert.pem"), certificate.pem()).unwrap();
        fs::write(directory.join("key.pem"), key.serialize_pem()).unwrap();
        "listener {port} 127.0.0.1\nallow_anonymous true\ncertfile {dir}/cert.pem\nkeyfile {dir}/key.pem\n"
            .to_owned()
    })
}

/// A unit that trusts `authority` alone.
fn unit(name: &str, broker: &Mosquitto, authority: &CertifiedIssuer<'static, KeyPair>) -> Unit {
    let ca = broker.file("ca.pem");
    fs::write(&ca, authority.pem()).unwrap();
    let address = format!("mqtts://127.0.0.1:{}", broker.port()).parse().unwrap();
    Unit::with(name, &BrokerSettings { address, ca: Some(ca), ..settings(name, broker.port()) })
}

async fn error(unit: &Unit) -> String {
    unit.reaches("failures", 1).await;
    assert_eq!(unit.count("connections"), 0);
    unit.status("error").as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_broker_of_the_authority_is_trusted() {
    let authority = authority();
    let Some(broker) = broker(&authority, "127.0.0.1", 2100) else { return };
    let (one, mut other) = (unit("a", &broker, &authority), unit("b", &broker, &authority));
    let hazard = Declarer::new(3).hazard(1, 0);
    one.tell(&hazard);
    assert_eq!(other.next().await.head(), hazard.head());
}

#[tokio::test]
async fn an_expired_certificate_another_authority_and_another_name_are_told_apart() {
    let (own, foreign) = (authority(), authority());
    let Some(expired) = broker(&own, "127.0.0.1", 2021) else { return };
    assert!(
        error(&unit("a", &expired, &own)).await.contains("certificate is not valid at this machine's time")
    );
    let Some(good) = broker(&own, "127.0.0.1", 2100) else { return };
    assert!(error(&unit("a", &good, &foreign)).await.contains("not of an authority that is trusted here"));
    let Some(elsewhere) = broker(&own, "broker.example", 2100) else { return };
    assert!(error(&unit("a", &elsewhere, &own)).await.contains("certificate is for another name"));
}

#[tokio::test]
async fn a_broker_without_tls_is_not_talked_to_in_the_clear() {
    let authority = authority();
    let Some(broker) = Mosquitto::start("") else { return };
    let error = error(&unit("a", &broker, &authority)).await;
    assert!(error.contains("no TLS with it") || error.contains("closed the connection"), "{error}");
}
