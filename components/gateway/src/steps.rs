//! The way of a request through the gateway, step by step.

use spin_sdk::wasip3::http::types::{ErrorCode, Request, Response};
use suoke_gateway::gate::Circuit;
use suoke_gateway::policy::Auth;
use suoke_gateway::{cache, circuit, headers};
use suoke_guest::ApiError;
use suoke_guest::wasi::body::{self, Contents, TrailersReader};
use suoke_identity::caller::headers::CLIENT_IP;

use crate::ask::{self, Refused};
use crate::call::{self, Called};
use crate::incoming::Incoming;
use crate::kept::{self, Before};
use crate::outgoing::Outgoing;
use crate::recognise::{self, Caller};
use crate::settings::Settings;
use crate::wire::{self, Headers, Line};

/// Serves a request from outside.
///
/// # Errors
/// Those of the function, when it broke off.
pub(crate) async fn serve(request: Request, incoming: Incoming) -> Result<Response, ErrorCode> {
    let settings = match Settings::load().await {
        Ok(settings) => settings,
        Err(error) => return Outgoing::problem(&incoming, error).await.send(&incoming),
    };
    let mut outgoing = match preflight(&incoming, &settings) {
        Some(outgoing) => return outgoing.send(&incoming),
        None => match answered(request, &incoming, &settings).await? {
            Ok(outgoing) => outgoing,
            Err(refused) => {
                let mut outgoing = Outgoing::problem(&incoming, refused.error).await;
                ask::tell(&mut outgoing, refused.nearest);
                outgoing
            }
        },
    };
    for (name, value) in settings.origins.headers(incoming.header("origin")) {
        outgoing.add(name, &value);
    }
    conditional(&incoming, outgoing).send(&incoming)
}

/// The answer to a browser that asks whether a page may ask.
fn preflight(incoming: &Incoming, settings: &Settings) -> Option<Outgoing> {
    let origin = incoming.header("origin")?;
    let asks = incoming.header("access-control-request-method").is_some();
    if incoming.method != "OPTIONS" || !asks || settings.origins.is_none() {
        return None;
    }
    let headers = settings.origins.preflight(origin).into_iter();
    let headers = headers.map(|(name, value)| (name.to_owned(), value.into_bytes()));
    Some(Outgoing::new(204, headers.collect(), Vec::new()))
}

/// What is answered: by the function, by what was kept, or by the gateway.
async fn answered(
    request: Request,
    incoming: &Incoming,
    settings: &Settings,
) -> Result<Result<Outgoing, Refused>, ErrorCode> {
    let caller = match recognise::caller(incoming, settings).await {
        Ok(caller) => caller,
        Err(error) => return Ok(Err(ask::refused(incoming, settings, error).await)),
    };
    let passed = match ask::passes(incoming, settings, caller.as_ref()).await {
        Ok(passed) => passed,
        Err(refused) => return Ok(Err(refused)),
    };
    let outcome = if let Circuit::Open { wait_ms } = passed.circuit {
        call::instead(settings, wait_ms)
    } else {
        called(request, incoming, settings, caller.as_ref(), passed.circuit).await?
    };
    Ok(match outcome {
        Ok(mut outgoing) => {
            ask::tell(&mut outgoing, passed.nearest);
            Ok(outgoing)
        }
        Err(error) => Err(Refused {
            error,
            nearest: passed.nearest,
        }),
    })
}

/// Calls the function, unless its answer is known, and keeps what is to be kept.
async fn called(
    request: Request,
    incoming: &Incoming,
    settings: &Settings,
    caller: Option<&Caller>,
    circuit: Circuit,
) -> Result<Result<Outgoing, ApiError>, ErrorCode> {
    let line = Line::of(&request);
    let before = match kept::before(incoming, settings, caller, request).await {
        Ok(Before::Known(outgoing)) => Err(Ok(outgoing)),
        Ok(Before::Nothing(request)) => Ok((body(incoming, request), None, None)),
        Ok(Before::Cache(request, key)) => Ok((body(incoming, request), Some(key), None)),
        Ok(Before::Once(contents, trailers, claim)) => {
            Ok((((contents, trailers), true), None, Some(claim)))
        }
        Err(error) => Err(Err(error)),
    };
    let (((contents, trailers), is_sent), key, claim) = match before {
        Ok(before) => before,
        Err(outcome) => {
            call::not_tried(incoming, circuit).await;
            return Ok(outcome);
        }
    };
    let headers = passed_on(incoming, settings, caller);
    let request = match wire::request(&line, &headers, contents, trailers) {
        Ok(request) => request,
        Err(code) => {
            call::not_tried(incoming, circuit).await;
            if let Some(claim) = claim {
                kept::release(claim).await;
            }
            return Err(code);
        }
    };
    let outgoing = match call::function(incoming, settings, circuit, is_sent, request).await {
        Called::Answered(outgoing) => Ok(outgoing),
        Called::Late(error) => Err(Ok(Err(error))),
        Called::Broken(code) => Err(Err(code)),
    };
    Ok(Ok(match (outgoing, key, claim) {
        (Ok(outgoing), Some(key), _) => kept::keep_read(settings, &key, outgoing).await?,
        (Ok(outgoing), None, Some(claim)) => kept::keep_once(claim, outgoing).await?,
        (Ok(outgoing), None, None) => outgoing,
        (Err(outcome), _, claim) => {
            if let Some(claim) = claim {
                kept::lose(claim).await;
            }
            return outcome;
        }
    }))
}

/// The body that the function gets, and whether all of it is there. Where none
/// is announced, none is passed on: nobody can be slow with it.
fn body(incoming: &Incoming, request: Request) -> ((Contents, TrailersReader), bool) {
    let is_bodiless = circuit::is_bodiless(&incoming.method, &incoming.headers);
    let body = if is_bodiless {
        body::of_bytes(Vec::new())
    } else {
        wire::request_body(request)
    };
    (body, is_bodiless)
}

/// What the function sees as headers: nothing of what only the gateway may say,
/// and what the gateway says.
fn passed_on(incoming: &Incoming, settings: &Settings, caller: Option<&Caller>) -> Headers {
    let is_trusted = incoming.is_peer_trusted(&settings.trusted);
    let hides_credential = settings.policy.auth != Auth::Public;
    let theirs = incoming.headers.iter();
    let mut passed: Headers = theirs
        .filter(|(name, _)| headers::is_passed_on(name, hides_credential, is_trusted))
        .cloned()
        .collect();
    let mut say = |name: &str, value: &str| {
        passed.push((name.to_owned(), value.as_bytes().to_vec()));
    };
    say("x-request-id", &incoming.id);
    say(CLIENT_IP, &incoming.client(&settings.trusted).to_string());
    if let Some(caller) = caller {
        for (name, value) in headers::of_identity(&caller.identity) {
            say(name, &value);
        }
    }
    passed
}

/// 304 when the caller has what would be sent (RFC 9110, 13.2.2).
fn conditional(incoming: &Incoming, outgoing: Outgoing) -> Outgoing {
    let is_read = matches!(incoming.method.as_str(), "GET" | "HEAD");
    let sent = incoming.header("if-none-match");
    match (sent, outgoing.header("etag")) {
        (Some(sent), Some(etag))
            if is_read && outgoing.status == 200 && cache::has_it(sent, etag) =>
        {
            outgoing.not_modified()
        }
        _ => outgoing,
    }
}
