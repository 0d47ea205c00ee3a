//! Bridges in network namespaces: what leaves the machine, and peers found by multicast. Needs root and `ip`.

use std::fs::{self, File};
use std::os::fd::AsRawFd as _;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc as channels;
use std::thread;

use nix::sched::{CloneFlags, setns, unshare};

use super::*;
use crate::config::Config;

/// Runs `test` on a thread in a network namespace of its own, which the kernel removes with the thread.
fn in_a_namespace(test: impl FnOnce() + Send + 'static) {
    if let Some(reason) = std::env::var_os("ROADCAST_WITHOUT_NAMESPACES") {
        return eprintln!("skipped: {}", reason.to_string_lossy());
    }
    let thread = thread::spawn(|| {
        let entered = unshare(CloneFlags::CLONE_NEWNET).map_err(|error| error.to_string());
        match entered.and_then(|()| ip("link set lo up")) {
            Ok(()) => test(),
            Err(why) => {
                assert!(
                    std::env::var_os("ROADCAST_CI").is_none(),
                    "a network namespace needs root and ip: {why}"
                );
                eprintln!("skipped: needs root and ip for a network namespace: {why}");
            }
        }
    });
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// Runs `ip` with these words in the calling thread's namespace.
fn ip(words: &str) -> Result<(), String> {
    let output = Command::new("ip")
        .args(words.split(' '))
        .output()
        .map_err(|error| format!("cannot run ip: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("ip {words}: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(future)
}

/// Packets that left the calling thread's namespace by an interface.
fn sent_by(interface: &str) -> u64 {
    let table = fs::read_to_string("/proc/thread-self/net/dev").unwrap();
    let line = table.lines().find_map(|line| line.trim().strip_prefix(&format!("{interface}:")));
    line.unwrap().split_whitespace().nth(9).unwrap().parse().unwrap()
}

/// Interface `out0` with the default route: whatever is sent anywhere leaves by it, or asks there for the way.
fn with_a_way_out() {
    for words in [
        "link add out0 type veth peer name far0",
        "link set out0 addrgenmode none",
        "link set far0 addrgenmode none",
        "link set out0 up",
        "link set far0 up",
        "address add 10.79.0.1/24 dev out0",
        "route add default via 10.79.0.2",
    ] {
        ip(words).unwrap();
    }
}

#[test]
fn with_the_default_configuration_nothing_leaves_the_machine() {
    in_a_namespace(|| {
        with_a_way_out();
        let before = sent_by("out0");
        run(async {
            let text = format!(
                "[bridge]\nname = \"rsu-1\"\nkey = \"bridge.key\"\n[peers]\n[[peer]]\nname = \"unit-2\"\nkey = \"{}\"\n",
                key(2)
            );
            let config = Config::parse(Path::new("bridge.toml"), &text).unwrap();
            let first = unit(1, config.peers.unwrap()).await;
            let second = unit(2, settings(vec![peer(1, vec!["127.0.0.1:4747".parse().unwrap()])])).await;
            // Four seconds, with a link inside the machine besides.
            second.until(1, |peer| peer["heartbeats"].as_u64() > Some(4)).await;
            first.connected(2).await;
        });
        assert_eq!(sent_by("out0"), before);
        // What is configured does leave it, or else the count above shows nothing.
        run(async {
            let asks = PeersSettings {
                mdns: true,
                listen: vec!["0.0.0.0:0".parse().unwrap()],
                ..settings(Vec::new())
            };
            let _unit = unit(1, asks).await;
            let poll = async {
                while sent_by("out0") == before {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            timeout(PATIENCE, poll).await.expect("multicast DNS was not sent");
        });
    });
}

/// A thread in a namespace of its own with an address on the bridge `br0` of the caller's, which runs `test`.
fn on_the_bridge(number: u8, test: impl FnOnce() + Send + 'static) -> thread::JoinHandle<()> {
    let (near, far) = (format!("a{number}"), format!("b{number}"));
    ip(&format!("link add {near} type veth peer name {far}")).unwrap();
    ip(&format!("link set {near} master br0 up")).unwrap();
    let here = File::open("/proc/thread-self/ns/net").unwrap();
    let (ready, wait) = channels::channel();
    let thread = thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        let own = File::open("/proc/thread-self/ns/net").unwrap();
        setns(&here, CloneFlags::CLONE_NEWNET).unwrap();
        ip(&format!("link set {far} netns /proc/{}/fd/{}", std::process::id(), own.as_raw_fd())).unwrap();
        setns(&own, CloneFlags::CLONE_NEWNET).unwrap();
        for words in [
            "link set lo up".to_owned(),
            format!("address add 10.79.1.{number}/24 dev {far}"),
            format!("link set {far} up"),
            format!("route add default dev {far}"),
        ] {
            ip(&words).unwrap();
        }
        ready.send(()).unwrap();
        test();
    });
    wait.recv().unwrap();
    thread
}

#[test]
fn peers_on_one_local_network_find_each_other_by_multicast_dns() {
    in_a_namespace(|| {
        ip("link add br0 type bridge mcast_snooping 0").unwrap();
        ip("link set br0 up").unwrap();
        // Neither ends before the other has seen enough.
        let both = Arc::new(tokio::sync::Barrier::new(2));
        let of = |seed, other| {
            let both = Arc::clone(&both);
            move || {
                run(async {
                    let listen = vec!["0.0.0.0:0".parse().unwrap()];
                    let looks =
                        PeersSettings { mdns: true, listen, ..settings(vec![peer(other, Vec::new())]) };
                    let unit = unit(seed, looks).await;
                    let status = unit.connected(other).await;
                    assert!(status["address"].as_str().unwrap().starts_with("10.79.1."), "{status}");
                    timeout(PATIENCE, both.wait()).await.expect("the other has not found this one");
                });
            }
        };
        let units = [on_the_bridge(1, of(1, 2)), on_the_bridge(2, of(2, 1))];
        for unit in units {
            if let Err(panic) = unit.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
}
