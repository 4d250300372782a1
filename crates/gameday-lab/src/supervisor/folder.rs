//! The lab's folder: made new for each lab, gone with it.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use crate::LabError;
use crate::state::FOLDER_PREFIX;

/// A folder that is removed when dropped.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes one that only this user can enter.
    pub(super) fn new() -> Result<Self, LabError> {
        let name = format!("{FOLDER_PREFIX}{}", uuid::Uuid::new_v4().simple());
        let path = std::env::temp_dir().join(name);
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(LabError::io(format!("make the folder {}", path.display())))?;
        Ok(Folder(path))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Lets other users pass through, for PostgreSQL's own; what lies in it stays closed to them.
    pub(super) fn let_pass(&self) -> Result<(), LabError> {
        fs::set_permissions(&self.0, fs::Permissions::from_mode(0o711))
            .map_err(LabError::io(format!("open the folder {}", self.0.display())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A program that was just killed may still be adding a file; a few tries are enough.
        for _ in 0..10 {
            match fs::remove_dir_all(&self.0) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    sleep(Duration::from_millis(50));
                }
                _ => return,
            }
        }
    }
}
