//! What root permits on packet sockets: EtherTypes other than those for experiments, and the interfaces.
//!
//! The file is [`PERMITTED`], and no option or variable names another: who may run the program does not choose what it may
//! listen to.

use std::fs::{self, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use radio_adapters::forbidden::{self, Purpose};
use radio_adapters::privilege::{self, CapabilitySet};
use v2x_settings::{Document, SettingsError};

use crate::error::{Complaint, without_numbers};

/// Root's file.
pub const PERMITTED: &str = "/etc/roadcast/permitted.toml";
/// IEEE Std 802's EtherTypes for local experiments, which no product uses: 1 and 2.
pub const EXPERIMENTAL: [u16; 2] = [0x88B5, 0x88B6];

/// Why a packet socket is not opened although the kernel would.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PermittedError {
    /// Frames of another protocol.
    #[error(
        "EtherType {0:#06x} is not permitted: those for experiments are, 0x88b5 and 0x88b6, and what root adds in \
         {PERMITTED}, such as ethertypes = [{0:#06x}]"
    )]
    EtherType(u16),
    /// Root's file names interfaces, and not this one.
    #[error("{interface} is not permitted: {PERMITTED} names {}", permitted.join(", "))]
    Interface {
        /// The one asked for.
        interface: String,
        /// Those named.
        permitted: Vec<String>,
    },
    /// The right comes with the program's file, and no interface is named.
    #[error(
        "{0} is not permitted: the right to packet sockets comes with the program's file (setcap), for everybody who may run it, \
         so root names the interfaces in {PERMITTED}, such as interfaces = [{0:?}]"
    )]
    Unnamed(String),
    /// Root's file cannot be used.
    #[error("{file}: {reason}")]
    File {
        /// The file, or its directory.
        file: String,
        /// Why not, and what would be right.
        reason: String,
    },
    /// A key or value in it is wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The kernel does not say where the right comes from.
    #[error("asking for the process's capabilities: {0}")]
    Rights(io::Error),
}

impl Complaint for PermittedError {}

/// Refuses what root does not permit.
///
/// # Errors
/// [`PermittedError`].
pub fn check(interface: &str, ethertype: u16) -> Result<(), PermittedError> {
    let brought = privilege::of_the_file().map_err(PermittedError::Rights)?;
    let for_everybody = !brought.both(CapabilitySet::NET_RAW).is_empty();
    Permitted::read(Path::new(PERMITTED), ROOT)?.check(interface, ethertype, for_everybody)
}

/// What the file says; without it, nothing beyond [`EXPERIMENTAL`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Permitted {
    /// Beside those for experiments.
    ethertypes: Vec<u16>,
    /// `None`: all, for who has the right without the program's file.
    interfaces: Option<Vec<String>>,
}

impl Permitted {
    fn check(&self, interface: &str, ethertype: u16, for_everybody: bool) -> Result<(), PermittedError> {
        if !EXPERIMENTAL.contains(&ethertype) && !self.ethertypes.contains(&ethertype) {
            return Err(PermittedError::EtherType(ethertype));
        }
        match &self.interfaces {
            None if for_everybody => Err(PermittedError::Unnamed(interface.to_owned())),
            Some(permitted) if !permitted.iter().any(|name| name == interface) => {
                Err(PermittedError::Interface {
                    interface: interface.to_owned(),
                    permitted: permitted.clone(),
                })
            }
            _ => Ok(()),
        }
    }

