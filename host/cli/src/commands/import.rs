//! `suoke import`: sends an export to a running application, piece by piece.

mod args;
mod pieces;
mod rejects;

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::client::{self, Answer};
use crate::exit::CommandError;

use args::FileFormat;
pub(crate) use args::ImportArgs;
use pieces::{Piece, Pieces, Unreadable};

/// Names the token in the environment of this command.
const TOKEN: &str = "SUOKE_TOKEN";
/// Where pieces go.
pub(super) const IMPORT: &str = "/api/v1/health/import";
/// How often a piece is sent again when the application says that it comes too soon.
const TRIES_MAX: u32 = 20;
/// Longest wait before that.
const WAIT_S_MAX: u64 = 60;

/// Bytes of data that are part of the name of an import.
const ID_DATA_BYTES: u64 = 64 * 1024;

/// The application that takes the file.
pub(super) struct Api {
    url: String,
    authorization: String,
    pub(super) import_id: String,
}

/// What was sent.
#[derive(Debug, Default)]
struct Sums {
    accepted: u64,
    duplicated: u64,
    rejected: u64,
}

/// Sends the file from where its import stands.
pub(crate) fn run(args: &ImportArgs) -> Result<(), CommandError> {
    let file = &args.file;
    let format = args.format.unwrap_or_else(|| format_of(file));
    let opened = File::open(file).map_err(|error| unopened(file, &error))?;
    let length = opened
        .metadata()
        .map_err(|error| unopened(file, &error))?
        .len();
    let mut pieces = Pieces::new(BufReader::new(opened), format);
    let first = pieces.line().map_err(|error| unreadable(file, error))?;
    let first = first.unwrap_or_default();
    let api = Api {
        url: args.url.clone(),
        authorization: format!("Bearer {}", token(args)?),
        import_id: match &args.import_id {
            Some(id) => id.clone(),
            None => import_id(file, length, &begin_of(file, format, &first)?),
        },
    };
    let next_line = api.next_line()?;
    if format == FileFormat::Ndjson {
        // The first line is data like any other.
        pieces = Pieces::new(reopened(file)?, format);
    }
    let is_there = pieces
        .skip_to(next_line)
        .map_err(|error| unreadable(file, error))?;
    if !is_there {
        return Err(shorter(file, &api.import_id, next_line));
    }
    let head = if format == FileFormat::Csv {
        first.as_str()
    } else {
        ""
    };
    let bar = bar(length);
    while let Some(piece) = pieces.next().map_err(|error| unreadable(file, error))? {
        let sums = api.send(&piece, head, args.offset.as_deref(), format, &bar);
        let sums = sums.inspect_err(|_| bar.abandon())?;
        bar.set_position(piece.position);
        bar.set_message(format!(
            "{} accepted, {} refused",
            sums.accepted, sums.rejected
        ));
    }
    bar.finish();
    finish(&api, args)
}

/// Writes the refused lines and tells the sums.
fn finish(api: &Api, args: &ImportArgs) -> Result<(), CommandError> {
    let Some(state) = api.state("")? else {
        println!("nothing to import");
        return Ok(());
    };
    let sums = sums(&state);
    let path = args
        .rejects
        .clone()
        .unwrap_or_else(|| rejects::beside(&args.file));
    if sums.rejected > 0 {
        rejects::write(api, &path)?;
    }
    let mut told = format!(
        "{} readings imported, {} were there already, {} lines refused",
        sums.accepted, sums.duplicated, sums.rejected
    );
    if sums.rejected > 0 {
        told.push_str(&format!(": see {}", path.display()));
    }
    println!("{told}");
    Ok(())
}

impl Api {
    /// The line to go on from: 1 where nothing was sent yet.
    fn next_line(&self) -> Result<u64, CommandError> {
        let state = self.state("")?;
        Ok(state.map_or(1, |state| number(&state, "next_line").max(1)))
    }

