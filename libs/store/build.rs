//! Embeds `migrations/<label>/NNNN_name.sql`: split into statements and with
//! a checksum, so that a component does neither when it runs. PostgreSQL gets the same
//! in its words, or `NNNN_name.postgres.sql` beside it. Where events are
//! written, `migrations/events.sql` is the first of them, and with it
//! `migrations/participants.sql` where functions take part in sagas.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use sha2::{Digest, Sha256};

#[path = "src/ddl.rs"]
mod ddl;
#[path = "src/split.rs"]
mod split;
#[path = "src/token.rs"]
mod token;

/// The shared files that are the first migration of a label; the numbers of its
/// own begin with 0002.
const SHARED: [(&str, &[&str]); 5] = [
    ("ai", &["events.sql", "participants.sql"]),
    ("care", &["events.sql", "participants.sql"]),
    ("health", &["events.sql", "participants.sql"]),
    ("identity", &["events.sql"]),
    ("platform", &["events.sql"]),
];

/// How files end that are for PostgreSQL alone.
const POSTGRES: &str = ".postgres.sql";

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("migrations");
    println!("cargo::rerun-if-changed={}", root.display());
    for used in [
        "src/ddl.rs",
        "src/postgres/functions.sql",
        "src/split.rs",
        "src/token.rs",
    ] {
        println!("cargo::rerun-if-changed={used}");
    }
    let mut code = String::from("/// Every label with its migrations, oldest first.\n");
    code.push_str("pub(crate) static LABELS: &[(&str, &[Migration])] = &[\n");
    for (label, files) in labels(&root)? {
        writeln!(code, "    ({label:?}, &[")?;
        for (version, parts) in (1..).zip(&files) {
            write_migration(&mut code, version, parts)?;
        }
        code.push_str("    ]),\n");
    }
    code.push_str("];\n");
    let functions = fs::read_to_string("src/postgres/functions.sql")?;
    code.push_str("/// What PostgreSQL lacks.\n");
    writeln!(
        code,
        "pub(crate) static POSTGRES_FUNCTIONS: &[&str] = &{:?};",
        split::statements(&functions)
    )?;
    let target = PathBuf::from(env::var("OUT_DIR")?).join("migrations.rs");
    fs::write(target, code)?;
    Ok(())
}

/// The files of one migration.
type Parts = Vec<PathBuf>;

/// Every label with its migrations, oldest first.
fn labels(root: &Path) -> Result<BTreeMap<String, Vec<Parts>>, Box<dyn Error>> {
    let mut labels = BTreeMap::new();
    for (label, shared) in SHARED {
        let first = shared.iter().map(|name| root.join(name)).collect();
        labels.insert(label.to_owned(), vec![first]);
    }
    for folder in sorted(root)?.iter().filter(|path| path.is_dir()) {
        let files = labels.entry(name_of(folder)?).or_default();
        for file in sorted(folder)? {
            if name_of(&file)?.ends_with(POSTGRES) {
                continue;
            }
            check_number(&file, files.len() + 1)?;
            files.push(vec![file]);
        }
    }
    Ok(labels)
}

/// A migration of a label must have the next number.
fn check_number(file: &Path, expected: usize) -> Result<(), Box<dyn Error>> {
    let name = name_of(file)?;
    let number = name
        .split_once('_')
        .map(|(number, _)| number)
        .filter(|number| number.len() == 4)
        .ok_or_else(|| format!("{}: the name must be NNNN_name.sql", file.display()))?;
    if number.parse::<usize>()? != expected {
        return Err(format!("{}: the next number is {expected:04}", file.display()).into());
    }
    Ok(())
}

/// Appends one migration, named like the first of its files.
fn write_migration(
    code: &mut String,
    version: usize,
    parts: &[PathBuf],
) -> Result<(), Box<dyn Error>> {
    let (mut names, mut sqlite, mut postgres) = (Vec::new(), String::new(), String::new());
    let mut translated = Vec::new();
    for file in parts {
        let file_name = name_of(file)?;
        let stem = file_name
            .strip_suffix(".sql")
            .ok_or_else(|| format!("{}: the name must end in .sql", file.display()))?;
        names.push(
            stem.split_once('_')
                .map_or(stem, |(_, name)| name)
                .to_owned(),
        );
        let text = fs::read_to_string(file)?;
        sqlite.push_str(&text);
        let other = file.with_file_name(format!("{stem}{POSTGRES}"));
        if other.exists() {
            let own = fs::read_to_string(other)?;
            translated.extend(split::statements(&own));
            postgres.push_str(&own);
        } else {
            let statements = split::statements(&text);
            translated.extend(statements.iter().flat_map(|one| ddl::translate(one)));
            postgres.push_str(&text);
        }
    }
    let name = names.join(" and ");
    writeln!(
        code,
        "        Migration {{ version: {version}, name: {name:?}, sqlite: {}, postgres: {} }},",
        text_of(&sqlite, &split::statements(&sqlite))?,
        text_of(&postgres, &translated)?
    )?;
    Ok(())
}

/// What a migration says to one database. The checksum is of what was written, not of
/// its translation.
fn text_of(written: &str, statements: &[String]) -> Result<String, Box<dyn Error>> {
    let mut checksum = String::new();
    for byte in Sha256::digest(written.as_bytes()) {
        write!(checksum, "{byte:02x}")?;
    }
    Ok(format!(
        "Text {{ checksum: {checksum:?}, statements: &{statements:?} }}"
    ))
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
