//! The gateway's scripts on a real Redis: they agree with the pure functions,
//! and what refuses consumes nothing.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

use futures::executor::block_on;
use proptest::prelude::*;
use suoke_gateway::Stored;
use suoke_gateway::circuit;
use suoke_gateway::gate::{self, Answer, Circuit, Counted, Nearest, Question};
use suoke_gateway::idempotency::{self, Begun};
use suoke_gateway::limit::{Rate, gcra};
use suoke_identity::token::Claims;
use suoke_redis::{Redis, TestServer};

/// An instant, in microseconds.
const NOW_US: u64 = 1_790_000_000_000_000;

fn limit(name: &str, count: u32, period_ms: u64) -> Counted {
    Counted::new(name, Rate::new(count, period_ms).unwrap())
}

fn ask(redis: &Redis, limits: &[Counted], now_us: u64) -> Answer {
    let question = Question {
        limits,
        now_us: Some(now_us),
        ..Question::default()
    };
    block_on(gate::ask(redis, question)).unwrap()
}

fn has_passed(answer: &Answer) -> bool {
    matches!(answer, Answer::Passed { .. })
}

fn token() -> Claims {
    Claims {
        sub: "u1".to_owned(),
        jti: "j1".to_owned(),
        sid: "s1".to_owned(),
        ver: 3,
        ..Claims::default()
    }
}

fn ask_with_token(redis: &Redis, token: &Claims, limits: &[Counted]) -> Answer {
    let question = Question {
        token: Some(token),
        limits,
        now_us: Some(NOW_US),
        ..Question::default()
    };
    block_on(gate::ask(redis, question)).unwrap()
}

