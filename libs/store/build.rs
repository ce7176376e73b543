//! Embeds `migrations/<label>/NNNN_name.sql`: split into statements and with
//! a checksum, so that a component does neither when it runs.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use sha2::{Digest, Sha256};

#[path = "src/split.rs"]
mod split;

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("migrations");
    println!("cargo::rerun-if-changed={}", root.display());
    println!("cargo::rerun-if-changed=src/split.rs");
    let mut code = String::from("/// Every label with its migrations, oldest first.\n");
    code.push_str("pub(crate) static LABELS: &[(&str, &[Migration])] = &[\n");
    for folder in sorted(&root)? {
        let label = name_of(&folder)?;
        writeln!(code, "    ({label:?}, &[")?;
        for (index, file) in sorted(&folder)?.iter().enumerate() {
            write_migration(&mut code, index + 1, file)?;
        }
        code.push_str("    ]),\n");
    }
    code.push_str("];\n");
    let target = PathBuf::from(env::var("OUT_DIR")?).join("migrations.rs");
    fs::write(target, code)?;
    Ok(())
}

/// Appends one migration; its number must be the next one.
fn write_migration(code: &mut String, expected: usize, file: &Path) -> Result<(), Box<dyn Error>> {
    let stem = name_of(file)?;
    let stem = stem
        .strip_suffix(".sql")
        .ok_or_else(|| format!("{}: the name must end in .sql", file.display()))?;
    let (number, name) = stem
        .split_once('_')
        .ok_or_else(|| format!("{}: the name must be NNNN_name.sql", file.display()))?;
    if number.len() != 4 || number.parse::<usize>()? != expected {
        return Err(format!("{}: the next number is {expected:04}", file.display()).into());
    }
    let text = fs::read_to_string(file)?;
    let mut checksum = String::new();
    for byte in Sha256::digest(text.as_bytes()) {
        write!(checksum, "{byte:02x}")?;
    }
    writeln!(
        code,
        "        Migration {{ version: {expected}, name: {name:?}, checksum: {checksum:?}, statements: &{:?} }},",
        split::statements(&text)
    )?;
    Ok(())
}

/// What a folder holds, by name.
fn sorted(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut found = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()?;
    found.sort();
    Ok(found)
}

/// The last part of a path as text.
fn name_of(path: &Path) -> Result<String, Box<dyn Error>> {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .ok_or_else(|| format!("{}: not a readable name", path.display()))?;
    Ok(name.to_owned())
}
