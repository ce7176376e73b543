//! The file of the lines that were refused, as the application remembers them.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Api;
use crate::exit::CommandError;

/// Refused lines that are asked for at once.
const PAGE: u32 = 1_000;

/// Where the lines are named unless another file is: beside the export.
pub(super) fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".rejects.csv");
    PathBuf::from(name)
}

/// Writes line, code and reason of each. The file is there when it is complete.
pub(super) fn write(api: &Api, path: &Path) -> Result<(), CommandError> {
    let failed =
        |error: std::io::Error| CommandError::running(format!("{}: {error}", path.display()));
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".part");
    let unfinished = PathBuf::from(unfinished);
    let mut file = BufWriter::new(std::fs::File::create(&unfinished).map_err(failed)?);
    file.write_all(b"line,code,message\n").map_err(failed)?;
    let mut after = Some(0);
    while let Some(line) = after {
        let query = format!("?limit={PAGE}&after_line={line}");
        let state = api.state(&query)?.unwrap_or_default();
        let rejects = state.get("rejects").and_then(Value::as_array);
        for reject in rejects.into_iter().flatten() {
            file.write_all(row(reject).as_bytes()).map_err(failed)?;
        }
        after = state.get("next_after_line").and_then(Value::as_u64);
    }
    file.into_inner()
        .map_err(|error| failed(error.into_error()))?;
    std::fs::rename(&unfinished, path).map_err(failed)
}

fn row(reject: &Value) -> String {
    let text = |key: &str| reject.get(key).and_then(Value::as_str).unwrap_or_default();
    let line = reject
        .get("line")
        .and_then(Value::as_u64)
        .unwrap_or_default();
    let message = text("message").replace('"', "\"\"");
    format!("{line},{},\"{message}\"\n", text("code"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_refused_line_is_a_row() {
        let reject = json!({ "line": 7, "code": "unknown_unit", "message": "unit: is \"x\", not" });
        assert_eq!(row(&reject), "7,unknown_unit,\"unit: is \"\"x\"\", not\"\n");
        assert_eq!(
            beside(Path::new("/a/b.csv")),
            Path::new("/a/b.csv.rejects.csv")
        );
    }
}
