//! Tells functions what holds for a setting. Inside the application alone.

use serde::Deserialize;
use suoke_config::{Address, Effective, LABEL, config, environment};
use suoke_guest::{ApiError, Reply, Request, reply};
use suoke_store::{Database, Sql};

suoke_guest::http_service!(route);

/// The query.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    environment: Option<String>,
}

async fn route(request: Request) -> Result<Reply, ApiError> {
    request.allow(&["GET"])?;
    let (address, environment) = read(&request)?;
    let db = Database::open(LABEL).await?;
    answer(&db, &address, environment.as_deref()).await
}

/// Which setting, in which environment.
fn read(request: &Request) -> Result<(Address, Option<String>), ApiError> {
    let asked: Asked = request.query()?;
    let names = request.path().strip_prefix('/').unwrap_or_default();
    let (service, key) = names.split_once('/').ok_or_else(config::missing)?;
    let address = Address::new(service.to_owned(), key.to_owned())?;
    Ok((address, asked.environment.map(environment).transpose()?))
}

async fn answer(
    sql: &impl Sql,
    address: &Address,
    environment: Option<&str>,
) -> Result<Reply, ApiError> {
    let found = config::get(sql, address, environment).await?;
    let row = found.value.ok_or_else(config::missing)?;
    reply::json(&Effective {
        value: serde_json::from_str(&row.value)?,
        layer: row.place.layer,
        version: found.version,
    })
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use serde_json::json;
    use suoke_config::config::By;
    use suoke_config::{Layer, Place, Written};

    use super::*;

    #[test]
    fn what_holds_in_the_environment_is_told() {
        block_on(async {
            let mut db = Database::open_in_memory(LABEL).await.unwrap();
            let request = Request::new("PUT", "/");
            let by = By {
                request: &request,
                user_id: "operator",
            };
            let address = Address::new("agents".to_owned(), "timeout".to_owned()).unwrap();
            for (layer, environment, value) in
                [(Layer::Base, "", 1), (Layer::Environment, "staging", 2)]
            {
                let environment = environment.to_owned();
                let place = Place { layer, environment };
                let written = Written::json(&json!(value)).unwrap();
                config::set(&mut db, by, &address, &place, &written)
                    .await
                    .unwrap();
            }
            for (target, value) in [
                ("/agents/timeout", Some(1)),
                ("/agents/timeout?environment=staging", Some(2)),
                ("/agents/timeout?environment=other", Some(1)),
                ("/agents/other", None),
            ] {
                let (address, environment) = read(&Request::new("GET", target)).unwrap();
                let told = answer(&db, &address, environment.as_deref()).await;
                let told: Option<Effective> = told
                    .ok()
                    .map(|reply| serde_json::from_slice(reply.body_bytes()).unwrap());
                assert_eq!(told.map(|one| one.value), value.map(|one| json!(one)));
            }
        });
    }

    #[test]
    fn odd_questions_are_refused() {
        for (method, target, status) in [
            ("GET", "/", 404),
            ("GET", "/agents", 404),
            ("GET", "/agents/a/b", 400),
            ("GET", "/agents/..", 400),
            ("GET", "/agents/a?environment=A", 400),
            ("GET", "/agents/a?x=1", 400),
            ("PUT", "/agents/a", 405),
        ] {
            let reply = block_on(suoke_guest::answer(Request::new(method, target), route));
            assert_eq!(reply.status(), status, "{method} {target}");
        }
    }
}
