//! The file of a model: whether it is there, whole, and of a kind that can be run.

use std::fs::{self, File};
use std::io::{ErrorKind as IoKind, Read};
use std::path::Path;
use std::time::SystemTime;

use backstop_core::{Error, ErrorKind};

use super::network::Architecture;
use super::sizes;
use crate::in_process::{Gguf, Unread};

/// How much of a file is read at first to find its head; vocabularies take some megabytes.
const FIRST: u64 = 8 << 20;

/// The largest head that is read.
const HEAD_MAX: u64 = 512 << 20;

/// What tells one state of a file from another.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    length: u64,
    changed: Option<SystemTime>,
}

/// What the head of a file says, and the head itself.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) stamp: Stamp,
    pub(super) architecture: Architecture,
    /// How many tokens question and answer may have together.
    pub(super) window: u32,
    pub(super) bytes: Vec<u8>,
}

/// Which state the file is in.
pub(super) fn stamp(path: &Path) -> Result<Stamp, Error> {
    let meta = fs::metadata(path).map_err(|cause| unreadable(path, cause))?;
    if meta.is_dir() {
        return Err(wrong(path, "is a folder: name the .gguf file in it"));
    }
    if !meta.is_file() {
        return Err(wrong(path, "is no file: name the .gguf file itself"));
    }
    Ok(Stamp { length: meta.len(), changed: meta.modified().ok() })
}

/// Reads and checks the head of a file.
pub(super) fn head(path: &Path) -> Result<Head, Error> {
    let stamp = stamp(path)?;
    let mut file = File::open(path).map_err(|cause| unreadable(path, cause))?;
    let mut bytes = Vec::new();
    let mut wanted = FIRST;
    loop {
        let more = wanted.min(stamp.length).saturating_sub(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        bytes.reserve_exact(usize::try_from(more).unwrap_or_default());
        file.by_ref().take(more).read_to_end(&mut bytes).map_err(|cause| unreadable(path, cause))?;
        match Gguf::read_head(&bytes, stamp.length) {
            Ok(_) => break,
            Err(Unread::Short) if wanted < stamp.length && wanted < HEAD_MAX => wanted *= 4,
            Err(Unread::Short) => return Err(wrong(path, "ends in the midst of its head: it was cut off")),
            Err(Unread::Damaged(damaged)) => return Err(wrong(path, &format!("cannot be used: {damaged}"))),
        }
    }
    let described =
        Gguf::read_head(&bytes, stamp.length).map_err(|_| wrong(path, "changes while it is read"))?;
    let damaged = |damaged: crate::in_process::Damaged| wrong(path, &format!("cannot be used: {damaged}"));
    let name = described.text("general.architecture").map_err(damaged)?;
    let Some(architecture) = Architecture::of(name) else {
        let known = Architecture::NAMES.join(", ");
        return Err(wrong(
            path,
            &format!("is of the architecture {name:?}, which cannot be run; known are {known}"),
        ));
    };
    let window =
        sizes::window(&described, name, stamp.length).map_err(damaged)?.min(architecture.most_tokens());
    Ok(Head { stamp, architecture, window, bytes })
}

/// Whether the weights and what an answer needs beside them fit into the memory that is free.
pub(super) fn fits(path: &Path, stamp: Stamp) -> Result<(), Error> {
    // Where the system does not tell, one has to try.
    let Some(free) = fs::read_to_string("/proc/meminfo").ok().and_then(|text| available(&text)) else {
        return Ok(());
    };
    let needed = stamp.length + stamp.length / 8;
    if needed <= free {
        return Ok(());
    }
    let mib = |bytes: u64| bytes >> 20;
    let problem = format!(
        "is too large for the memory: it needs about {} MiB, and {} MiB are free; use a smaller quantisation",
        mib(needed),
        mib(free)
    );
    Err(wrong(path, &problem))
}

fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// The error of a file that has to be replaced or configured otherwise.
pub(super) fn wrong(path: &Path, problem: &str) -> Error {
    Error::new(ErrorKind::NotConfigured, format!("the model file {} {problem}", path.display()))
}

fn unreadable(path: &Path, cause: std::io::Error) -> Error {
    let problem = match cause.kind() {
        IoKind::NotFound => "does not exist: download it, or correct its path in `models`".to_owned(),
        IoKind::PermissionDenied => "may not be read: change its permissions".to_owned(),
        _ => format!("cannot be read: {cause}"),
    };
    wrong(path, &problem).with_source(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_free_is_read_from_where_linux_tells_it() {
        assert_eq!(available("MemTotal: 10 kB\nMemAvailable:   2048 kB\n"), Some(2 << 20));
        assert_eq!(available("MemTotal: 10 kB\n"), None);
    }

    #[test]
    fn a_file_larger_than_the_memory_is_refused_with_both_numbers() {
        let stamp = Stamp { length: 1 << 60, changed: None };
        if fs::metadata("/proc/meminfo").is_ok() {
            let error = fits(Path::new("huge.gguf"), stamp).unwrap_err();
            assert!(error.message().contains("MiB are free"), "{error}");
        }
    }
}
