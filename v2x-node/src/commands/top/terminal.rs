//! The terminal while a table lives on it: keys as they are pressed, and everything as before at the end.

use core::time::Duration;
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::os::fd::AsFd as _;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use terminal_size::{Height, Width, terminal_size};

/// A terminal with a screen of our own.
pub(super) struct Terminal {
    before: Termios,
}

/// What a user pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// A letter, or whatever else one byte is.
    Char(char),
    Up,
    Down,
    PageUp,
    PageDown,
    /// Ctrl-C, or nobody types any longer.
    End,
}

impl Terminal {
    /// Takes the terminal; `None` where standard input or output is none.
    pub fn take() -> io::Result<Option<Self>> {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        if dumb || !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Ok(None);
        }
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        // Ctrl-C comes as a key, so that it leaves the terminal as it was.
        raw.local_flags.remove(LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG);
        tcsetattr(io::stdin(), SetArg::TCSANOW, &raw)?;
        // Alternate screen, no cursor.
        write(b"\x1b[?1049h\x1b[?25l")?;
        Ok(Some(Self { before }))
    }

    /// Columns and rows.
    pub fn size() -> (usize, usize) {
        terminal_size().map_or((80, 24), |(Width(columns), Height(rows))| (columns.into(), rows.into()))
    }

    /// Replaces what is on the screen.
    pub fn draw(&self, lines: &[String]) -> io::Result<()> {
        let mut bytes = b"\x1b[H".to_vec();
        for (number, line) in lines.iter().enumerate() {
            bytes.extend_from_slice(if number > 0 { b"\r\n" } else { b"" });
            bytes.extend_from_slice(line.as_bytes());
            // The rest of the row is of the table before.
            bytes.extend_from_slice(b"\x1b[K");
        }
        bytes.extend_from_slice(b"\x1b[J");
        write(&bytes)
    }

    /// The next key within this time.
    pub fn key(&self, within: Duration) -> io::Result<Option<Key>> {
        let input = io::stdin();
        let mut fds = [PollFd::new(input.as_fd(), PollFlags::POLLIN)];
        let millis = u16::try_from(within.as_millis()).unwrap_or(u16::MAX);
        match poll(&mut fds, PollTimeout::from(millis)) {
            Ok(0) | Err(nix::errno::Errno::EINTR) => return Ok(None),
            Ok(_) => {}
            Err(errno) => return Err(errno.into()),
        }
        let mut bytes = [0; 16];
        let count = input.lock().read(&mut bytes)?;
        Ok(key_of(&bytes[..count]))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Nothing is left to do when the terminal has gone.
        let _refused = tcsetattr(io::stdin(), SetArg::TCSANOW, &self.before);
        drop(write(b"\x1b[?25h\x1b[?1049l"));
    }
}

/// The key that these bytes are, as terminals send them (ECMA-48, xterm); the last of several.
fn key_of(bytes: &[u8]) -> Option<Key> {
    match bytes {
        [] | [.., CTRL_C] => Some(Key::End),
        [.., ESCAPE, b'[' | b'O', b'A'] => Some(Key::Up),
        [.., ESCAPE, b'[' | b'O', b'B'] => Some(Key::Down),
        [.., ESCAPE, b'[', b'5', b'~'] => Some(Key::PageUp),
        [.., ESCAPE, b'[', b'6', b'~'] => Some(Key::PageDown),
        [.., ESCAPE, b'[' | b'O', _] | [.., ESCAPE] => None,
        [.., last] => Some(Key::Char(char::from(*last))),
    }
}

fn write(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

const CTRL_C: u8 = 3;
const ESCAPE: u8 = 0x1b;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_terminals_send_them() {
        for (bytes, key) in [
            (&b"d"[..], Some(Key::Char('d'))),
            (b"\x1b[A", Some(Key::Up)),
            (b"\x1bOB", Some(Key::Down)),
            (b"\x1b[5~", Some(Key::PageUp)),
            (b"\x1b[6~", Some(Key::PageDown)),
            (b"\x1b[C", None),
            (b"\x1b", None),
            (b"\x03", Some(Key::End)),
            (b"", Some(Key::End)),
            (b"ab", Some(Key::Char('b'))),
        ] {
            assert_eq!(key_of(bytes), key, "{bytes:?}");
        }
    }
}
