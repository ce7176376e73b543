//! FHIR R4: readings as Observations, their person as a Patient, and bundles of both.

mod address;
mod answer;
mod bundle;
mod failed;
mod figures;
mod read;
mod samples;
mod search;
mod task;
mod write;

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::Value;
use suoke_fhir::outcome::IssueType;
use suoke_fhir::{bundle as bundles, capability};
use suoke_guest::{ApiError, Reply, Request, clock, log};
use suoke_identity::Identity;
use suoke_readings::{Cause, LABEL, note_access};
use suoke_store::Database;

use address::Address;
use failed::Failed;

/// What the outbox calls the producer.
const COMPONENT: &str = "health-fhir";
/// What somebody else's access is noted with.
const RESOURCE: &str = "/fhir";
/// The most that a form of search parameters holds.
const FORM_BYTES_MAX: usize = 64 * 1024;

suoke_guest::http_service!(route);

/// Who asks, where, and when.
struct Desk {
    who: Identity,
    address: Address,
    now_ms: i64,
    /// Of whom else something was asked for, which only operators may.
    others: RefCell<BTreeSet<String>>,
}

impl Desk {
    /// Something about this person is asked for.
    fn is_about(&self, user_id: &str) {
        if user_id != self.who.user_id {
            self.others.borrow_mut().insert(user_id.to_owned());
        }
    }
}

async fn route(request: Request) -> Result<Reply, ApiError> {
    let (path, id) = (request.path().to_owned(), request.id().to_owned());
    match serve(request).await {
        Ok(reply) => Ok(reply),
        Err(failed) => {
            if let Some(cause) = &failed.cause {
                let fields = [
                    ("request.id", id.as_str()),
                    ("path", &path),
                    ("cause", cause),
                ];
                log::error("request failed", &fields);
            }
            failed.reply()
        }
    }
}

async fn serve(mut request: Request) -> Result<Reply, Failed> {
    let address = Address::of(&request).await;
    answer::negotiate(&request)?;
    let segments = address::segments(request.path())?;
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let method = if request.method() == "HEAD" {
        "GET"
    } else {
        request.method()
    }
    .to_owned();
    if segments == ["metadata"] {
        allow(&method, &["GET"])?;
        let statement = capability::statement(&address.base, env!("CARGO_PKG_VERSION"));
        return answer::resource(200, &statement);
    }
    let who = suoke_identity::caller(&request)?;
    let now_ms = clock::now_ms();
    let desk = Desk {
        who,
        address,
        now_ms,
        others: RefCell::default(),
    };
    let served = dispatch(&mut request, &method, &segments, &desk).await;
    if !desk.others.borrow().is_empty() {
        let mut db = Database::open(LABEL).await?;
        note(&mut db, &request, &desk).await?;
    }
    served
}

/// Notes of whom else something was asked for. Whatever is written for them was written
/// before, and can be sent again where this fails.
async fn note(db: &mut Database, request: &Request, desk: &Desk) -> Result<(), Failed> {
    let others = desk.others.take();
    let others: Vec<&str> = others.iter().map(String::as_str).collect();
    let cause = Cause::request(COMPONENT, request);
    Ok(note_access(db, cause, &desk.who.user_id, &others, RESOURCE).await?)
}

async fn dispatch(
    request: &mut Request,
    method: &str,
    segments: &[&str],
    desk: &Desk,
) -> Result<Reply, Failed> {
    match segments {
        [] => {
            allow(method, &["POST"])?;
            let resource = body(request).await?;
            let mut db = Database::open(LABEL).await?;
            bundle::process(&mut db, desk, request, resource).await
        }
        ["Observation"] if method == "POST" => {
            let resource = body(request).await?;
            let mut db = Database::open(LABEL).await?;
            write::create(&mut db, desk, request, resource).await
        }
        ["Observation", id] if method == "PUT" => {
            let resource = body(request).await?;
            let mut db = Database::open(LABEL).await?;
            write::update(&mut db, desk, request, id, resource).await
        }
        ["Observation", id] if method == "DELETE" => {
            let mut db = Database::open(LABEL).await?;
            write::delete(&mut db, desk, request, id).await
        }
        _ => {
            allow(method, methods(segments)?)?;
            let pairs = parameters(request, method, segments).await?;
            let is_strict = answer::prefers(request, "handling=strict");
            let db = Database::open(LABEL).await?;
            let found = get(&db, desk, segments, &pairs, is_strict).await?;
            answer::found(&found)
        }
    }
}

