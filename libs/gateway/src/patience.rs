//! How long Redis is waited for. One that hangs must not hang every request.

use std::future::Future;
use std::pin::pin;

use futures::future::{Either, select};
use suoke_redis::RedisError;

/// How long one answer of Redis is waited for, in milliseconds.
pub const ANSWER_MS_MAX: u64 = 500;

/// How long an instance does not ask a Redis again that has not answered, in
/// milliseconds.
pub const REST_MS: i64 = 1000;

/// What Redis answers, unless the other future, a clock, is over before.
///
/// # Errors
/// Those of Redis; [`RedisError::Unavailable`] when it is late.
pub async fn within<T>(
    answer: impl Future<Output = Result<T, RedisError>>,
    clock: impl Future<Output = ()>,
) -> Result<T, RedisError> {
    match select(pin!(answer), pin!(clock)).await {
        Either::Left((answer, _)) => answer,
        Either::Right(((), _)) => Err(RedisError::Unavailable(format!(
            "no answer within {ANSWER_MS_MAX} ms"
        ))),
    }
}

/// Until when an instance leaves Redis alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rest {
    until_ms: Option<i64>,
}

impl Rest {
    /// Nothing was asked yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { until_ms: None }
    }

    /// Notes an answer: who could not be reached is left alone for a while,
    /// whoever refuses one command answers.
    #[must_use]
    pub fn noted<T>(self, answer: &Result<T, RedisError>, now_ms: i64) -> Self {
        match answer {
            Err(RedisError::Unavailable(_)) => Self {
                until_ms: Some(now_ms.saturating_add(REST_MS)),
            },
            Ok(_) | Err(_) => self,
        }
    }

    /// Whether Redis may be asked.
    ///
    /// # Errors
    /// [`RedisError::Unavailable`] while it is left alone.
    pub fn check(self, now_ms: i64) -> Result<(), RedisError> {
        // A clock that was set back must not make the rest longer.
        let left_ms = self.until_ms.map_or(0, |until_ms| until_ms - now_ms);
        if (1..=REST_MS).contains(&left_ms) {
            let told = "it has just not answered".to_owned();
            return Err(RedisError::Unavailable(told));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use std::future::{pending, ready};

    use super::*;

    #[test]
    fn who_never_answers_is_not_waited_for() {
        let late = block_on(within(pending::<Result<(), _>>(), ready(())));
        assert!(matches!(late, Err(RedisError::Unavailable(_))));
        assert_eq!(block_on(within(ready(Ok(1)), pending())), Ok(1));
    }

    #[test]
    fn who_has_not_answered_is_left_alone_for_a_while() {
        let late: Result<(), _> = Err(RedisError::Unavailable(String::new()));
        let rest = Rest::new().noted(&late, 5000);
        for (now_ms, expected) in [(5000, false), (5999, false), (6000, true), (1000, true)] {
            assert_eq!(rest.check(now_ms).is_ok(), expected, "{now_ms}");
        }
        assert!(Rest::new().check(0).is_ok());
    }

    #[test]
    fn a_refused_command_is_an_answer() {
        let refused: Result<(), _> = Err(RedisError::Refused {
            command: "GET".to_owned(),
            code: "WRONGTYPE".to_owned(),
        });
        assert!(Rest::new().noted(&refused, 5000).check(5000).is_ok());
    }
}
