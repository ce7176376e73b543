//! The function: called within its deadline, and left alone while it fails.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::pin;

use futures::future::{Either, select};
use spin_sdk::wasip3::clocks::monotonic_clock;
use spin_sdk::wasip3::http::types::{ErrorCode, Request};
use suoke_gateway::circuit::{self, Window};
use suoke_gateway::gate::Circuit;
use suoke_gateway::headers;
use suoke_guest::{ApiError, log};

use crate::ask;
use crate::incoming::Incoming;
use crate::next;
use crate::outgoing::Outgoing;
use crate::settings::{self, Settings};

/// Nanoseconds of a millisecond.
const NS_PER_MS: u64 = 1_000_000;

thread_local! {
    /// The last calls of this instance, by route.
    static WINDOWS: RefCell<BTreeMap<String, Window>> = const { RefCell::new(BTreeMap::new()) };
}

/// What came of a call.
pub(crate) enum Called {
    /// The function answered.
    Answered(Outgoing),
    /// It did not answer in time; what it did is not known.
    Late(ApiError),
    /// It broke off.
    Broken(ErrorCode),
}

/// Calls the function.
pub(crate) async fn function(
    incoming: &Incoming,
    settings: &Settings,
    circuit: Circuit,
    request: Request,
) -> Called {
    let deadline = settings.policy.deadline_ms.saturating_mul(NS_PER_MS);
    let called = match select(
        pin!(next::handle(request)),
        pin!(monotonic_clock::wait_for(deadline)),
    )
    .await
    {
        Either::Left((Ok(response), _)) => Called::Answered(Outgoing::of(response)),
        Either::Left((Err(code), _)) => Called::Broken(code),
        Either::Right(((), _)) => Called::Late(late()),
    };
    let is_failure = match &called {
        Called::Answered(outgoing) => circuit::is_failure(outgoing.status),
        Called::Late(_) | Called::Broken(_) => true,
    };
    note(incoming, settings, circuit, is_failure).await;
    called
}

/// What is answered while the function is left alone.
///
/// # Errors
/// 503 `circuit_open` where the policy has no other answer.
pub(crate) fn instead(settings: &Settings, wait_ms: u64) -> Result<Outgoing, ApiError> {
    if let Some(fallback) = &settings.policy.fallback {
        let body = fallback.body.clone().into_bytes();
        let headers = vec![
            ("content-type".to_owned(), b"application/json".to_vec()),
            ("cache-control".to_owned(), b"no-store".to_vec()),
        ];
        return Ok(Outgoing::new(fallback.status, headers, body));
    }
    let seconds = headers::seconds(wait_ms.saturating_mul(1000)).max(1);
    let detail = "This function fails at the moment and is left alone for a while.";
    let error = ApiError::new(503, "circuit_open", detail).zh("该功能暂时不可用，请稍后重试。");
    Err(error.header("retry-after", seconds.to_string()))
}

fn late() -> ApiError {
    let detail = "The function did not answer in time.";
    ApiError::new(504, "deadline_exceeded", detail).zh("处理超时。")
}

/// Notes what came of a call, and opens or closes the circuit.
async fn note(incoming: &Incoming, settings: &Settings, circuit: Circuit, is_failure: bool) {
    let route = &incoming.route;
    let breaker = &settings.policy.breaker;
    let trips = WINDOWS.with_borrow_mut(|windows| {
        let window = windows.entry(route.clone()).or_default();
        window.note(is_failure, breaker)
    });
    let is_probe = circuit == Circuit::Probe;
    let outcome = match settings::redis().await {
        Err(error) => Err(error),
        Ok(redis) if is_failure && (trips || is_probe) => {
            log::warn("a function is left alone", &[("route", route)]);
            circuit::trip(&redis, route, breaker.open_ms, None).await
        }
        Ok(redis) if is_probe => circuit::close(&redis, route).await,
        Ok(_) => Ok(()),
    };
    if let Err(error) = outcome {
        ask::complain(&error);
    }
}