    /// Reads `path`, of which `owner` alone may be the author.
    fn read(path: &Path, owner: u32) -> Result<Self, PermittedError> {
        let unusable =
            |file: &Path, reason: String| PermittedError::File { file: file.display().to_string(), reason };
        // A link could lead to a file of root's that means something else.
        let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
        let file = match OpenOptions::new().read(true).custom_flags(flags.bits()).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) if error.raw_os_error() == Some(Errno::ELOOP as i32) => {
                return Err(unusable(path, "is a symbolic link; put the file itself there".to_owned()));
            }
            Err(error) => {
                let error = forbidden::explained(error, path, Purpose::Read);
                return Err(unusable(path, without_numbers(&error.to_string())));
            }
        };
        let directory = path.parent().unwrap_or(Path::new("/"));
        let said = |error: io::Error| without_numbers(&error.to_string());
        let found = fs::metadata(directory).map_err(|error| unusable(directory, said(error)))?;
        not_alone(&found, owner).map_or(Ok(()), |reason| Err(unusable(directory, reason)))?;
        // Asked of the open file, so that it is the one that is read.
        let found = file.metadata().map_err(|error| unusable(path, said(error)))?;
        if !found.is_file() {
            return Err(unusable(path, "is no file".to_owned()));
        }
        not_alone(&found, owner).map_or(Ok(()), |reason| Err(unusable(path, reason)))?;
        let mut text = String::new();
        file.take(LONGEST_FILE).read_to_string(&mut text).map_err(|error| unusable(path, said(error)))?;
        Ok(Self::parse(&text, path)?)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, SettingsError> {
        let document = Document::parse(path, text)?;
        let top = document.top(&["ethertypes", "interfaces"])?;
        let mut ethertypes = Vec::new();
        for number in top.integers("ethertypes", MOST)?.unwrap_or_default() {
            // Smaller numbers are lengths (IEEE 802.3).
            let ethertype = u16::try_from(number).ok().filter(|number| *number >= 0x0600);
            ethertypes.push(ethertype.ok_or_else(|| {
                let right = "EtherTypes, 0x0600 to 0xFFFF, such as [0x8947]".to_owned();
                top.wrong("ethertypes", number.to_string(), right)
            })?);
        }
        let right = "a list of interfaces, such as [\"wlan0\"]";
        let interfaces = top.strings("interfaces", right)?;
        if let Some(many) = interfaces.as_ref().map(Vec::len).filter(|count| *count > MOST) {
            return Err(top.wrong("interfaces", format!("{many} interfaces"), format!("at most {MOST}")));
        }
        Ok(Self { ethertypes, interfaces })
    }
}

/// Why somebody other than `owner` may have written it.
fn not_alone(found: &Metadata, owner: u32) -> Option<String> {
    if found.uid() != owner {
        let uid = found.uid();
        Some(format!(
            "belongs to user {uid}, and only root's word counts here; make it root's: chown root:root"
        ))
    } else if found.mode() & 0o022 != 0 {
        let mode = found.mode() & 0o7777;
        Some(format!("others than root may write it (mode {mode:04o}); make it root's alone: chmod go-w"))
    } else {
        None
    }
}

