//! Circuits: a function that keeps failing is left alone for a while, so that it
//! can recover and its callers need not wait for it.
//!
//! Each instance of the gateway watches the calls it makes. When they fail too
//! often it opens the circuit for everybody, in Redis. Once the time is over,
//! one call is let through: if it succeeds, the circuit closes.

use suoke_redis::{Redis, RedisError, Script};

use crate::policy::Breaker;

/// How many calls are looked back at.
pub const WINDOW: usize = 20;

/// How long it is remembered that a circuit was open, beyond its time.
const REMEMBER_MS: u64 = 60_000;

static TRIP: Script = Script::new(include_str!("trip.lua"));

/// Whether it is open.
pub(crate) fn state_key(name: &str) -> String {
    format!("breaker:{name}")
}

/// Who tries whether it can be closed.
pub(crate) fn probe_key(name: &str) -> String {
    format!("breaker:{name}:probe")
}

/// The last calls that one instance has made.
#[derive(Clone, Debug, Default)]
pub struct Window {
    /// The newest in the lowest bit; a failure is 1.
    calls: u32,
    /// How many there are, at most [`WINDOW`].
    count: u32,
    /// Failures since the last success.
    in_a_row: u32,
}

impl Window {
    /// Nothing was called yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            calls: 0,
            count: 0,
            in_a_row: 0,
        }
    }

    /// Notes what came of a call and says whether the function is to be left
    /// alone from now on; then all is forgotten.
    #[must_use]
    pub fn note(&mut self, is_failure: bool, breaker: &Breaker) -> bool {
        const MASK: u32 = (1 << WINDOW) - 1;
        self.calls = ((self.calls << 1) | u32::from(is_failure)) & MASK;
        self.count = (self.count + 1).min(WINDOW as u32);
        self.in_a_row = if is_failure { self.in_a_row + 1 } else { 0 };
        let failures = self.calls.count_ones();
        let is_full = self.count as usize == WINDOW;
        let is_often = is_full && f64::from(failures) >= breaker.ratio * f64::from(self.count);
        let trips = is_failure && (self.in_a_row >= breaker.failures || is_often);
        if trips {
            *self = Self::new();
        }
        trips
    }
}

/// Whether a status says that the function failed, rather than its caller.
#[must_use]
pub fn is_failure(status: u16) -> bool {
    // 501 says that there is no such thing, and 507 that a quota is used up.
    (500..600).contains(&status) && status != 501 && status != 507
}

/// Leaves a function alone, on all hosts.
///
/// # Errors
/// When Redis does not answer.
pub async fn trip(
    redis: &Redis,
    name: &str,
    open_ms: u64,
    now_us: Option<u64>,
) -> Result<(), RedisError> {
    let keys = [state_key(name), probe_key(name)];
    let args = [
        now_us.map(|now| now.to_string()).unwrap_or_default(),
        open_ms.to_string(),
        (open_ms + REMEMBER_MS).to_string(),
    ];
    redis.eval(&TRIP, &keys, &args).await.map(|_| ())
}

/// A probe never reached the function, or says nothing of it: the next request
/// is the probe.
///
/// # Errors
/// When Redis does not answer.
pub async fn give_back(redis: &Redis, name: &str) -> Result<(), RedisError> {
    redis.delete(&[probe_key(name)]).await.map(|_| ())
}

/// Whether a request has no body that its sender could be slow with. Where a
/// length is missing, HTTP/2 does not say in the head whether there is a body;
/// only of `GET` and `HEAD`, whose bodies mean nothing (RFC 9110, 9.3.1), it is
/// taken that there is none.
#[must_use]
pub fn is_bodiless(method: &str, headers: &[(String, Vec<u8>)]) -> bool {
    let all = |wanted: &str| {
        let wanted = wanted.to_owned();
        headers
            .iter()
            .filter(move |(name, _)| name.eq_ignore_ascii_case(&wanted))
            .map(|(_, value)| value.as_slice())
            .collect::<Vec<&[u8]>>()
    };
    let lengths = all("content-length");
    all("transfer-encoding").is_empty()
        && lengths.iter().all(|length| *length == b"0")
        && (!lengths.is_empty() || matches!(method, "GET" | "HEAD"))
}

/// A probe has succeeded: the function may be called again.
///
/// # Errors
/// When Redis does not answer.
pub async fn close(redis: &Redis, name: &str) -> Result<(), RedisError> {
    let keys = [state_key(name), probe_key(name)];
    redis.delete(&keys).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn breaker() -> Breaker {
        Breaker::default()
    }

    #[test]
    fn five_failures_in_a_row_open_it() {
        let mut window = Window::new();
        for _ in 0..4 {
            assert!(!window.note(true, &breaker()));
        }
        assert!(window.note(true, &breaker()));
        assert!(!window.note(true, &breaker()), "it starts anew");
    }

    #[test]
    fn half_of_twenty_open_it_and_fewer_do_not() {
        let mut window = Window::new();
        let trips: Vec<usize> = (0..20)
            .filter(|call| window.note(call % 2 == 1, &breaker()))
            .collect();
        assert_eq!(trips, [19]);
        let mut window = Window::new();
        let trips = (0..200).filter(|call| window.note(call % 5 == 0, &breaker()));
        assert_eq!(trips.count(), 0);
    }

    #[test]
    fn what_the_caller_did_wrong_is_no_failure() {
        let failures: Vec<u16> = (200..600).filter(|status| is_failure(*status)).collect();
        assert!(failures.iter().all(|status| *status >= 500));
        assert!(failures.contains(&503) && !failures.contains(&501));
    }

    #[test]
    fn only_requests_without_a_body_cannot_be_sent_slowly() {
        for (method, headers, expected) in [
            ("GET", vec![], true),
            ("HEAD", vec![], true),
            ("GET", vec![("content-length", "0")], true),
            ("GET", vec![("content-length", "1")], false),
            ("GET", vec![("Transfer-Encoding", "chunked")], false),
            ("POST", vec![], false),
            ("DELETE", vec![], false),
            ("POST", vec![("Content-Length", "0")], true),
            ("POST", vec![("content-length", "5")], false),
            (
                "POST",
                vec![("content-length", "0"), ("content-length", "5")],
                false,
            ),
        ] {
            let sent: Vec<_> = headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
                .collect();
            assert_eq!(is_bodiless(method, &sent), expected, "{method} {headers:?}");
        }
    }

    proptest! {
        #[test]
        fn it_opens_exactly_when_the_numbers_say_so(
            calls in proptest::collection::vec(any::<bool>(), 0..120),
            failures in 1..30u32,
            ratio in 0.05..1.0f64,
        ) {
            let breaker = Breaker { failures, ratio, open_ms: 1 };
            let mut window = Window::new();
            let mut seen: Vec<bool> = Vec::new();
            for is_failure in calls {
                seen.push(is_failure);
                let row = seen.iter().rev().take_while(|call| **call).count();
                let last: Vec<&bool> = seen.iter().rev().take(WINDOW).collect();
                let bad = last.iter().filter(|call| ***call).count();
                #[expect(clippy::cast_precision_loss, reason = "at most 20")]
                let often = last.len() == WINDOW && bad as f64 >= ratio * WINDOW as f64;
                let expected = is_failure && (row >= failures as usize || often);
                prop_assert_eq!(window.note(is_failure, &breaker), expected);
                if expected {
                    seen.clear();
                }
            }
        }
    }
}
