//! Puts the document and the page together: `base.yaml` and `openapi.yaml` of
//! every component. A fragment that does not fit ends the build and is named.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use sha2::{Digest, Sha256};

#[path = "src/merge.rs"]
mod merge;
#[path = "src/page.rs"]
mod page;

fn main() -> Result<(), Box<dyn Error>> {
    let own = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let components = own.parent().ok_or("the component lies in no folder")?;
    for watched in ["base.yaml", "src/merge.rs", "src/page.rs"] {
        println!("cargo::rerun-if-changed={watched}");
    }
    let mut base = read(&own.join("base.yaml"))?;
    if let Some(info) = base
        .pointer_mut("/info")
        .and_then(|info| info.as_object_mut())
    {
        info.insert("version".to_owned(), env::var("CARGO_PKG_VERSION")?.into());
    }
    let document = match merge::merge(base, &fragments(components)?) {
        Ok(document) => document,
        Err(problems) => {
            for problem in problems.lines() {
                println!("cargo::error={problem}");
            }
            return Err("the components' openapi.yaml do not fit together".into());
        }
    };
    let json = serde_json::to_string(&document)?;
    let page = page::page(&document);
    let constants = format!(
        "/// Names this very document.\npub(crate) const DOCUMENT_TAG: &str = \"\\\"{}\\\"\";\n\
         /// Names this very page.\npub(crate) const PAGE_TAG: &str = \"\\\"{}\\\"\";\n\
         /// What the page may load: nothing but its style.\n\
         pub(crate) const PAGE_POLICY: &str = \"default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\";\n",
        hex(&json),
        hex(&page),
        base64(&Sha256::digest(page::STYLE)),
    );
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("openapi.json"), json)?;
    fs::write(out.join("docs.html"), page)?;
    fs::write(out.join("constants.rs"), constants)?;
    Ok(())
}

/// What the components describe, by name.
fn fragments(components: &Path) -> Result<Vec<(String, serde_json::Value)>, Box<dyn Error>> {
    // A folder that comes or goes changes this one.
    println!("cargo::rerun-if-changed={}", components.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(components)? {
        names.push(
            entry?
                .file_name()
                .into_string()
                .map_err(|_| "a name is not text")?,
        );
    }
    names.sort();
    let mut found = Vec::new();
    for name in names {
        let path = components.join(&name).join("openapi.yaml");
        if path.exists() {
            println!("cargo::rerun-if-changed={}", path.display());
            found.push((name, read(&path)?));
        }
    }
    Ok(found)
}

fn read(path: &Path) -> Result<serde_json::Value, Box<dyn Error>> {
    let text = fs::read_to_string(path)?;
    merge::yaml(&text).map_err(|error| format!("{}: {error}", path.display()).into())
}

fn hex(text: &str) -> String {
    let digest = Sha256::digest(text);
    digest
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let mut number = 0_usize;
        for index in 0..3 {
            number = number << 8 | chunk.get(index).map_or(0, |byte| usize::from(*byte));
        }
        for place in 0..4 {
            let digit = DIGITS.get(number >> (18 - 6 * place) & 63);
            let is_filled = place <= chunk.len();
            out.push(
                digit
                    .filter(|_| is_filled)
                    .map_or('=', |digit| char::from(*digit)),
            );
        }
    }
    out
}