/// The methods of an address that reads; those that write are served before.
fn methods(segments: &[&str]) -> Result<&'static [&'static str], Failed> {
    Ok(match segments {
        ["Observation" | "Patient", "_search"] => &["POST"],
        ["Observation", "$lastn" | "$stats"] => &["GET", "POST"],
        ["Observation"] => &["GET", "POST"],
        ["Observation", id] if !id.starts_with(['_', '$']) => &["GET", "PUT", "DELETE"],
        ["Observation", _, "_history"] | ["Observation", _, "_history", _] | ["Patient"] => {
            &["GET"]
        }
        ["Patient", id] if !id.starts_with(['_', '$']) => &["GET"],
        ["Patient", _, "$everything"] => &["GET", "POST"],
        _ => {
            let message =
                "there is nothing at this address: see the CapabilityStatement at metadata";
            return Err(Failed::new(404, IssueType::NotFound, "", message));
        }
    })
}

fn allow(method: &str, methods: &[&str]) -> Result<(), Failed> {
    if methods.contains(&method) {
        return Ok(());
    }
    Err(ApiError::method_not_allowed(methods).into())
}

/// What an address shows: a resource, and its version where it has one.
struct Found {
    resource: Value,
    etag: Option<String>,
    modified_ms: Option<i64>,
    /// Where it is, when it is asked for under another name.
    location: Option<String>,
}

impl Found {
    fn plain(resource: Value) -> Self {
        Self {
            resource,
            etag: None,
            modified_ms: None,
            location: None,
        }
    }
}

/// Reads, for requests and for entries of bundles.
async fn get(
    sql: &impl suoke_store::Sql,
    desk: &Desk,
    segments: &[&str],
    pairs: &[(String, String)],
    is_strict: bool,
) -> Result<Found, Failed> {
    match segments {
        ["Observation"] | ["Observation", "_search"] => search::search(sql, desk, pairs, is_strict)
            .await
            .map(Found::plain),
        ["Observation", "$lastn"] => figures::lastn(sql, desk, pairs, is_strict)
            .await
            .map(Found::plain),
        ["Observation", "$stats"] => figures::stats(sql, desk, pairs).await.map(Found::plain),
        ["Observation", id] => read::observation(sql, desk, id, pairs).await,
        ["Observation", id, "_history"] => {
            read::history(sql, desk, id, pairs).await.map(Found::plain)
        }
        ["Observation", id, "_history", version] => {
            read::version(sql, desk, id, version, pairs).await
        }
        ["Patient"] | ["Patient", "_search"] => {
            read::patients(sql, desk, pairs).await.map(Found::plain)
        }
        ["Patient", id] => read::patient(sql, desk, id).await,
        ["Patient", id, "$everything"] => search::everything(sql, desk, id, pairs)
            .await
            .map(Found::plain),
        _ => Err(Failed::new(
            404,
            IssueType::NotFound,
            "",
            "there is nothing at this address",
        )),
    }
}

/// The resource of the body.
async fn body(request: &mut Request) -> Result<Value, Failed> {
    let media = address::media_type(request.header("content-type").unwrap_or_default());
    if !matches!(
        media.as_str(),
        "application/fhir+json" | "application/json" | "application/json+fhir"
    ) {
        return Err(ApiError::unsupported_media_type("Send application/fhir+json.").into());
    }
    let bytes = request.bytes_within(bundles::BODY_BYTES_MAX).await?;
    bundles::parse(&bytes).map_err(Failed::from)
}

/// The parameters of the query and, where it was posted, of the body: a form or a
/// resource `Parameters`.
async fn parameters(
    request: &mut Request,
    method: &str,
    segments: &[&str],
) -> Result<Vec<(String, String)>, Failed> {
    let mut pairs = address::pairs(request.query_string());
    if method != "POST" {
        return Ok(pairs);
    }
    let media = address::media_type(request.header("content-type").unwrap_or_default());
    if media == "application/x-www-form-urlencoded" {
        let form = request.bytes_within(FORM_BYTES_MAX).await?;
        pairs.extend(form_urlencoded::parse(&form).into_owned());
    } else if segments.last().is_some_and(|name| name.starts_with('$')) && !media.is_empty() {
        pairs.extend(figures::parameters(&body(request).await?)?);
    } else if !media.is_empty() {
        let message = "Send application/x-www-form-urlencoded.";
        return Err(ApiError::unsupported_media_type(message).into());
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests;
