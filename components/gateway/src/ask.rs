//! Whether a request passes: what is counted, and what Redis says.

use std::cell::Cell;

use suoke_gateway::gate::{self, Answer, Circuit, Counted, Nearest, Question};
use suoke_gateway::limit::Rates;
use suoke_gateway::{client, headers};
use suoke_guest::{ApiError, clock, log};
use suoke_identity::AuthMethod;
use suoke_redis::RedisError;

use crate::call;
use crate::incoming::Incoming;
use crate::outgoing::Outgoing;
use crate::recognise::{self, Caller};
use crate::settings::{self, Settings};

/// How often an instance says that Redis does not answer.
const COMPLAINT_MS: i64 = 10_000;

thread_local! {
    /// When it was last said, and how many requests were let through since.
    static COMPLAINT: Cell<(i64, u64)> = const { Cell::new((i64::MIN, 0)) };
}

/// A request that passes.
pub(crate) struct Passed {
    /// Whether the function may be called.
    pub(crate) circuit: Circuit,
    /// The nearest limit, if there is any.
    pub(crate) nearest: Option<Nearest>,
}

/// Why a request does not pass.
pub(crate) struct Refused {
    /// What the caller is told.
    pub(crate) error: ApiError,
    /// The limit, if that is why.
    pub(crate) nearest: Option<Nearest>,
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        Self {
            error,
            nearest: None,
        }
    }
}

/// Asks whether the request passes, and uses up what it takes.
///
/// # Errors
/// 401 `token_revoked`, 429 `rate_limited`, or 503 when nobody can tell whether
/// a token was revoked. Without Redis nothing is limited.
pub(crate) async fn passes(
    incoming: &Incoming,
    settings: &Settings,
    caller: Option<&Caller>,
) -> Result<Passed, Refused> {
    let limits = counted(incoming, settings, caller);
    let token = caller.and_then(|caller| caller.claims.as_ref());
    let question = Question {
        token,
        circuit: Some(&incoming.route),
        limits: &limits,
        now_us: None,
    };
    let (is_ready, passed) = match answer(question).await {
        Ok(Answer::Denied) => return Err(refused(incoming, settings, recognise::revoked()).await),
        Ok(Answer::Limited { retry_us, nearest }) => return Err(limited(retry_us, nearest)),
        Ok(Answer::Passed {
            is_ready,
            circuit,
            nearest,
        }) => (is_ready, Passed { circuit, nearest }),
        Err(error) => {
            complain(&error);
            let passed = Passed {
                circuit: Circuit::Closed,
                nearest: None,
            };
            (false, passed)
        }
    };
    if let (false, Some(token)) = (is_ready, token)
        && let Err(error) = recognise::not_revoked(token).await
    {
        call::not_tried(incoming, passed.circuit).await;
        return Err(error.into());
    }
    Ok(passed)
}

/// A caller who was not recognised: told so, but no more often than an address
/// may ask at all. Who guesses secrets is slowed down.
pub(crate) async fn refused(incoming: &Incoming, settings: &Settings, error: ApiError) -> Refused {
    if !matches!(error.status(), 401 | 403) {
        return error.into();
    }
    let limits = counted(incoming, settings, None);
    let question = Question {
        limits: &limits,
        ..Question::default()
    };
    match answer(question).await {
        Ok(Answer::Limited { retry_us, nearest }) => limited(retry_us, nearest),
        _ => error.into(),
    }
}

async fn answer(question: Question<'_>) -> Result<Answer, RedisError> {
    settings::ask_redis(async move |redis| gate::ask(&redis, question).await).await
}

/// What this request counts for: of all functions together the caller, by name
/// if there is one, else by address; operators are not to be locked out. Then
/// what the function limits itself, by its route or by the name it shares.
fn counted(incoming: &Incoming, settings: &Settings, caller: Option<&Caller>) -> Vec<Counted> {
    let address = client::counted_as(incoming.client(&settings.trusted));
    let own = &settings.policy.limits;
    let name = own.counted_as(&incoming.route);
    let mut counted = Vec::new();
    let mut add = |name: String, rates: &Rates| {
        counted.extend(
            rates
                .as_slice()
                .iter()
                .map(|rate| Counted::new(&name, *rate)),
        );
    };
    let off = Rates::default();
    let shared = if settings.policy.is_counted {
        &settings.limits
    } else {
        &off
    };
    match caller.map(|caller| &caller.identity) {
        None => add(format!("ip:{address}"), shared),
        Some(who) => {
            match who.method {
                AuthMethod::Jwt => add(format!("user:{}", who.user_id), shared),
                AuthMethod::Key => add(format!("key:{}", who.token_id), shared),
                AuthMethod::Operator => {}
            }
            add(format!("{name}:user:{}", who.user_id), &own.user);
            if who.method == AuthMethod::Key {
                add(format!("{name}:key:{}", who.token_id), &own.key);
            }
        }
    }
    add(format!("{name}:ip:{address}"), &own.ip);
    add(format!("{name}:all"), &own.route);
    counted
}

fn limited(retry_us: u64, nearest: Nearest) -> Refused {
    let seconds = i64::try_from(headers::seconds(retry_us)).unwrap_or(i64::MAX);
    Refused {
        error: ApiError::too_many_requests("rate limit exceeded", seconds),
        nearest: Some(nearest),
    }
}

/// Tells the caller how much is left.
pub(crate) fn tell(outgoing: &mut Outgoing, nearest: Option<Nearest>) {
    if let Some(nearest) = nearest {
        outgoing.set("ratelimit-limit", &nearest.count.to_string());
        outgoing.set("ratelimit-remaining", &nearest.remaining.to_string());
        let reset = headers::seconds(nearest.reset_us);
        outgoing.set("ratelimit-reset", &reset.to_string());
    }
}

/// Says that Redis does not answer, now and then.
pub(crate) fn complain(error: &RedisError) {
    let now_ms = clock::now_ms();
    let (last_ms, unlimited) = COMPLAINT.get();
    if now_ms.saturating_sub(last_ms) < COMPLAINT_MS {
        COMPLAINT.set((last_ms, unlimited + 1));
        return;
    }
    COMPLAINT.set((now_ms, 0));
    let cause = error.to_string();
    let unlimited = (unlimited + 1).to_string();
    let fields = [("cause", cause.as_str()), ("unlimited", &unlimited)];
    log::warn("requests pass without limits", &fields);
}
