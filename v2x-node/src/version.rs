//! Which program this is.

/// Version and, where known, commit: `0.1.0 (0123456789ab)`.
pub const VERSION: &str = env!("ROADCAST_VERSION");
/// The same with the program's name.
pub const SOFTWARE: &str = concat!("roadcast ", env!("ROADCAST_VERSION"));
/// The first twelve digits of the commit that was checked out when the program was built.
pub const COMMIT: Option<&str> = option_env!("ROADCAST_BUILT_FROM");
