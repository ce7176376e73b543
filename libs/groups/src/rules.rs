//! The rules of groups and users, stored.

use suoke_events::Event;
use suoke_guest::{ApiError, FieldError, clock};
use suoke_store::{Database, Sql, StoreError, Transaction};

use crate::access::Actor;
use crate::events::{PERMISSIONS_UPDATED, PermissionsUpdated};
use crate::history::tell;
use crate::permission::{self, Decision, Effect, RULES_MAX, Rule, Who, decide};
use crate::queries::{self, RuleRow};
use crate::role::Role;

/// The rules of a group, in the order they were given, and the group's version, which is
/// read first: with newer rules, a change that refers to it is refused.
///
/// # Errors
/// 404 for who does not belong to it.
pub async fn list(
    sql: &impl Sql,
    actor: &Actor<'_>,
    group_id: &str,
) -> Result<(Vec<Rule>, i64), ApiError> {
    let version = actor.access(sql, group_id).await?.group.version;
    Ok((of_rows(queries::rules(sql, group_id).await?)?, version))
}

/// Gives a group these rules instead of what it has, if the request has seen the group's
/// version; gives the new version. Announce the event.
///
/// # Errors
/// 400 `permissions` when there are more than [`RULES_MAX`]; 403 for members and
/// viewers; 404; 409 `version_conflict`.
pub async fn replace(
    db: &mut Database,
    actor: &Actor<'_>,
    group_id: &str,
    rules: &[Rule],
) -> Result<(i64, Event), ApiError> {
    if rules.len() > RULES_MAX {
        let message = format!("must be at most {RULES_MAX}");
        let error = FieldError::new("permissions", "too_many", message);
        return Err(ApiError::invalid(vec![error]));
    }
    db.transaction(async |tx| {
        let group = actor.manage(tx, group_id).await?.group;
        actor.expect(&group)?;
        let now_ms = clock::now_ms();
        queries::replace_rules(tx, group_id, queries::json(rules)).await?;
        queries::bump_version(tx, group_id, now_ms).await?;
        let updated = PermissionsUpdated {
            group_id,
            count: rules.len(),
            updated_by: actor.user_id,
            updated_at: clock::rfc3339(now_ms),
        };
        let event = tell(tx, actor, group_id, PERMISSIONS_UPDATED, &updated).await?;
        Ok((group.version + 1, event))
    })
    .await
}

/// Whether a member may do something: by the group's rules and by those that the user
/// has everywhere. Without `user_id` it is about the one who asks; about others who
/// manages the group may ask.
///
/// # Errors
/// 400 that names what cannot be an action or a resource; 403; 404, also for a user who
/// does not belong to the group.
pub async fn check(
    sql: &impl Sql,
    actor: &Actor<'_>,
    group_id: &str,
    user_id: Option<&str>,
    action: &str,
    resource: &str,
) -> Result<Decision, ApiError> {
    let mut invalid = suoke_guest::Invalid::new();
    for (field, text) in [("action", action), ("resource", resource)] {
        let message = "must be 1 to 128 visible ASCII characters without *";
        invalid.check(permission::is_name(text), field, "invalid_value", message);
    }
    invalid.finish()?;
    let access = match user_id {
        Some(other) if other != actor.user_id => actor.manage(sql, group_id).await?,
        _ => actor.access(sql, group_id).await?,
    };
    let user_id = user_id.unwrap_or(actor.user_id);
    let member = queries::member(sql, group_id, user_id).await?;
    let role = match member.and_then(|member| Role::parse(&member.role)) {
        Some(role) => role,
        // An administrator of the platform who asks about themselves.
        None if user_id == actor.user_id => access.role,
        None => return Err(crate::access::no_group()),
    };
    let mut rules = of_rows(queries::rules(sql, group_id).await?)?;
    rules.extend(of_rows(queries::user_rules(sql, user_id).await?)?);
    Ok(decide(&rules, Who { user_id, role }, action, resource))
}

/// The rules that a user has everywhere.
///
/// # Errors
/// When the database fails.
pub async fn of_user(sql: &impl Sql, user_id: &str) -> Result<Vec<Rule>, ApiError> {
    of_rows(queries::user_rules(sql, user_id).await?)
}

/// Gives a user the rules that everybody begins with, unless they have some; how many
/// there are, and nothing where there is no such user. One who is suspended is there:
/// the rules wait for them.
///
/// # Errors
/// When the database fails.
pub async fn initialize(tx: &Transaction<'_>, user_id: &str) -> Result<Option<usize>, StoreError> {
    if !queries::is_present_user(tx, user_id).await? {
        return Ok(None);
    }
    if queries::user_rules(tx, user_id).await?.is_empty() {
        let rules = queries::json(&permission::user_defaults(user_id));
        queries::insert_user_rules(tx, user_id, rules).await?;
    }
    Ok(Some(queries::user_rules(tx, user_id).await?.len()))
}

/// Takes back what a user may do everywhere.
///
/// # Errors
/// When the database fails.
pub async fn clean_up(tx: &Transaction<'_>, user_id: &str) -> Result<(), StoreError> {
    queries::delete_user_rules(tx, user_id).await
}

/// A row that is no rule fails all of them: passing over one that denies would permit.
fn of_rows(rows: Vec<RuleRow>) -> Result<Vec<Rule>, ApiError> {
    rows.into_iter().map(of_row).collect()
}

fn of_row(row: RuleRow) -> Result<Rule, ApiError> {
    let effect = match row.effect.as_str() {
        "allow" => Effect::Allow,
        "deny" => Effect::Deny,
        _ => return Err(ApiError::internal("a stored rule has no effect")),
    };
    Ok(Rule {
        subject: row.subject.try_into().map_err(ApiError::internal)?,
        action: row.action.try_into().map_err(ApiError::internal)?,
        resource: row.resource.try_into().map_err(ApiError::internal)?,
        effect,
    })
}
