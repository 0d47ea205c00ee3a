//! The local control socket: programs on this machine declare, update, cancel and watch hazards of a running daemon,
//! have it ask intersections for priority, and read its status. The protocol is [`v2x_api`]'s; this is the daemon's end.

mod draft;
pub mod handler;
pub mod outbox;
pub mod priority;
pub mod server;
pub mod socket;
mod vehicle;
pub mod view;

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
