//! What somebody is in a group.

use serde::{Deserialize, Serialize};

/// A member's role. An owner does everything; an admin manages the group and all
/// members but owners; members and viewers differ by the group's rules alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sees.
    Viewer,
    /// Takes part.
    Member,
    /// Manages the group, its rules and its members.
    Admin,
    /// Also decides about owners, and about the end of the group.
    Owner,
}

impl Role {
    /// Every role, the least first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Member, Self::Admin, Self::Owner];

    /// As it is stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// The role of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// Whether it may change the group, its rules and its members.
    #[must_use]
    pub const fn manages(self) -> bool {
        matches!(self, Self::Admin | Self::Owner)
    }

    /// Whether it may make somebody a `role`, or take that role from somebody: admins
    /// have no say about owners.
    #[must_use]
    pub fn decides_about(self, role: Self) -> bool {
        self.manages() && role <= self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_managers_decide_and_only_up_to_their_own_role() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Some(role));
            assert!(Role::Owner.decides_about(role));
            assert_eq!(Role::Admin.decides_about(role), role != Role::Owner);
            assert!(!Role::Member.decides_about(role) && !Role::Viewer.decides_about(role));
        }
        assert_eq!(Role::parse("Owner"), None);
    }
}
