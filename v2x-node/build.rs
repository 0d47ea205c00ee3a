//! The commit the program is built from, for `--version` and reports: from the environment, the repository's own files,
//! or what `git archive` wrote into a source archive. Without any of them the version stands alone. Git itself is not
//! asked, and the script runs again only when the commit that is checked out changes.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("..");
    println!("cargo:rerun-if-env-changed=ROADCAST_COMMIT");
    println!("cargo:rerun-if-changed=build.rs");
    let given = env::var("ROADCAST_COMMIT").ok();
    let commit = given.or_else(|| checked_out(&root)).or_else(|| archived(&root));
    let commit = commit.map(|text| text.trim().to_owned()).filter(|text| is_commit(text));
    let version = env::var("CARGO_PKG_VERSION").expect("cargo sets it");
    match commit {
        Some(commit) => {
            let short = &commit[..commit.len().min(12)];
            println!("cargo:rustc-env=ROADCAST_BUILT_FROM={short}");
            println!("cargo:rustc-env=ROADCAST_VERSION={version} ({short})");
        }
        None => println!("cargo:rustc-env=ROADCAST_VERSION={version}"),
    }
}

/// The commit that is checked out in the repository whose root this is; not one that happens to lie around it.
fn checked_out(root: &Path) -> Option<String> {
    let dot_git = root.join(".git");
    let git = match fs::read_to_string(&dot_git) {
        // A worktree or submodule.
        Ok(text) => root.join(text.strip_prefix("gitdir:")?.trim()),
        Err(_) => dot_git,
    };
    let head = read(&git.join("HEAD"))?;
    // A branch of packed references has no file of its own to watch.
    read(&git.join("logs/HEAD"));
    let Some(name) = head.strip_prefix("ref:").map(str::trim) else { return Some(head) };
    // Branches of a worktree are kept with the repository.
    let common = fs::read_to_string(git.join("commondir")).map_or(git.clone(), |text| git.join(text.trim()));
    read(&common.join(name)).or_else(|| {
        let packed = read(&common.join("packed-refs"))?;
        let line = packed.lines().find(|line| line.ends_with(&format!(" {name}")))?;
        line.split_whitespace().next().map(str::to_owned)
    })
}

/// Reads a file, and has the script run again when it changes. One that is missing would have it run every time.
fn read(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    println!("cargo:rerun-if-changed={}", path.display());
    Some(text)
}

/// The commit of a source archive: `git archive` fills it in.
fn archived(root: &Path) -> Option<String> {
    read(&root.join(".commit"))
}

/// An archive of another kind leaves `$Format:%H$` as it is.
fn is_commit(text: &str) -> bool {
    text.len() >= 7 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
