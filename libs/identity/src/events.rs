//! What happens with sessions, tokens and credentials, as events. None carries a
//! token, an address or a password.

use serde::{Deserialize, Serialize};
use suoke_events::{Event, EventError};
use suoke_guest::Request;

/// [`TokenIssued`]
pub const TOKEN_ISSUED: &str = "auth.token.issued";
/// [`SessionEvent`]: a refresh token was exchanged.
pub const TOKEN_REFRESHED: &str = "auth.token.refreshed";
/// [`TokenRevoked`]
pub const TOKEN_REVOKED: &str = "auth.token.revoked";
/// [`SessionEvent`]: a refresh token came that had been exchanged already, and not
/// from the client that did it a moment ago.
pub const TOKEN_REUSE_DETECTED: &str = "auth.token.reuse_detected";
/// [`SessionEnded`]
pub const SESSION_ENDED: &str = "auth.session.ended";
/// [`UserEvent`]: the password was changed.
pub const PASSWORD_CHANGED: &str = "auth.password.changed";
/// [`UserEvent`]: the password was set anew with a mailed token.
pub const PASSWORD_RESET: &str = "auth.password.reset";
/// [`UserEvent`]: the second factor counts from now on.
pub const TOTP_ENABLED: &str = "auth.totp.enabled";
/// [`UserEvent`]: the second factor was taken away.
pub const TOTP_DISABLED: &str = "auth.totp.disabled";
/// [`ClientEvent`]: a program may get tokens of its own.
pub const CLIENT_CREATED: &str = "auth.client.created";
/// [`ClientEvent`]: it may no longer.
pub const CLIENT_DELETED: &str = "auth.client.deleted";

/// Tokens were given out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenIssued {
    /// The user, or the client.
    pub subject: String,
    /// The new session; none for clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// For what: `password`, `client_credentials`.
    pub grant: String,
    /// When, in RFC 3339.
    pub issued_at: String,
}

/// An access token is no longer good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRevoked {
    /// The token: `jti`.
    pub token_id: String,
    /// Whose it was.
    pub subject: String,
    /// Until when it would have been good, in seconds since the Unix epoch.
    pub expires_at: i64,
    /// When it was revoked, in RFC 3339.
    pub revoked_at: String,
}

/// Something happened to a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionEvent {
    /// Whose it is.
    pub user_id: String,
    /// The session.
    pub session_id: String,
    /// When, in RFC 3339.
    pub at: String,
}

/// A session is over, with all its tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionEnded {
    /// Whose it was.
    pub user_id: String,
    /// The session.
    pub session_id: String,
    /// Why: `logged_out`, `revoked`, `reuse_detected`, `password_changed`,
    /// `password_reset`, `too_many`, `account`, `client_deleted`.
    pub reason: String,
    /// When, in RFC 3339.
    pub ended_at: String,
}

/// Something happened to the credentials of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserEvent {
    /// The user.
    pub user_id: String,
    /// Who did it, where it was not the user: an administrator, or `operator`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When, in RFC 3339.
    pub at: String,
}

/// Something happened to a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientEvent {
    /// The client.
    pub client_id: String,
    /// Who did it: a user, or `operator`.
    pub by: String,
    /// When, in RFC 3339.
    pub at: String,
}

/// Who says so, and what set it off.
#[derive(Clone, Copy)]
pub struct Origin<'a> {
    component: &'a str,
    cause: Cause<'a>,
}

#[derive(Clone, Copy)]
enum Cause<'a> {
    Request(&'a Request),
    Event(&'a Event),
}

impl<'a> Origin<'a> {
    /// A component that answers a request.
    #[must_use]
    pub fn request(component: &'a str, request: &'a Request) -> Self {
        let cause = Cause::Request(request);
        Self { component, cause }
    }

    /// A component that follows an event.
    #[must_use]
    pub fn event(component: &'a str, event: &'a Event) -> Self {
        let cause = Cause::Event(event);
        Self { component, cause }
    }

    /// A new event of this origin about an aggregate, such as `user/ID`.
    ///
    /// # Errors
    /// When the data cannot be written as JSON.
    pub fn tells<T: Serialize>(
        &self,
        kind: &str,
        about: String,
        data: &T,
    ) -> Result<Event, EventError> {
        let event = Event::new(kind, self.component, data)?.about(about);
        Ok(match self.cause {
            Cause::Request(request) => event.from_request(request),
            Cause::Event(cause) => event.caused_by(cause),
        })
    }
}
