//! The files of the checkout: what git tracks, or would.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo;
use crate::failure::{Result, doing};

/// Every file, as a path from the root with forward slashes, sorted.
pub(crate) fn all() -> Result<Vec<String>> {
    let root = cargo::root();
    // Untracked files that are not ignored count too: the next commit may hold them.
    let listing = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(&root)
        .output();
    let mut files = match listing {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout)
            .split('\0')
            .filter(|path| !path.is_empty() && root.join(path).is_file())
            .map(str::to_owned)
            .collect(),
        // An unpacked archive has no git; what is built is all that has to be left out then.
        _ => walk(&root)?,
    };
    files.sort();
    files.dedup();
    Ok(files)
}

/// Every file below a folder that `keep` accepts, with its text.
pub(crate) fn texts(keep: impl Fn(&str) -> bool) -> Result<Vec<(String, String)>> {
    let root = cargo::root();
    let mut texts = Vec::new();
    for path in all()?.into_iter().filter(|path| keep(path)) {
        let bytes = std::fs::read(root.join(&path)).map_err(doing(&path))?;
        // What is not text (a model file, an image) has nothing to say to these checks.
        if let Ok(text) = String::from_utf8(bytes) {
            texts.push((path, text));
        }
    }
    Ok(texts)
}

fn walk(root: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let full = root.join(&folder);
        for entry in std::fs::read_dir(&full).map_err(doing(full.display()))? {
            let entry = entry.map_err(doing(full.display()))?;
            let path = folder.join(entry.file_name());
            let kind = entry.file_type().map_err(doing(path.display()))?;
            if kind.is_dir() && !matches!(entry.file_name().to_str(), Some("target" | ".git")) {
                folders.push(path);
            } else if kind.is_file() {
                files.push(path.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    Ok(files)
}
