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
use suoke_redis::Redis;

use crate::ask;
use crate::incoming::Incoming;
use crate::next;
use crate::outgoing::Outgoing;
use crate::settings::{self, NS_PER_MS, Settings};

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

/// Calls the function. Where `is_sent` says that the whole request is there, a
/// function that is late fails; else its caller may be slow with the body.
pub(crate) async fn function(
    incoming: &Incoming,
    settings: &Settings,
    circuit: Circuit,
    is_sent: bool,
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
        Called::Late(_) if !is_sent => {
            not_tried(incoming, circuit).await;
            return called;
        }
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

/// A request that was let through as a probe says nothing of the function: the
/// next one is the probe.
pub(crate) async fn not_tried(incoming: &Incoming, circuit: Circuit) {
    if circuit != Circuit::Probe {
        return;
    }
    let route = &incoming.route;
    let given = async |redis: Redis| circuit::give_back(&redis, route).await;
    if let Err(error) = settings::tell_redis(given).await {
        ask::complain(&error);
    }
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
    let outcome = if is_failure && (trips || is_probe) {
        log::warn("a function is left alone", &[("route", route)]);
        let open_ms = breaker.open_ms;
        settings::tell_redis(async |redis| circuit::trip(&redis, route, open_ms, None).await).await
    } else if is_probe {
        settings::tell_redis(async |redis| circuit::close(&redis, route).await).await
    } else {
        Ok(())
    };
    if let Err(error) = outcome {
        ask::complain(&error);
    }
}
