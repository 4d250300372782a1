//! `gameday probe import`: probe files of other tools' files.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use gameday_core::{Problem, Source, printable};
use gameday_probe::ProbePlan;
use gameday_probe::import::{Imported, ProbeFile, blackbox, hurl};

use crate::cli::ImportArgs;
use crate::{exit, output};

/// Prints or writes the files, and lists what is not in them.
pub(crate) fn import(args: &ImportArgs) -> ExitCode {
    let read = read(args).and_then(|(source, imported)| {
        let folder = folder(args);
        write(args, &folder, &imported)?;
        Ok((source, folder, imported))
    });
    let (source, folder, imported) = match read {
        Ok(read) => read,
        Err(problems) => {
            output::tell(&problems);
            return exit::USAGE.into();
        }
    };
    for left_out in &imported.left_out {
        let (line, what) = (left_out.line(&source.text), printable(&left_out.what));
        let (path, why) = (source.path.display(), printable(&left_out.why));
        output::say(&format!("{path}:{line}: left out: `{what}`: {why}"));
    }
    let problems: Vec<Problem> = imported
        .files
        .iter()
        .flat_map(|file| check(&folder, file))
        .collect();
    if problems.is_empty() {
        return exit::OK.into();
    }
    output::tell(&problems);
    exit::FAILED.into()
}

fn read(args: &ImportArgs) -> Result<(Source, Imported), Vec<Problem>> {
    let extension = args.file.extension().and_then(|extension| extension.to_str());
    let source = Source::read(&args.file)?;
    let imported = match extension {
        Some("hurl") => {
            let variables: BTreeMap<String, String> = args.variables.iter().cloned().collect();
            hurl(&source, &variables, &beside(args))?
        }
        Some("yml" | "yaml") => {
            // As the exporter does, which takes paths from where it was started.
            let here = std::env::current_dir().unwrap_or_default();
            blackbox(&source, &args.modules, &args.targets, &here)?
        }
        _ => {
            let problem = Problem::of_file(&args.file, "its name does not tell what it is");
            return Err(vec![
                problem.hint("Hurl's files end with `.hurl`, blackbox_exporter's with `.yml`"),
            ]);
        }
    };
    Ok((source, imported))
}

/// Where the probe files are, or would be.
fn folder(args: &ImportArgs) -> PathBuf {
    let own = args.file.parent().map(Path::to_path_buf).unwrap_or_default();
    args.out.clone().unwrap_or(own)
}

/// Where the files that the imported one names lie, as seen from the probe's.
fn beside(args: &ImportArgs) -> PathBuf {
    let own = args.file.parent().filter(|parent| !parent.as_os_str().is_empty());
    let own = fs::canonicalize(own.unwrap_or(Path::new("."))).unwrap_or_default();
    let out = args
        .out
        .as_ref()
        .map(|out| fs::canonicalize(out).unwrap_or_default());
    match out {
        Some(out) if out != own => own,
        _ => PathBuf::new(),
    }
}

fn write(args: &ImportArgs, folder: &Path, imported: &Imported) -> Result<(), Vec<Problem>> {
    if args.out.is_none() {
        let several = imported.files.len() > 1;
        for file in &imported.files {
            if several {
                output::print(&format!("# ---- {}.toml ----", file.stem));
            }
            output::print(file.text.trim_end());
        }
        return Ok(());
    }
    let failed = |path: &Path, error: &std::io::Error| {
        vec![Problem::of_file(path, format!("cannot be written: {error}"))]
    };
    fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
    let paths: Vec<PathBuf> = imported.files.iter().map(|file| path(folder, file)).collect();
    // All of them or none.
    let taken: Vec<Problem> = paths
        .iter()
        .filter(|path| path.exists())
        .map(|path| Problem::of_file(path, "it exists already, and is left as it is"))
        .collect();
    if !taken.is_empty() {
        return Err(taken);
    }
    for (file, path) in imported.files.iter().zip(&paths) {
        let mut options = fs::OpenOptions::new();
        let opened = options.write(true).create_new(true).open(path);
        let written = opened.and_then(|mut opened| opened.write_all(file.text.as_bytes()));
        written.map_err(|error| failed(path, &error))?;
        output::say(&format!("{}", path.display()));
    }
    Ok(())
}

fn path(folder: &Path, file: &ProbeFile) -> PathBuf {
    folder.join(format!("{}.toml", file.stem))
}

/// What `gameday check` would say of it.
fn check(folder: &Path, file: &ProbeFile) -> Vec<Problem> {
    let source = Source {
        path: path(folder, file),
        text: file.text.clone(),
    };
    ProbePlan::load(&source, &BTreeMap::new())
        .err()
        .unwrap_or_default()
}
