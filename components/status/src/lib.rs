//! Whether the application lives and whether it can work, for whoever starts,
//! watches and balances it.

mod checks;
mod queries;

use serde::Serialize;
use suoke_guest::{ApiError, Reply, Request, clock, reply};

use checks::Check;

suoke_guest::http_service!(route);

/// What answers.
const SERVICE: &str = "suoke-life";

/// It runs; nothing else is looked at.
#[derive(Serialize)]
struct Alive {
    status: &'static str,
    timestamp: String,
    service: &'static str,
    version: &'static str,
}

/// Whether everything that it needs answers.
#[derive(Serialize)]
struct Ready {
    status: &'static str,
    checks: Vec<Check>,
    timestamp: String,
}

async fn route(request: Request) -> Result<Reply, ApiError> {
    request.allow(&["GET"])?;
    let path = request.path().trim_end_matches('/');
    if path.ends_with("/ready") {
        return ready(checks::all().await, clock::now_ms());
    }
    let status = if path.ends_with("/live") {
        "alive"
    } else {
        "healthy"
    };
    reply::json(&Alive {
        status,
        timestamp: clock::rfc3339(clock::now_ms()),
        service: SERVICE,
        version: env!("CARGO_PKG_VERSION"),
    })
}

/// 503 keeps requests away until all is well again.
fn ready(checks: Vec<Check>, now_ms: i64) -> Result<Reply, ApiError> {
    let is_ready = checks.iter().all(|check| check.healthy);
    let (code, status) = if is_ready {
        (200, "ready")
    } else {
        (503, "not_ready")
    };
    let body = Ready {
        status,
        checks,
        timestamp: clock::rfc3339(now_ms),
    };
    let reply = reply::json_with(code, &body)?;
    Ok(if is_ready {
        reply
    } else {
        reply.header("retry-after", "1")
    })
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use serde_json::{Value, json};

    use super::*;

    fn ask(method: &str, path: &str) -> (Reply, Value) {
        let reply = block_on(suoke_guest::answer(Request::new(method, path), route));
        let body = serde_json::from_slice(reply.body_bytes()).unwrap_or_default();
        (reply, body)
    }

    #[test]
    fn it_lives_whatever_else_does() {
        for (path, status) in [("/health", "healthy"), ("/health/live", "alive")] {
            let (reply, body) = ask("GET", path);
            assert_eq!((reply.status(), &body["status"]), (200, &json!(status)));
            assert_eq!(body["service"], "suoke-life");
            assert!(body["version"].is_string() && body["timestamp"].is_string());
        }
        assert_eq!(ask("POST", "/health").0.status(), 405);
    }

    #[test]
    fn without_what_it_needs_it_is_not_ready_and_says_what_is_missing() {
        // Natively there are no databases and there is no Redis.
        for path in ["/health/ready", "/ready", "/ready/"] {
            let (reply, body) = ask("GET", path);
            assert_eq!(
                (reply.status(), &body["status"]),
                (503, &json!("not_ready"))
            );
            let checks = body["checks"].as_array().unwrap();
            let names: Vec<&str> = checks
                .iter()
                .filter_map(|check| check["name"].as_str())
                .collect();
            assert_eq!(
                names,
                ["ai", "care", "health", "identity", "platform", "redis"]
            );
            assert!(checks.iter().all(|check| check["healthy"] == json!(false)));
            assert_eq!(checks[0]["error"], "does not answer");
        }
    }

    #[test]
    fn it_is_ready_when_all_is_well() {
        let check = Check {
            name: "care",
            healthy: true,
            latency_ms: 1,
            error: None,
        };
        let reply = ready(vec![check], 0).unwrap();
        assert_eq!(reply.status(), 200);
        let body: Value = serde_json::from_slice(reply.body_bytes()).unwrap();
        assert_eq!(body["status"], "ready");
        assert_eq!(
            body["checks"],
            json!([{"name": "care", "healthy": true, "latency_ms": 1}])
        );
    }
}
