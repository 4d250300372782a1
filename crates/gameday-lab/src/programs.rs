//! Finds the programs of the real lab, and so decides which lab there can be.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use nix::unistd::{Uid, User};

use crate::{LabChoice, LabError, LabKind};

/// Where Debian keeps PostgreSQL's server programs, which are not on the path.
const POSTGRESQL: &str = "/usr/lib/postgresql";

/// Decides which lab to use; an unmet wish for the real one says what to install.
pub fn choose(choice: LabChoice) -> Result<LabKind, LabError> {
    match choice {
        LabChoice::Embedded => Ok(LabKind::Embedded),
        LabChoice::Real => Programs::find().map(|_| LabKind::Real),
        LabChoice::Auto => Ok(Programs::find().map_or(LabKind::Embedded, |_| LabKind::Real)),
    }
}

/// The programs of the real lab.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    pub initdb: PathBuf,
    pub postgres: PathBuf,
    pub prometheus: PathBuf,
    pub alertmanager: PathBuf,
    pub redis: PathBuf,
    /// Whom PostgreSQL runs as when we are root, which it refuses to be.
    pub postgres_user: Option<(u32, u32)>,
}

impl Programs {
    /// Looks in the path and where Debian puts PostgreSQL.
    pub(crate) fn find() -> Result<Programs, LabError> {
        let mut folders: Vec<PathBuf> = std::env::var_os("PATH")
            .map(|path| std::env::split_paths(&path).collect())
            .unwrap_or_default();
        folders.extend(postgresql_folders(Path::new(POSTGRESQL)));
        Self::find_in(&folders, postgres_user())
    }

    fn find_in(folders: &[PathBuf], user: Result<Option<(u32, u32)>, Missing>) -> Result<Programs, LabError> {
        let mut missing = Vec::new();
        let mut need = |name: &'static str, names: &[&str], package: &'static str| {
            find_program(folders, names).unwrap_or_else(|| {
                missing.push(Missing { what: name, package });
                PathBuf::new()
            })
        };
        let mut programs = Programs {
            initdb: need("`initdb`", &["initdb"], "postgresql"),
            postgres: need("`postgres`", &["postgres"], "postgresql"),
            prometheus: need("`prometheus`", &["prometheus"], "prometheus"),
            alertmanager: need(
                "`prometheus-alertmanager`",
                &["prometheus-alertmanager", "alertmanager"],
                "prometheus-alertmanager",
            ),
            redis: need("`redis-server`", &["redis-server"], "redis-server"),
            postgres_user: None,
        };
        match user {
            Ok(user) => programs.postgres_user = user,
            Err(lack) => missing.push(lack),
        }
        if missing.is_empty() {
            Ok(programs)
        } else {
            Err(told(&missing))
        }
    }
}

/// One thing that is not there, and the package that brings it.
#[derive(Debug)]
struct Missing {
    what: &'static str,
    package: &'static str,
}

fn told(missing: &[Missing]) -> LabError {
    let whats: Vec<&str> = missing.iter().map(|lack| lack.what).collect();
    let mut packages: Vec<String> = missing.iter().map(|lack| format!("`{}`", lack.package)).collect();
    packages.dedup();
    LabError::Missing {
        missing: whats.join(", "),
        packages: packages.join(", "),
    }
}

/// The user PostgreSQL must be run as: nobody else unless we are root.
fn postgres_user() -> Result<Option<(u32, u32)>, Missing> {
    if !Uid::effective().is_root() {
        return Ok(None);
    }
    match User::from_name("postgres") {
        Ok(Some(user)) => Ok(Some((user.uid.as_raw(), user.gid.as_raw()))),
        Ok(None) | Err(_) => Err(Missing {
            what: "a user `postgres`",
            package: "postgresql",
        }),
    }
}

/// `/usr/lib/postgresql/*/bin`, the newest version first.
fn postgresql_folders(root: &Path) -> Vec<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir(root)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            Some((
                entry.file_name().to_str()?.parse().ok()?,
                entry.path().join("bin"),
            ))
        })
        .collect();
    versions.sort();
    versions.into_iter().rev().map(|(_, path)| path).collect()
}

fn find_program(folders: &[PathBuf], names: &[&str]) -> Option<PathBuf> {
    names.iter().find_map(|name| {
        folders
            .iter()
            .map(|folder| folder.join(name))
            .find(|path| is_program(path))
    })
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            fs::write(&path, "").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        folder
    }

    #[test]
    fn either_name_of_alertmanager_will_do() {
        let folder = folder_with(&["initdb", "postgres", "prometheus", "alertmanager", "redis-server"]);
        let programs = Programs::find_in(&[folder.path().to_owned()], Ok(None)).unwrap();
        assert!(programs.alertmanager.ends_with("alertmanager"));
    }

    #[test]
    fn what_is_missing_is_named_with_its_packages() {
        let folder = folder_with(&["prometheus"]);
        let error = Programs::find_in(&[folder.path().to_owned()], Ok(None)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the real lab needs `initdb`, `postgres`, `prometheus-alertmanager`, `redis-server`; install the Debian packages \
             `postgresql`, `prometheus-alertmanager`, `redis-server`, or use the embedded lab"
        );
    }

    #[test]
    fn a_file_that_cannot_be_executed_is_no_program() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("postgres"), "").unwrap();
        assert!(find_program(&[folder.path().to_owned()], &["postgres"]).is_none());
    }

    #[test]
    fn the_newest_postgresql_comes_first() {
        let root = tempfile::tempdir().unwrap();
        for version in ["9", "15", "not-a-version"] {
            fs::create_dir_all(root.path().join(version).join("bin")).unwrap();
        }
        let folders = postgresql_folders(root.path());
        assert_eq!(folders, [root.path().join("15/bin"), root.path().join("9/bin")]);
    }
}
