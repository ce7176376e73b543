//! Who asks, and what they are in the group they ask about.

use suoke_events::Event;
use suoke_guest::{ApiError, Request, version};
use suoke_store::Sql;

use crate::queries::{self, GroupRow};
use crate::role::Role;

/// Who asks, and where.
#[derive(Clone, Copy)]
pub struct Actor<'a> {
    /// The user.
    pub user_id: &'a str,
    /// Whether they administer the platform: then they may what an owner may.
    pub is_admin: bool,
    /// What events are tied to.
    pub cause: Cause<'a>,
    /// The component that says what happened.
    pub component: &'static str,
}

/// What sets a change off.
#[derive(Clone, Copy)]
pub enum Cause<'a> {
    /// A request.
    Request(&'a Request),
    /// An event.
    Event(&'a Event),
}

/// A group that somebody may see, and what they are in it.
pub(crate) struct Access {
    pub(crate) group: GroupRow,
    /// Their role; administrators without one count as owners.
    pub(crate) role: Role,
}

impl Actor<'_> {
    /// Fails when the request has seen another version of a group: it names the version
    /// alone, or the tag that this one was shown.
    ///
    /// # Errors
    /// 409 `version_conflict`.
    pub(crate) fn expect(&self, group: &GroupRow) -> Result<(), ApiError> {
        let Cause::Request(request) = self.cause else {
            return Ok(());
        };
        let role = group.role.as_deref().and_then(Role::parse);
        let shown = tag(group.version, role);
        let known = request.header("if-match").unwrap_or_default();
        if known.split(',').any(|known| known.trim() == shown) {
            return Ok(());
        }
        version::expect(request, group.version)
    }

    /// The same event, tied to its cause.
    pub(crate) fn tie(&self, event: Event) -> Event {
        match self.cause {
            Cause::Request(request) => event.from_request(request),
            Cause::Event(cause) => event.caused_by(cause),
        }
    }

    /// The group, if this one may see it.
    ///
    /// # Errors
    /// 404: nobody learns of groups that they do not belong to.
    pub(crate) async fn access(&self, sql: &impl Sql, group_id: &str) -> Result<Access, ApiError> {
        let found = queries::group(sql, self.user_id, group_id).await?;
        let group = found.ok_or_else(no_group)?;
        let role = group.role.as_deref().and_then(Role::parse);
        let role = match role {
            _ if self.is_admin => Role::Owner,
            Some(role) => role,
            None => return Err(no_group()),
        };
        Ok(Access { group, role })
    }

    /// The group, if this one may manage it.
    ///
    /// # Errors
    /// 404 as above, 403 for members and viewers.
    pub(crate) async fn manage(&self, sql: &impl Sql, group_id: &str) -> Result<Access, ApiError> {
        let access = self.access(sql, group_id).await?;
        if access.role.manages() {
            return Ok(access);
        }
        Err(ApiError::forbidden(
            "Owners and admins of the group may do this.",
        ))
    }
}

/// The `ETag` of a group: its answer shows what the one who asks is in it, so the version
/// alone would be the same for different texts.
pub(crate) fn tag(version: i64, role: Option<Role>) -> String {
    match role {
        Some(role) => format!("\"{version}-{}\"", role.as_str()),
        None => version::etag(version),
    }
}

pub(crate) fn no_group() -> ApiError {
    ApiError::not_found("There is no such group.").zh("没有这个群组。")
}
