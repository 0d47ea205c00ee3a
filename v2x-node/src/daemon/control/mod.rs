//! The local control socket: programs on this machine read what a running daemon knows and watch what happens to it, declare
//! hazards, and have it ask intersections for priority. The protocol is [`v2x_api`]'s; this is the daemon's end.

mod answers;
mod client;
pub mod crossings;
pub mod desk;
mod draft;
pub mod feed;
pub mod figures;
pub mod filter;
pub mod handler;
pub mod input;
pub mod message_view;
pub mod neighbour_view;
pub mod outbox;
pub mod priority;
mod protobuf;
pub mod publish;
pub mod publishing;
pub mod server;
pub mod socket;
mod told;
mod topic;
mod vehicle;
pub mod view;
mod watched;

#[cfg(test)]
pub(crate) mod scratch {
    //! Directories of tests, short enough for sockets.

    use std::path::{Path, PathBuf};

    /// A directory of its own, removed at the end.
    pub(crate) struct Scratch(PathBuf);

    impl Scratch {
        pub(crate) fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("rc-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        pub(crate) fn path(&self, name: &str) -> PathBuf {
            self.0.join(name)
        }
    }

    impl AsRef<Path> for Scratch {
        fn as_ref(&self) -> &Path {
            &self.0
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            drop(std::fs::remove_dir_all(&self.0));
        }
    }
}
