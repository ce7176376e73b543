//! Searches what belongs to a person and what everybody may know.

mod asked;
mod view;

use std::cell::Cell;

use suoke_guest::{ApiError, Reply, Request, page, reply};
use suoke_search::elastic::Client;
use suoke_search::{Found, Search, store};
use suoke_store::Database;

use view::Answer;

suoke_guest::http_service!(route);

thread_local! {
    /// Whether this instance has seen that the server has the template and the public
    /// documents.
    static IS_READY: Cell<bool> = const { Cell::new(false) };
}

async fn route(request: Request) -> Result<Reply, ApiError> {
    request.allow(&["GET"])?;
    let user = suoke_identity::caller(&request)?;
    let search = asked::read(request.query()?)?;
    let found = match Client::load().await? {
        Some(server) => ask(&server, &user.user_id, &search).await?,
        None => look(&mut Database::open("health").await?, &user.user_id, &search).await?,
    };
    reply::json(&Answer::from(found))
}

/// In the database.
async fn look(db: &mut Database, user_id: &str, search: &Search) -> Result<Found, ApiError> {
    if !search.after.as_ref().is_none_or(store::is_cursor) {
        return Err(page::invalid_cursor());
    }
    store::ensure_knowledge(db).await?;
    Ok(store::search(db, user_id, search).await?)
}

/// On the server of the variable `search_url`.
async fn ask(server: &Client, user_id: &str, search: &Search) -> Result<Found, ApiError> {
    if !IS_READY.get() {
        server.ensure().await?;
        IS_READY.set(true);
    }
    server.search(user_id, search).await
}

#[cfg(test)]
mod tests;