    /// How the import stands; none where there is no such import.
    pub(super) fn state(&self, query: &str) -> Result<Option<Value>, CommandError> {
        let path = format!("{IMPORT}/{}{query}", encoded(&self.import_id));
        let answer = self.ask(Method::GET, &path, "", Bytes::new(), &ProgressBar::hidden())?;
        if answer.status == StatusCode::NOT_FOUND
            && answer
                .json()
                .get("code")
                .is_some_and(|code| code == "not_found")
        {
            return Ok(None);
        }
        self.good(answer).map(Some)
    }

    fn send(
        &self,
        piece: &Piece,
        head: &str,
        offset: Option<&str>,
        format: FileFormat,
        bar: &ProgressBar,
    ) -> Result<Sums, CommandError> {
        let (id, from_line) = (encoded(&self.import_id), piece.from_line);
        let mut path = format!("{IMPORT}?import_id={id}&from_line={from_line}");
        if let Some(offset) = offset {
            path.push_str(&format!("&offset={}", encoded(offset)));
        }
        let media = match format {
            FileFormat::Csv => "text/csv",
            FileFormat::Ndjson => "application/x-ndjson",
        };
        let body = Bytes::from(format!("{head}{}", piece.text));
        let answer = self.ask(Method::POST, &path, media, body, bar)?;
        Ok(sums(&self.good(answer)?))
    }

    /// Asks, and again where the application says that it is too soon.
    fn ask(
        &self,
        method: Method,
        path: &str,
        media: &str,
        body: Bytes,
        bar: &ProgressBar,
    ) -> Result<Answer, CommandError> {
        let mut headers = vec![("authorization", self.authorization.as_str())];
        if !media.is_empty() {
            headers.push(("content-type", media));
        }
        let mut tries = 0;
        loop {
            let answer = client::send(method.clone(), &self.url, path, &headers, body.clone())?;
            let is_early = matches!(
                answer.status,
                StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
            );
            tries += 1;
            if !is_early || tries >= TRIES_MAX {
                return Ok(answer);
            }
            let wait_s = answer.retry_after_s.unwrap_or(1).clamp(1, WAIT_S_MAX);
            bar.set_message(format!("the application asks to wait {wait_s} s"));
            std::thread::sleep(Duration::from_secs(wait_s));
        }
    }

    /// The answer, or what the application says is wrong.
    fn good(&self, answer: Answer) -> Result<Value, CommandError> {
        if answer.status.is_success() {
            return Ok(answer.json());
        }
        let problem = answer.json();
        let Some(detail) = problem.get("detail").and_then(Value::as_str) else {
            return Err(CommandError::running(format!(
                "{} answered with {}; does it serve {IMPORT}?",
                self.url, answer.status
            )));
        };
        let errors = problem.get("errors").and_then(Value::as_array);
        let fields = errors.into_iter().flatten().map(|error| {
            let text = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default();
            format!(" {} {}.", text("field"), text("message"))
        });
        let told = format!("{detail}{}", fields.collect::<String>());
        Err(match answer.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                CommandError::input(format!("{told} Is it a token of this application?"))
            }
            StatusCode::BAD_REQUEST => CommandError::input(told),
            _ => CommandError::running(format!(
                "{told} Run the command again: it goes on where it was."
            )),
        })
    }
}

fn sums(answer: &Value) -> Sums {
    Sums {
        accepted: number(answer, "accepted"),
        duplicated: number(answer, "duplicated"),
        rejected: number(answer, "rejected"),
    }
}

fn number(answer: &Value, key: &str) -> u64 {
    answer.get(key).and_then(Value::as_u64).unwrap_or_default()
}

