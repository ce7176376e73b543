//! Answers that are kept: of repeated requests, and of reads for a while.

use spin_sdk::wasip3::http::types::{ErrorCode, Request};
use suoke_gateway::idempotency::{self, Begun, Claim};
use suoke_gateway::{Stored, cache, headers};
use suoke_guest::wasi::body::{self, Contents, TrailersReader, Unread};
use suoke_guest::{ApiError, clock, log};
use suoke_redis::{Redis, RedisError};

use crate::incoming::Incoming;
use crate::outgoing::Outgoing;
use crate::recognise::Caller;
use crate::settings::{self, Settings};
use crate::wire;

/// What can be known of an answer before the function is called.
pub(crate) enum Before {
    /// Nothing: call it, and keep nothing.
    Nothing(Request),
    /// There is an answer.
    Known(Outgoing),
    /// Nothing yet: call it, and keep its answer to this read.
    Cache(Request, String),
    /// Nothing yet: call it, and keep its answer to this request. The body was
    /// read.
    Once(Contents, TrailersReader, Claim),
}

/// Looks for an answer.
///
/// # Errors
/// Those of [`idempotency`]; 413 when the body of such a request is too large,
/// 400 when it breaks off.
pub(crate) async fn before(
    incoming: &Incoming,
    settings: &Settings,
    caller: Option<&Caller>,
    request: Request,
) -> Result<Before, ApiError> {
    let policy = &settings.policy;
    match incoming.method.as_str() {
        "GET" if policy.cache_seconds > 0 => {
            let rights = caller.map(|caller| headers::rights(&caller.identity));
            let user_id = caller.map(|caller| caller.identity.user_id.as_str());
            Ok(cached(incoming, user_id.zip(rights.as_deref()), request).await)
        }
        "POST" | "PUT" | "PATCH" | "DELETE" if policy.idempotency => {
            match (incoming.all(idempotency::HEADER).first(), caller) {
                // Nobody's keys could be guessed by somebody else.
                (Some(key), Some(caller)) => once(incoming, settings, caller, key, request).await,
                _ => Ok(Before::Nothing(request)),
            }
        }
        _ => Ok(Before::Nothing(request)),
    }
}

async fn cached(incoming: &Incoming, caller: Option<(&str, &str)>, request: Request) -> Before {
    let header = |name| incoming.header(name).unwrap_or_default();
    let key = cache::key(cache::Read {
        route: &incoming.route,
        target: &incoming.target,
        language: header("accept-language"),
        accept: header("accept"),
        is_authorized: !incoming.all("authorization").is_empty(),
        caller,
    });
    let Some(key) = key else {
        return Before::Nothing(request);
    };
    match settings::ask_redis(async |redis| cache::find(&redis, &key).await).await {
        Ok(Some(stored)) => Before::Known(Outgoing::stored(stored)),
        Ok(None) => Before::Cache(request, key),
        Err(_) => Before::Nothing(request),
    }
}

async fn once(
    incoming: &Incoming,
    settings: &Settings,
    caller: &Caller,
    key: &[u8],
    request: Request,
) -> Result<Before, ApiError> {
    let key = idempotency::checked(key)?;
    let record = idempotency::record_key(&incoming.route, &caller.identity.user_id, key);
    let (contents, trailers) = wire::request_body(request);
    let bytes_max = idempotency::BODY_SIZE_BYTES_MAX;
    let body = body::read(contents, trailers, bytes_max).await;
    let body = body.map_err(|unread| unread.of_request(bytes_max))?;
    let media_type = incoming.header("content-type").unwrap_or_default();
    let (method, target) = (&incoming.method, &incoming.target);
    let rights = headers::rights(&caller.identity);
    let fingerprint = idempotency::fingerprint(&rights, method, target, media_type, &body);
    // It must not be given up half-way: nobody would know whether the work is ours.
    let redis = settings::patient_redis().await;
    let redis = redis.map_err(|error| ApiError::unavailable(format!("idempotency: {error}")))?;
    let deadline_ms = settings.policy.deadline_ms;
    let now_ms = clock::now_ms();
    match idempotency::begin(&redis, record, fingerprint, deadline_ms, now_ms).await? {
        Begun::Fresh(claim) => {
            let (contents, trailers) = body::of_bytes(body);
            Ok(Before::Once(contents, trailers, claim))
        }
        Begun::Replay(stored) => {
            let mut outgoing = Outgoing::stored(stored);
            outgoing.add("idempotency-replayed", "true");
            Ok(Before::Known(outgoing))
        }
    }
}

/// Keeps the answer to a read, if the function does not forbid it, and tags it.
///
/// # Errors
/// When its body breaks off.
pub(crate) async fn keep_read(
    settings: &Settings,
    key: &str,
    mut outgoing: Outgoing,
) -> Result<Outgoing, ErrorCode> {
    let bytes_max = Stored::BODY_SIZE_BYTES_MAX;
    if !outgoing.is_at_most(bytes_max) || !cache::may_keep(outgoing.status, &outgoing.headers) {
        return Ok(outgoing);
    }
    let body = whole(&mut outgoing, bytes_max).await?;
    outgoing.set_default("etag", &cache::etag(&body));
    if let Some(stored) = Stored::of(outgoing.status, &outgoing.headers, &body) {
        let seconds = settings.policy.cache_seconds;
        let keep = async |redis: Redis| cache::keep(&redis, key, &stored, seconds).await;
        let kept = settings::ask_redis(keep).await;
        complain("an answer is not kept", kept);
    }
    outgoing.put_body(body);
    Ok(outgoing)
}

/// Keeps the answer to a request that may come again, or at least that it was
/// done: what a function that failed has done is not known.
///
/// # Errors
/// When its body breaks off.
pub(crate) async fn keep_once(claim: Claim, mut outgoing: Outgoing) -> Result<Outgoing, ErrorCode> {
    let may_be_kept = outgoing.status < 500
        && (outgoing.is_at_most(Stored::BODY_SIZE_BYTES_MAX)
            || outgoing.header("content-length").is_none());
    if !may_be_kept {
        lose(claim).await;
        return Ok(outgoing);
    }
    let body = match whole(&mut outgoing, idempotency::BODY_SIZE_BYTES_MAX).await {
        Ok(body) => body,
        Err(code) => {
            lose(claim).await;
            return Err(code);
        }
    };
    let answer = idempotency::kept(outgoing.status, &outgoing.headers, &body);
    finish(claim, answer).await;
    outgoing.put_body(body);
    Ok(outgoing)
}

/// The function was called, and what came of it is not kept.
pub(crate) async fn lose(claim: Claim) {
    finish(claim, None).await;
}

async fn finish(claim: Claim, answer: Option<Stored>) {
    let finished = settings::tell_redis(async |redis| claim.finish(&redis, answer).await).await;
    complain("a repeated request waits", finished);
}

/// The function was not called: the request may come again.
pub(crate) async fn release(claim: Claim) {
    let released = settings::tell_redis(async |redis| claim.release(&redis).await).await;
    complain("a repeated request waits", released);
}

async fn whole(outgoing: &mut Outgoing, bytes_max: usize) -> Result<Vec<u8>, ErrorCode> {
    let body = outgoing.take_body(bytes_max).await;
    body.map_err(|problem| match problem {
        Unread::TooLarge => ErrorCode::HttpResponseBodySize(None),
        Unread::Broken(code) => code,
    })
}

fn complain(what: &str, outcome: Result<(), RedisError>) {
    if let Err(error) = outcome {
        log::warn(what, &[("cause", &error.to_string())]);
    }
}
