//! Operators publish events, look at what happened, and begin anew what went wrong.

mod check;
mod journal;
mod letters;
mod publish;
mod streams;

use suoke_guest::{ApiError, Reply, Request};

suoke_guest::http_service!(route);

async fn route(request: Request) -> Result<Reply, ApiError> {
    let asked = Asked::from(&request)?;
    request.allow(asked.methods())?;
    suoke_identity::operator(&request)?;
    answer(asked, request).await
}

/// What a path stands for. The host's routes know no methods.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Events { publish_only: bool },
    Event(String),
    Replay,
    Letters,
    Redrive,
    Stream { kind: String, id: String },
}

impl Asked {
    fn from(request: &Request) -> Result<Self, ApiError> {
        let segments: Vec<&str> = request.path().trim_matches('/').split('/').collect();
        match segments.as_slice() {
            ["events"] => Ok(Self::Events { publish_only: true }),
            ["api", "v1", "events"] => Ok(Self::Events {
                publish_only: false,
            }),
            ["api", "v1", "events", "replay"] => Ok(Self::Replay),
            ["api", "v1", "events", "dead-letters"] => Ok(Self::Letters),
            ["api", "v1", "events", "dead-letters", "redrive"] => Ok(Self::Redrive),
            ["api", "v1", "events", id] => Ok(Self::Event((*id).to_owned())),
            ["api", "v1", "streams", kind, id] => Ok(Self::Stream {
                kind: (*kind).to_owned(),
                id: (*id).to_owned(),
            }),
            _ => Err(ApiError::not_found("There is nothing at this path.")),
        }
    }

    fn methods(&self) -> &'static [&'static str] {
        match self {
            Self::Events { publish_only: true } | Self::Replay | Self::Redrive => &["POST"],
            Self::Events { .. } | Self::Stream { .. } => &["GET", "POST"],
            Self::Event(_) | Self::Letters => &["GET"],
        }
    }
}

async fn answer(asked: Asked, request: Request) -> Result<Reply, ApiError> {
    let writes = request.method() == "POST";
    match asked {
        Asked::Events { .. } if writes => publish::publish(request).await,
        Asked::Events { .. } => journal::list(&request).await,
        Asked::Event(id) => journal::one(&id).await,
        Asked::Replay => letters::replay(request).await,
        Asked::Letters => letters::list(&request).await,
        Asked::Redrive => letters::redrive(request).await,
        Asked::Stream { kind, id } => {
            check::name("type", &kind)?;
            check::name("id", &id)?;
            if writes {
                streams::append(request, &kind, &id).await
            } else {
                streams::read(&request, &kind, &id).await
            }
        }
    }
}

#[cfg(test)]
mod tests;
