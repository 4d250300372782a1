//! Talking to `nft`: what is in place, and what it refuses.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::network::COUNTER;

const REMEDY: &str = "run gameday as root, or with CAP_NET_ADMIN (`setcap cap_net_admin+ep`), or in a network of your own: \
                      `unshare -Urn`; see `gameday doctor`";

/// Where nft is: on the path, or where administrators' programs are.
///
/// # Errors
/// What to install.
pub(crate) fn program() -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    let mut files = folders.map(|folder| folder.join("nft"));
    files
        .find(|file| file.is_file())
        .ok_or_else(|| "there is no `nft`: install the package nftables".to_owned())
}

/// Whether the kernel would take these rules from us; nothing is changed.
///
/// # Errors
/// Why not, and the remedy.
pub fn check(ruleset: &str) -> Result<(), String> {
    run(&["--check", "--file", "-"], Some(ruleset)).map(drop)
}

/// How many packets a table has dropped; none when there is no such table.
///
/// # Errors
/// When nft cannot tell.
pub(crate) fn lost(table: &str) -> Result<Option<u64>, String> {
    let answer = match run(&["--json", "list", "counter", "inet", table, COUNTER], None) {
        Ok(answer) => answer,
        Err(_) if !exists(table)? => return Ok(None),
        Err(why) => return Err(why),
    };
    let read: Value = serde_json::from_str(&answer).map_err(|error| format!("nft's answer: {error}"))?;
    let rows = read["nftables"].as_array().into_iter().flatten();
    let packets = rows.filter_map(|row| row["counter"]["packets"].as_u64()).next();
    packets
        .map(Some)
        .ok_or_else(|| "nft's answer holds no counter".to_owned())
}

/// Whether there is a table of this name.
///
/// # Errors
/// When nft cannot tell.
pub(crate) fn exists(table: &str) -> Result<bool, String> {
    Ok(tables()?.iter().any(|name| name == table))
}

/// All tables of gameday's that are in place.
///
/// # Errors
/// When nft cannot tell.
pub fn tables() -> Result<Vec<String>, String> {
    // As text: of a table with an owner nft 1.0.6 prints JSON from memory that is not its own, or crashes.
    let answer = run(&["list", "tables"], None)?;
    let names = answer.lines().filter_map(|line| line.strip_prefix("table inet "));
    Ok(names
        .filter(|name| name.starts_with("gameday_"))
        .map(str::to_owned)
        .collect())
}

fn run(arguments: &[&str], input: Option<&str>) -> Result<String, String> {
    let failed = |error: io::Error| format!("nft cannot be run: {error}");
    let mut child = Command::new(program()?)
        .args(arguments)
        .stdin(if input.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    if let (Some(mut pipe), Some(input)) = (child.stdin.take(), input) {
        pipe.write_all(input.as_bytes()).map_err(failed)?;
    }
    let output = child.wait_with_output().map_err(failed)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().next().unwrap_or("it failed without a word").trim();
    Err(if said.contains("Operation not permitted") {
        format!("the kernel does not allow it ({said}): {REMEDY}")
    } else {
        format!("nft: {said}")
    })
}