const ROOT: u32 = 0;
/// Of each list: a machine has a handful.
const MOST: usize = 64;
/// Far more than these lists take.
const LONGEST_FILE: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::PathBuf;

    use nix::sys::stat::Mode;
    use nix::unistd::{getuid, mkfifo};
    use proptest::prelude::*;

    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let folder =
                std::env::temp_dir().join(format!("roadcast-permitted-{name}-{}", std::process::id()));
            fs::create_dir_all(&folder).unwrap();
            fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
            Self(folder)
        }

        fn read(&self, owner: u32) -> Result<Permitted, String> {
            Permitted::read(&self.0.join("permitted.toml"), owner).map_err(|error| error.to_string())
        }

        fn write(&self, text: &str, mode: u32) {
            let path = self.0.join("permitted.toml");
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn without_a_file_there_are_the_ethertypes_for_experiments_and_a_file_s_right_opens_nothing() {
        let folder = Folder::new("none");
        let nothing = folder.read(getuid().as_raw()).unwrap();
        assert_eq!(nothing, Permitted::default());
        for ethertype in EXPERIMENTAL {
            assert!(nothing.check("eth0", ethertype, false).is_ok());
            let said = nothing.check("eth0", ethertype, true).unwrap_err().to_string();
            assert!(said.contains("such as interfaces = [\"eth0\"]"), "{said}");
        }
        // IPv4, ARP, IPv6, all, EAPOL, GeoNetworking, WSMP, and the next ones to the two.
        for ethertype in [0x0800, 0x0806, 0x86DD, 0x0003, 0x888E, 0x8947, 0x88DC, 0x88B4, 0x88B7] {
            let said = nothing.check("eth0", ethertype, false).unwrap_err().to_string();
            assert!(said.starts_with(&format!("EtherType {ethertype:#06x} is not permitted: ")), "{said}");
        }
    }

    #[test]
    fn root_s_word_adds_ethertypes_and_names_interfaces() {
        let folder = Folder::new("word");
        folder.write("ethertypes = [0x8947]\ninterfaces = [\"wlan0\", \"rc0\"]\n", 0o644);
        let permitted = folder.read(getuid().as_raw()).unwrap();
        for for_everybody in [false, true] {
            assert!(permitted.check("wlan0", 0x8947, for_everybody).is_ok());
            assert!(permitted.check("rc0", 0x88B6, for_everybody).is_ok());
            assert!(permitted.check("rc0", 0x0800, for_everybody).is_err());
            let said = permitted.check("eth0", 0x88B5, for_everybody).unwrap_err().to_string();
            assert_eq!(said, format!("eth0 is not permitted: {PERMITTED} names wlan0, rc0"));
        }
    }

    #[test]
    fn the_example_permits_one_interface_and_no_other_protocol() {
        let text = include_str!("../../../examples/permitted.toml");
        let permitted = Permitted::parse(text, Path::new("permitted.toml")).unwrap();
        assert_eq!(
            permitted,
            Permitted { ethertypes: Vec::new(), interfaces: Some(vec!["wlan0".to_owned()]) }
        );
        let all = text.replace("# ethertypes", "ethertypes");
        assert_eq!(Permitted::parse(&all, Path::new("p.toml")).unwrap().ethertypes, [0x8947]);
    }

    #[test]
    fn a_file_that_others_may_have_written_is_refused_and_not_left_out() {
        let (folder, owner) = (Folder::new("others"), getuid().as_raw());
        folder.write("ethertypes = [0x0800]\n", 0o644);
        let said = folder.read(owner + 1).unwrap_err();
        assert!(said.contains(&format!("belongs to user {owner}, and only root's word counts")), "{said}");
        for mode in [0o664, 0o646, 0o666] {
            folder.write("ethertypes = [0x0800]\n", mode);
            let said = folder.read(owner).unwrap_err();
            assert!(said.contains(&format!("(mode {mode:04o}); make it root's alone")), "{said}");
        }
        folder.write("", 0o644);
        fs::set_permissions(&folder.0, Permissions::from_mode(0o777)).unwrap();
        let said = folder.read(owner).unwrap_err();
        assert!(said.starts_with(&folder.0.display().to_string()) && said.contains("(mode 0777)"), "{said}");
        fs::set_permissions(&folder.0, Permissions::from_mode(0o755)).unwrap();
        let path = folder.0.join("permitted.toml");
        fs::rename(&path, folder.0.join("other")).unwrap();
        symlink("other", &path).unwrap();
        assert!(folder.read(owner).unwrap_err().contains("is a symbolic link"));
        fs::remove_file(&path).unwrap();
        mkfifo(&path, Mode::S_IRUSR).unwrap();
        assert!(folder.read(owner).unwrap_err().contains("is no file"), "and it is not waited for");
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(folder.read(owner).unwrap_err().contains("is no file"));
    }

    #[test]
    fn what_is_wrong_in_it_is_named() {
        let folder = Folder::new("wrong");
        for (text, expected) in [
            (
                "ethertypes = [0x0003]",
                "permitted.toml:1: ethertypes: found 3, expected EtherTypes, 0x0600 to 0xFFFF",
            ),
            ("ethertypes = [65536]", "ethertypes: found 65536, expected EtherTypes"),
            ("ethertype = 0x8947", "ethertype: unknown key; known keys here: ethertypes, interfaces"),
            ("interfaces = \"wlan0\"", "interfaces: found \"wlan0\", expected a list of interfaces"),
            ("interfaces = []", "interfaces: found an empty list, expected a list of interfaces"),
            ("interfaces", "permitted.toml:1: not TOML"),
        ] {
            folder.write(text, 0o600);
            let said = folder.read(getuid().as_raw()).unwrap_err();
            assert!(said.contains(expected), "{said}\n{expected}");
        }
    }

    proptest! {
        #[test]
        fn no_text_permits_what_it_does_not_name(text in "(ethertypes|interfaces)?[ =\\[\\]\"0-9a-fx,\n]{0,40}") {
            let Ok(permitted) = Permitted::parse(&text, Path::new("p.toml")) else { return Ok(()) };
            for ethertype in permitted.ethertypes {
                prop_assert!(ethertype >= 0x0600);
                let decimal = text.contains(&ethertype.to_string());
                prop_assert!(decimal || text.contains("0x"));
            }
        }
    }
}