#[test]
fn the_script_and_the_pure_function_agree() {
    let server = TestServer::start();
    let redis = server.connect();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(48));
    let strategy = (
        1..20u32,
        1..60_000u64,
        proptest::collection::vec(0..3_000_000u64, 1..40),
    );
    let outcome = runner.run(&strategy, |(count, period_ms, pauses)| {
        block_on(redis.command::<&str>("FLUSHALL", &[])).unwrap();
        prop_assume!(Rate::new(count, period_ms).is_some());
        let limits = [limit("x", count, period_ms)];
        let (mut now, mut tat) = (NOW_US, None);
        for pause in pauses {
            now += pause;
            let expected = gcra(tat, now, limits[0].rate);
            tat = Some(expected.tat_us);
            let nearest = Nearest {
                count,
                remaining: expected.remaining,
                reset_us: expected.reset_us,
            };
            // Redis forgets keys by its own clock, and this one is made up:
            // what is written stays as long as the test writes it.
            let answer = ask(&redis, &limits, now);
            let written = tat.unwrap().to_string();
            block_on(redis.set(&limits[0].key, written.as_bytes(), None)).unwrap();
            match expected.retry_us {
                Some(retry_us) => {
                    prop_assert_eq!(answer, Answer::Limited { retry_us, nearest });
                }
                None => {
                    let passed = Answer::Passed {
                        is_ready: true,
                        circuit: Circuit::Closed,
                        nearest: Some(nearest),
                    };
                    prop_assert_eq!(answer, passed);
                }
            }
        }
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn when_one_limit_refuses_none_is_used_up() {
    let server = TestServer::start();
    let redis = server.connect();
    let (wide, narrow) = (limit("wide", 10, 60_000), limit("narrow", 1, 60_000));
    assert!(has_passed(&ask(
        &redis,
        &[wide.clone(), narrow.clone()],
        NOW_US
    )));
    for _ in 0..20 {
        let answer = ask(&redis, &[wide.clone(), narrow.clone()], NOW_US);
        assert!(matches!(answer, Answer::Limited { nearest, .. } if nearest.count == 1));
    }
    for _ in 0..9 {
        assert!(has_passed(&ask(
            &redis,
            std::slice::from_ref(&wide),
            NOW_US
        )));
    }
    assert!(!has_passed(&ask(&redis, &[wide], NOW_US)));
}

#[test]
fn two_connections_share_one_limit() {
    let server = TestServer::start();
    let redis = [server.connect(), server.connect()];
    let limits = [limit("shared", 7, 60_000)];
    let passed = (0..20).filter(|turn| has_passed(&ask(&redis[turn % 2], &limits, NOW_US)));
    assert_eq!(passed.count(), 7);
}

#[test]
fn the_servers_clock_counts_where_no_instant_is_given() {
    let server = TestServer::start();
    let redis = server.connect();
    let limits = [limit("clock", 2, 86_400_000)];
    let question = Question {
        limits: &limits,
        ..Question::default()
    };
    let passed = (0..5).filter(|_| has_passed(&block_on(gate::ask(&redis, question)).unwrap()));
    assert_eq!(passed.count(), 2);
}

#[test]
fn a_request_without_limits_passes() {
    let server = TestServer::start();
    let expected = Answer::Passed {
        is_ready: true,
        circuit: Circuit::Closed,
        nearest: None,
    };
    assert_eq!(ask(&server.connect(), &[], NOW_US), expected);
}

#[test]
fn a_revoked_token_is_denied_and_uses_nothing_up() {
    let server = TestServer::start();
    let redis = server.connect();
    let limits = [limit("user:u1", 1, 60_000)];
    for key in ["bl:j1", "auth:session:s1"] {
        block_on(redis.set(key, b"1", None)).unwrap();
        assert_eq!(
            ask_with_token(&redis, &token(), &limits),
            Answer::Denied,
            "{key}"
        );
        block_on(redis.delete(&[key])).unwrap();
    }
    block_on(redis.set("auth:user:u1", b"4", None)).unwrap();
    assert_eq!(ask_with_token(&redis, &token(), &limits), Answer::Denied);
    block_on(redis.set("auth:user:u1", b"3", None)).unwrap();
    assert!(has_passed(&ask_with_token(&redis, &token(), &limits)));
}

#[test]
fn others_revocations_deny_nobody() {
    let server = TestServer::start();
    let redis = server.connect();
    for key in ["bl:j2", "auth:session:s2", "auth:session:", "auth:user:u2"] {
        block_on(redis.set(key, b"9", None)).unwrap();
    }
    assert!(has_passed(&ask_with_token(&redis, &token(), &[])));
}

#[test]
fn a_redis_that_has_forgotten_says_so() {
    let server = TestServer::start();
    let redis = server.connect();
    let is_ready = |answer| matches!(answer, Answer::Passed { is_ready: true, .. });
    assert!(!is_ready(ask_with_token(&redis, &token(), &[])));
    block_on(redis.set("auth:ready", b"1", None)).unwrap();
    assert!(is_ready(ask_with_token(&redis, &token(), &[])));
}

fn state(redis: &Redis, now_us: u64) -> Circuit {
    let question = Question {
        circuit: Some("f"),
        now_us: Some(now_us),
        ..Question::default()
    };
    match block_on(gate::ask(redis, question)).unwrap() {
        Answer::Passed { circuit, .. } => circuit,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_circuit_opens_is_tried_once_and_closes() {
    let server = TestServer::start();
    let (here, there) = (server.connect(), server.connect());
    assert_eq!(state(&here, NOW_US), Circuit::Closed);
    block_on(circuit::trip(&here, "f", 30_000, Some(NOW_US))).unwrap();
    assert_eq!(state(&there, NOW_US), Circuit::Open { wait_ms: 30_000 });
    let later = NOW_US + 29_999_001;
    assert_eq!(state(&there, later), Circuit::Open { wait_ms: 1 });
    let over = NOW_US + 30_000_000;
    assert_eq!(state(&there, over), Circuit::Probe);
    assert!(
        matches!(state(&here, over), Circuit::Open { .. }),
        "one tries"
    );
    block_on(circuit::close(&there, "f")).unwrap();
    assert_eq!(state(&here, over), Circuit::Closed);
}

#[test]
fn a_probe_that_never_reached_the_function_is_given_back() {
    let server = TestServer::start();
    let redis = server.connect();
    block_on(circuit::trip(&redis, "f", 1000, Some(NOW_US))).unwrap();
    let over = NOW_US + 1_000_000;
    assert_eq!(state(&redis, over), Circuit::Probe);
    assert!(matches!(state(&redis, over), Circuit::Open { .. }));
    block_on(circuit::give_back(&redis, "f")).unwrap();
    assert_eq!(state(&redis, over), Circuit::Probe, "the next one tries");
}

#[test]
fn a_probe_that_fails_opens_the_circuit_again() {
    let server = TestServer::start();
    let redis = server.connect();
    block_on(circuit::trip(&redis, "f", 1000, Some(NOW_US))).unwrap();
    let over = NOW_US + 1_000_000;
    assert_eq!(state(&redis, over), Circuit::Probe);
    block_on(circuit::trip(&redis, "f", 1000, Some(over))).unwrap();
    assert_eq!(state(&redis, over), Circuit::Open { wait_ms: 1000 });
    assert_eq!(state(&redis, over + 1_000_000), Circuit::Probe);
}

/// The same instant, in milliseconds.
const NOW_MS: i64 = 1_790_000_000_000;

/// How long requests may take, in milliseconds.
const DEADLINE_MS: u64 = 1000;

fn begin(redis: &Redis, body: &str) -> Result<Begun, (u16, String)> {
    begin_as(redis, "jwt user ", body, NOW_MS)
}

fn begin_as(redis: &Redis, rights: &str, body: &str, now_ms: i64) -> Result<Begun, (u16, String)> {
    let key = idempotency::record_key("/orders", "u1", "k1");
    let body = body.as_bytes();
    let fingerprint = idempotency::fingerprint(rights, "POST", "/orders", "text/plain", body);
    block_on(idempotency::begin(
        redis,
        key,
        fingerprint,
        DEADLINE_MS,
        now_ms,
    ))
    .map_err(|error| (error.status(), error.code().to_owned()))
}

fn claimed(redis: &Redis, body: &str) -> idempotency::Claim {
    match begin(redis, body) {
        Ok(Begun::Fresh(claim)) => claim,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_answer_of_the_first_time_comes_again() {
    let server = TestServer::start();
    let redis = server.connect();
    let claim = claimed(&redis, "a");
    let in_progress = (409, "idempotency_in_progress".to_owned());
    assert_eq!(begin(&redis, "a"), Err(in_progress));
    let answer = Stored::of(
        201,
        &[("location".to_owned(), b"/orders/1".to_vec())],
        b"{}",
    );
    block_on(claim.finish(&redis, answer.clone())).unwrap();
    assert_eq!(begin(&redis, "a"), Ok(Begun::Replay(answer.unwrap())));
}

#[test]
fn a_key_with_another_request_is_refused() {
    let server = TestServer::start();
    let redis = server.connect();
    let reused = || Err((422, "idempotency_key_reused".to_owned()));
    let claim = claimed(&redis, "a");
    assert_eq!(begin(&redis, "b"), reused());
    block_on(claim.finish(&redis, Stored::of(200, &[], b""))).unwrap();
    assert_eq!(begin(&redis, "b"), reused());
}

#[test]
fn an_answer_too_large_to_keep_is_not_made_twice() {
    let server = TestServer::start();
    let redis = server.connect();
    block_on(claimed(&redis, "a").finish(&redis, None)).unwrap();
    assert_eq!(begin(&redis, "a"), Err(lost()));
}

fn lost() -> (u16, String) {
    (409, "idempotency_answer_lost".to_owned())
}

#[test]
fn what_failed_is_not_done_again() {
    let server = TestServer::start();
    let redis = server.connect();
    for status in [500, 502, 503, 504] {
        let kept = idempotency::kept(status, &[], b"{}");
        assert_eq!(kept, None, "{status}");
        block_on(redis.command::<&str>("FLUSHALL", &[])).unwrap();
        block_on(claimed(&redis, "a").finish(&redis, kept)).unwrap();
        assert_eq!(begin(&redis, "a"), Err(lost()));
    }
    assert!(idempotency::kept(422, &[], b"{}").is_some());
}

#[test]
fn what_was_not_heard_of_again_is_lost_and_not_done_again() {
    let server = TestServer::start();
    let redis = server.connect();
    claimed(&redis, "a");
    let in_progress = Err((409, "idempotency_in_progress".to_owned()));
    for (after_ms, expected) in [(1000, in_progress), (60_000, Err(lost()))] {
        assert_eq!(
            begin_as(&redis, "jwt user ", "a", NOW_MS + after_ms),
            expected
        );
    }
    let key = idempotency::record_key("/orders", "u1", "k1");
    let left_ms = block_on(redis.command("PTTL", &[key.as_str()])).unwrap();
    assert!(left_ms[0].as_int().unwrap() > 23 * 60 * 60 * 1000);
}

#[test]
fn the_same_user_with_other_rights_gets_no_answer() {
    let server = TestServer::start();
    let redis = server.connect();
    let answer = idempotency::kept(200, &[], b"for admins");
    block_on(claimed(&redis, "a").finish(&redis, answer)).unwrap();
    let other = begin_as(&redis, "key user records:read", "a", NOW_MS);
    assert_eq!(other, Err((422, "idempotency_key_reused".to_owned())));
}

#[test]
fn what_never_reached_the_function_may_be_tried_again() {
    let server = TestServer::start();
    let redis = server.connect();
    block_on(claimed(&redis, "a").release(&redis)).unwrap();
    claimed(&redis, "a");
}

#[test]
fn who_was_too_late_overwrites_nobody() {
    let server = TestServer::start();
    let redis = server.connect();
    let late = claimed(&redis, "a");
    block_on(redis.command::<&str>("FLUSHALL", &[])).unwrap();
    let claim = claimed(&redis, "a");
    block_on(late.finish(&redis, Stored::of(500, &[], b"late"))).unwrap();
    let answer = Stored::of(200, &[], b"in time");
    block_on(claim.finish(&redis, answer.clone())).unwrap();
    assert_eq!(begin(&redis, "a"), Ok(Begun::Replay(answer.unwrap())));
}

#[test]
fn without_redis_nothing_is_begun() {
    let memory = suoke_redis::Memory::new();
    memory.set_broken(true);
    let unavailable = (503, "unavailable".to_owned());
    assert_eq!(begin(&Redis::memory(&memory), "a"), Err(unavailable));
}