/// A bar on a terminal, nothing elsewhere.
fn bar(length: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template(
        "[{bar:30}] {bytes}/{total_bytes} {bytes_per_sec} {eta} left  {msg}",
    );
    if let Ok(style) = style {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

fn format_of(file: &Path) -> FileFormat {
    let ending = file.extension().and_then(|ending| ending.to_str());
    match ending.unwrap_or_default().to_ascii_lowercase().as_str() {
        "ndjson" | "jsonl" => FileFormat::Ndjson,
        _ => FileFormat::Csv,
    }
}

/// The token of whoever imports.
fn token(args: &ImportArgs) -> Result<String, CommandError> {
    let token = match &args.token_file {
        Some(file) => std::fs::read_to_string(file).map_err(|error| unopened(file, &error))?,
        None => std::env::var(TOKEN).unwrap_or_default(),
    };
    let token = token.trim();
    let is_fit = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    if is_fit {
        return Ok(token.to_owned());
    }
    Err(CommandError::input(match &args.token_file {
        Some(file) => format!("{} holds no token", file.display()),
        None => format!("there is no token; name a file with --token-file, or set {TOKEN}"),
    }))
}

/// The first data of a file: what follows the line that names the columns.
fn begin_of(file: &Path, format: FileFormat, first: &str) -> Result<Vec<u8>, CommandError> {
    let mut begin = Vec::new();
    // A byte order mark more makes no difference: it is the same each time.
    let head = if format == FileFormat::Csv {
        first.len() as u64
    } else {
        0
    };
    let read = reopened(file)?
        .take(head + ID_DATA_BYTES)
        .read_to_end(&mut begin);
    read.map_err(|error| unopened(file, &error))?;
    Ok(begin)
}

/// The same for the same file. Other data, and lines that were added, are another import:
/// readings that are stored already are not stored again.
fn import_id(file: &Path, length: u64, begin: &[u8]) -> String {
    let path = std::fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let mut hash = Sha256::new();
    hash.update(path.as_os_str().as_encoded_bytes());
    hash.update([0]);
    hash.update(length.to_be_bytes());
    hash.update(begin);
    let bytes = hash.finalize();
    let digits: String = bytes
        .iter()
        .take(12)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("file-{digits}")
}

/// More lines were imported than the file has.
fn shorter(file: &Path, import_id: &str, next_line: u64) -> CommandError {
    CommandError::input(format!(
        "{}: import {import_id} has come to line {next_line}, and the file ends before it; \
         is it another file? Name another import with --import-id",
        file.display()
    ))
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn reopened(file: &Path) -> Result<BufReader<File>, CommandError> {
    let opened = File::open(file).map_err(|error| unopened(file, &error))?;
    Ok(BufReader::new(opened))
}

fn unopened(file: &Path, error: &std::io::Error) -> CommandError {
    CommandError::input(format!("{}: {error}", file.display()))
}

fn unreadable(file: &Path, error: Unreadable) -> CommandError {
    let file = file.display();
    match error {
        Unreadable::Read(error) => CommandError::running(format!("{file}: {error}")),
        Unreadable::Encoding(line) => CommandError::input(format!(
            "{file}: line {line} is not UTF-8; convert the file, for example with \
             `iconv -f GBK -t UTF-8`"
        )),
        Unreadable::Length(line) => {
            CommandError::input(format!("{file}: line {line} is too long for an export"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_tell_how_they_are_written() {
        assert_eq!(format_of(Path::new("a.NDJSON")), FileFormat::Ndjson);
        assert_eq!(format_of(Path::new("a.jsonl")), FileFormat::Ndjson);
        assert_eq!(format_of(Path::new("a.csv")), FileFormat::Csv);
    }

    #[test]
    fn an_import_is_named_by_path_size_and_data() {
        let id =
            |file: &str, length, begin: &str| import_id(Path::new(file), length, begin.as_bytes());
        assert_eq!(id("/x/a", 3, "h\n1"), id("/x/a", 3, "h\n1"));
        assert_ne!(id("/x/a", 3, "h\n1"), id("/x/b", 3, "h\n1"));
        // The export of another week, and one that grew.
        assert_ne!(id("/x/a", 3, "h\n1"), id("/x/a", 3, "h\n2"));
        assert_ne!(id("/x/a", 3, "h\n1"), id("/x/a", 4, "h\n1"));
        assert!(id("/x/a", 3, "h").len() <= 64);
        assert_eq!(encoded("+08:00"), "%2B08%3A00");
    }
}
