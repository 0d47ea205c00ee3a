//! Text files of bounded length.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// The text of a file; `None` when it is longer than `limit` bytes.
///
/// # Errors
/// The file cannot be read, or is not UTF-8 text.
pub(crate) fn read(path: &Path, limit: u64) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Ok(None);
    }
    // The library's own words name neither the file nor what would be right.
    String::from_utf8(bytes)
        .map(Some)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not UTF-8 text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_too_long_before_it_is_no_text_and_binary_is_said_to_be_none() {
        let path = std::env::temp_dir().join(format!("roadcast-text-{}", std::process::id()));
        std::fs::write(&path, "wäre").unwrap();
        assert_eq!(read(&path, 5).unwrap().as_deref(), Some("wäre"));
        // Cut off within the second letter.
        assert_eq!(read(&path, 1).unwrap(), None);
        std::fs::write(&path, b"\xff\xfe").unwrap();
        assert_eq!(read(&path, 5).unwrap_err().to_string(), "not UTF-8 text");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(read(&path, 5).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
