//! The one step in Redis that each request takes: is the token still good, is
//! the function open, do all limits let it pass?

use suoke_identity::token::Claims;
use suoke_redis::{Redis, RedisError, Script, Value};

use crate::circuit;
use crate::limit::Rate;

static GATE: Script = Script::new(include_str!("gate.lua"));

/// How long the trial call of a half-open circuit may take until another one
/// is let through.
const PROBE_MS_MAX: u64 = 30_000;

/// How many numbers the script answers.
const ANSWERS: usize = 9;

/// The key that a Redis has once the denylist is in it.
const READY_KEY: &str = suoke_identity::denylist::READY_KEY;

/// Something that is counted, and how often it may happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The key in Redis.
    pub key: String,
    /// How often.
    pub rate: Rate,
}

impl Counted {
    /// What is counted under a name, which needs no period of its own.
    #[must_use]
    pub fn new(name: &str, rate: Rate) -> Self {
        Self {
            key: format!("rl:{name}:{}:{}", rate.count(), rate.period_ms()),
            rate,
        }
    }
}

/// What the step is to look at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Question<'a> {
    /// The token, if one was sent.
    pub token: Option<&'a Claims>,
    /// The function's name among circuits, if it has one.
    pub circuit: Option<&'a str>,
    /// What is counted.
    pub limits: &'a [Counted],
    /// The instant, in microseconds since the Unix epoch; that of the Redis
    /// server where it is absent, so that clocks of hosts do not count.
    pub now_us: Option<u64>,
}

/// Whether a function may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Circuit {
    /// It may.
    Closed,
    /// It is left alone for so long.
    Open {
        /// Milliseconds until it is worth asking again.
        wait_ms: u64,
    },
    /// It may, and what comes of it decides.
    Probe,
}

/// The limit that is nearest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nearest {
    /// How many may come at once.
    pub count: u32,
    /// How many more may come at once now.
    pub remaining: u64,
    /// When all of them may again, in microseconds from now.
    pub reset_us: u64,
}

/// What comes of the step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The token was revoked.
    Denied,
    /// Too many requests; nothing was consumed.
    Limited {
        /// When a retry passes, in microseconds from now.
        retry_us: u64,
        /// The limit that refused.
        nearest: Nearest,
    },
    /// The request passes.
    Passed {
        /// Whether Redis knows what was revoked; if not, ask somebody else.
        is_ready: bool,
        /// Whether the function may be called.
        circuit: Circuit,
        /// The nearest limit, if there is any.
        nearest: Option<Nearest>,
    },
}

/// Asks Redis.
///
/// # Errors
/// When Redis does not answer, or not as the script does.
pub async fn ask(redis: &Redis, question: Question<'_>) -> Result<Answer, RedisError> {
    let (keys, args) = written(question);
    let values = redis.eval(&GATE, &keys, &args).await?;
    answer(&values, question.limits).ok_or_else(|| RedisError::Unexpected {
        command: "the script of the gateway".to_owned(),
    })
}

fn written(question: Question<'_>) -> (Vec<String>, Vec<String>) {
    let mut keys = Vec::with_capacity(6 + question.limits.len());
    let mut args = Vec::with_capacity(5 + 2 * question.limits.len());
    let flag = |is_set: bool| if is_set { "1" } else { "" }.to_owned();
    args.push(
        question
            .now_us
            .map(|now| now.to_string())
            .unwrap_or_default(),
    );
    args.push(flag(question.token.is_some()));
    args.push(question.token.map_or(0, |token| token.ver).to_string());
    args.push(flag(question.circuit.is_some()));
    args.push(PROBE_MS_MAX.to_string());
    if let Some(token) = question.token {
        keys.push(READY_KEY.to_owned());
        keys.push(suoke_identity::denylist::token_key(&token.jti));
        keys.push(suoke_identity::denylist::session_key(&token.sid));
        keys.push(suoke_identity::denylist::user_key(&token.sub));
    }
    if let Some(name) = question.circuit {
        keys.push(circuit::state_key(name));
        keys.push(circuit::probe_key(name));
    }
    for limit in question.limits {
        keys.push(limit.key.clone());
        args.push(limit.rate.interval_us().to_string());
        args.push(limit.rate.capacity_us().to_string());
    }
    (keys, args)
}

fn answer(values: &[Value], limits: &[Counted]) -> Option<Answer> {
    let numbers: Option<Vec<u64>> = values
        .iter()
        .map(|value| value.as_int().and_then(|number| u64::try_from(number).ok()))
        .collect();
    let numbers = <[u64; ANSWERS]>::try_from(numbers?).ok()?;
    let [
        denied,
        ready,
        circuit,
        wait_ms,
        refused,
        tightest,
        remaining,
        reset_us,
        retry_us,
    ] = numbers;
    if denied == 1 {
        return Some(Answer::Denied);
    }
    let nearest = match usize::try_from(tightest).ok()?.checked_sub(1) {
        None => None,
        Some(index) => Some(Nearest {
            count: limits.get(index)?.rate.count(),
            remaining,
            reset_us,
        }),
    };
    if refused > 0 {
        let nearest = nearest?;
        return Some(Answer::Limited { retry_us, nearest });
    }
    let circuit = match circuit {
        0 => Circuit::Closed,
        1 => Circuit::Open { wait_ms },
        _ => Circuit::Probe,
    };
    Some(Answer::Passed {
        is_ready: ready == 1,
        circuit,
        nearest,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_script_of_ours_answers_is_an_error() {
        for values in [
            Vec::new(),
            vec![Value::Int(1)],
            vec![Value::Nil; ANSWERS],
            // A limit that nobody asked about.
            [0, 1, 0, 0, 3, 3, 0, 0, 5].map(Value::Int).to_vec(),
        ] {
            assert_eq!(answer(&values, &[]), None, "{values:?}");
        }
    }
}
