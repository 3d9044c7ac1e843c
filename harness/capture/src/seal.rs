//! `BLAKE3SUMS`: one line per file, as `b3sum` writes and checks them.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::durable::write_bytes;
use crate::error::{CaptureError, Result};

/// The name of the list.
const SUMS: &str = "BLAKE3SUMS";

/// Writes the checksums of everything in a run directory, in the order of the paths.
///
/// # Errors
/// If a file cannot be read or the list cannot be written.
pub fn seal(directory: &Path) -> Result<()> {
    let mut files = Vec::new();
    collect(directory, Path::new(""), &mut files)?;
    files.sort();
    let mut text = String::new();
    for file in files {
        let sum = checksum(&directory.join(&file))?;
        text.push_str(&format!("{sum}  {}\n", file.display()));
    }
    write_bytes(directory, SUMS, text.as_bytes())
}

/// Compares a run directory with its checksums and returns the files that are missing, changed or not listed.
///
/// # Errors
/// If there are no checksums or a file cannot be read.
pub fn verify_seal(directory: &Path) -> Result<Vec<PathBuf>> {
    let path = directory.join(SUMS);
    let text = std::fs::read_to_string(&path).map_err(CaptureError::io("read", &path))?;
    let mut present = Vec::new();
    collect(directory, Path::new(""), &mut present)?;
    let mut wrong = Vec::new();
    for line in text.lines() {
        let Some((sum, name)) = line.split_once("  ") else {
            continue;
        };
        match present.iter().position(|file| file == Path::new(name)) {
            None => wrong.push(PathBuf::from(name)),
            Some(at) => {
                let file = present.swap_remove(at);
                if checksum(&directory.join(&file))? != sum {
                    wrong.push(file);
                }
            }
        }
    }
    wrong.extend(present);
    wrong.sort();
    Ok(wrong)
}

/// Regular files below `directory/below`, without temporary files and the list itself; links are not followed.
fn collect(directory: &Path, below: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let place = directory.join(below);
    for entry in std::fs::read_dir(&place).map_err(CaptureError::io("list", &place))? {
        let entry = entry.map_err(CaptureError::io("list", &place))?;
        let name = entry.file_name();
        let kind = entry
            .file_type()
            .map_err(CaptureError::io("examine", &entry.path()))?;
        let hidden = name.as_encoded_bytes().starts_with(b".");
        if kind.is_dir() {
            collect(directory, &below.join(&name), files)?;
        } else if kind.is_file() && !hidden && name != SUMS {
            files.push(below.join(&name));
        }
    }
    Ok(())
}

fn checksum(path: &Path) -> Result<String> {
    let mut hasher = blake3::Hasher::new();
    let file = File::open(path).map_err(CaptureError::io("open", path))?;
    hasher
        .update_reader(file)
        .map_err(CaptureError::io("read", path))?;
    Ok(hasher.finalize().to_hex().to_string())
}
