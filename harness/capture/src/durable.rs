//! Documents that are either wholly there or not there: temporary file, fsync, rename, fsync of the directory.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::{CaptureError, Result};

/// Writes `name` in `dir`, durably and at once; a crash leaves the old document or the new one.
pub(crate) fn write_bytes(dir: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    write_with(dir, name, |file, path| {
        file.write_all(bytes).map_err(CaptureError::io("write", path))
    })
}

/// Writes `value` as indented JSON with a final newline, streamed, so that a large plan is never in memory twice.
pub(crate) fn write_json<T: Serialize + ?Sized>(dir: &Path, name: &str, value: &T) -> Result<()> {
    write_with(dir, name, |file, path| {
        serde_json::to_writer_pretty(&mut *file, value).map_err(CaptureError::json(path))?;
        file.write_all(b"\n").map_err(CaptureError::io("write", path))
    })
}

fn write_with(
    dir: &Path,
    name: &str,
    fill: impl FnOnce(&mut BufWriter<File>, &Path) -> Result<()>,
) -> Result<()> {
    let target = dir.join(name);
    let temporary = dir.join(format!(".{name}.tmp"));
    let file = fresh(&temporary)?;
    let mut writer = BufWriter::new(file);
    fill(&mut writer, &target)?;
    let file = writer
        .into_inner()
        .map_err(|error| CaptureError::io("write", &target)(error.into_error()))?;
    file.sync_all().map_err(CaptureError::io("sync", &target))?;
    std::fs::rename(&temporary, &target).map_err(CaptureError::io("rename to", &target))?;
    sync_directory(dir)
}

/// A new file; what an earlier crash left under the temporary name goes first, and a link there is not followed.
fn fresh(path: &Path) -> Result<File> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(CaptureError::io("remove", path)(error));
        }
        _ => {}
    }
    create_new(path)
}

/// A file that did not exist before; never opens something that is already there.
pub(crate) fn create_new(path: &Path) -> Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(CaptureError::io("create", path))
}

/// Makes the names in `dir` durable.
pub(crate) fn sync_directory(dir: &Path) -> Result<()> {
    File::open(dir)
        .and_then(|file| file.sync_all())
        .map_err(CaptureError::io("sync", dir))
}

/// Points the symbolic link `dir/latest` at `target` (relative), replacing an older one in one step.
pub(crate) fn point_latest(dir: &Path, target: &Path) -> Result<()> {
    let link = dir.join("latest");
    let temporary: PathBuf = dir.join(format!(".latest.{}.tmp", std::process::id()));
    match std::fs::remove_file(&temporary) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(CaptureError::io("remove", &temporary)(error));
        }
        _ => {}
    }
    std::os::unix::fs::symlink(target, &temporary).map_err(CaptureError::io("create", &temporary))?;
    std::fs::rename(&temporary, &link).map_err(CaptureError::io("rename to", &link))?;
    sync_directory(dir)
}

/// Fails if `path` exists and is a symbolic link.
pub(crate) fn refuse_link(path: &Path) -> Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(metadata) if metadata.file_type().is_symlink() => Err(CaptureError::Link {
            path: path.to_owned(),
        }),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(CaptureError::io("examine", path)(error)),
    }
}
