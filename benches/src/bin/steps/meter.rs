//! Steps of the program itself, counted by the compiler: how often each branch of it was taken.
//!
//! `-Cprofile-generate` puts a counter of 64 bits on enough edges of every function, those of libraries and of the standard
//! library's generics included, that the rest follows from them; no loop is without one. They lie side by side in the
//! section `__llvm_prf_cnts` of the program, and a program may read its own memory. The sum of all counters after some
//! work less the sum before it is what is called steps here: the same on every machine and in every run, whatever else
//! the machine does. What memory moves and system calls cost does not show.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;

/// Reads the counters.
#[derive(Debug)]
pub struct Meter {
    memory: File,
    at: u64,
    before: Vec<u8>,
    after: Vec<u8>,
    /// What it costs to measure nothing.
    idle: u64,
}

impl Meter {
    /// Finds the counters of this program.
    ///
    /// # Errors
    ///
    /// It was built without them, or the kernel does not let it read its own memory.
    pub fn new() -> io::Result<Self> {
        let image = fs::read("/proc/self/exe")?;
        let section = section(&image, SECTION).ok_or_else(|| {
            io::Error::other(
                "this program counts no steps: it is built with -Cprofile-generate, see benches/steps.sh",
            )
        })?;
        let at = section.address + load_address()?;
        let room = vec![0; section.length as usize];
        let memory = File::open("/proc/self/mem")?;
        let mut meter = Self { memory, at, before: room.clone(), after: room, idle: 0 };
        // Twice: the first time its buffers are not yet in memory.
        for _ in 0..2 {
            meter.idle = 0;
            meter.idle = meter.steps(|| ())?.1;
        }
        Ok(meter)
    }

    /// Does some work; returns what came of it, and its steps.
    ///
    /// # Errors
    ///
    /// The counters cannot be read.
    pub fn steps<T>(&mut self, work: impl FnOnce() -> T) -> io::Result<(T, u64)> {
        self.memory.read_exact_at(&mut self.before, self.at)?;
        let result = work();
        self.memory.read_exact_at(&mut self.after, self.at)?;
        let steps = sum(&self.after).wrapping_sub(sum(&self.before));
        Ok((result, steps.saturating_sub(self.idle)))
    }
}

fn sum(counters: &[u8]) -> u64 {
    counters.as_chunks::<8>().0.iter().fold(0, |sum: u64, count| sum.wrapping_add(u64::from_le_bytes(*count)))
}

/// Where a section of the program lies before it is moved to its load address, and its length in bytes.
#[derive(Clone, Copy, Debug)]
struct Section {
    address: u64,
    length: u64,
}

/// A section of an ELF image of 64 bits by its name (System V ABI, chapter 4: header, section headers, string table).
fn section(image: &[u8], name: &[u8]) -> Option<Section> {
    let headers = word(image, 0x28)? as usize;
    let size = usize::from(half(image, 0x3a)?);
    let (count, names) = (usize::from(half(image, 0x3c)?), usize::from(half(image, 0x3e)?));
    let header = |n: usize| headers + n * size;
    let names = word(image, header(names) + 0x18)? as usize;
    let found = (0..count).map(header).find(|header| {
        let start = names
            + half(image, *header).map_or(0, usize::from)
            + (half(image, header + 2).map_or(0, usize::from) << 16);
        image.get(start..start + name.len()) == Some(name)
    })?;
    Some(Section { address: word(image, found + 0x10)?, length: word(image, found + 0x20)? })
}

fn word(image: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*image.get(at..)?.first_chunk()?))
}

fn half(image: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*image.get(at..)?.first_chunk()?))
}

/// Where the kernel has put the program: the start of its first mapping (proc(5), `maps`).
fn load_address() -> io::Result<u64> {
    let program = fs::read_link("/proc/self/exe")?;
    let maps = fs::read_to_string("/proc/self/maps")?;
    let first = maps.lines().find(|line| line.ends_with(&*program.to_string_lossy()));
    let start = first.and_then(|line| u64::from_str_radix(line.split('-').next()?, 16).ok());
    start.ok_or_else(|| io::Error::other("the program is not in its own list of mappings"))
}

const SECTION: &[u8] = b"__llvm_prf_cnts\0";
