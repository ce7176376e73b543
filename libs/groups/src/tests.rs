//! Groups on a real SQLite: who may do what with them, and that an owner stays.

use futures::executor::block_on;
use suoke_events::{Event, streams};
use suoke_guest::{ApiError, Request};
use suoke_store::{Database, Sql, params};

use crate::groups::{self, Group, GroupChange, NewGroup};
use crate::members::{self, Succession};
use crate::permission::{Rule, defaults};
use crate::{Actor, Cause, Role, history, rules};

/// Users `…0001` to `…0009`.
fn user(number: u32) -> String {
    format!("018f0000-0000-7000-8000-00000000000{number}")
}

async fn store() -> Database {
    let db = Database::open_in_memory(groups::LABEL).await.unwrap();
    for number in 1..=9 {
        db.execute(
            "INSERT INTO users (id, email, name, password_hash, created_at, updated_at) \
             VALUES (?1, ?1 || '@example.com', 'x', '', 1, 1)",
            params![user(number)],
        )
        .await
        .unwrap();
    }
    db
}

/// Somebody in a request.
struct Somebody {
    id: String,
    is_admin: bool,
    request: Request,
}

impl Somebody {
    fn user(number: u32) -> Self {
        Self::new(&user(number), false)
    }

    fn operator() -> Self {
        Self::new("operator", true)
    }

    fn new(id: &str, is_admin: bool) -> Self {
        Self {
            id: id.to_owned(),
            is_admin,
            request: Request::new("PUT", "/").with_header("x-request-id", "r1"),
        }
    }

    fn knowing(mut self, version: i64) -> Self {
        self.request = self
            .request
            .with_header("if-match", &format!("\"{version}\""));
        self
    }

    fn actor(&self) -> Actor<'_> {
        Actor {
            user_id: &self.id,
            is_admin: self.is_admin,
            cause: Cause::Request(&self.request),
            component: "groups",
        }
    }
}

fn named(name: &str) -> NewGroup {
    NewGroup {
        name: name.to_owned(),
        description: String::new(),
        settings: serde_json::Map::new(),
    }
}

/// A group of the first user, with an admin (2), a member (3) and a viewer (4).
async fn family(db: &mut Database) -> Group {
    let owner = Somebody::user(1);
    let (group, _) = groups::create(db, &owner.actor(), named(" 家 "))
        .await
        .unwrap();
    for (number, role) in [(2, Role::Admin), (3, Role::Member), (4, Role::Viewer)] {
        add(db, 1, &group, number, role).await.unwrap();
    }
    group
}

async fn add(
    db: &mut Database,
    by: u32,
    group: &Group,
    number: u32,
    role: Role,
) -> Result<Event, ApiError> {
    let by = Somebody::user(by);
    let added = members::add(db, &by.actor(), &group.group_id, &user(number), role).await;
    added.map(|(_, event)| event)
}

async fn change(
    db: &mut Database,
    by: u32,
    group: &Group,
    number: u32,
    role: Role,
) -> Result<usize, ApiError> {
    let by = Somebody::user(by);
    let changed = members::change(db, &by.actor(), &group.group_id, &user(number), role).await;
    changed.map(|(_, events)| events.len())
}

async fn remove(db: &mut Database, by: u32, group: &Group, number: u32) -> Result<Event, ApiError> {
    let by = Somebody::user(by);
    members::remove(db, &by.actor(), &group.group_id, &user(number)).await
}

async fn roles(db: &Database, group: &Group) -> Vec<(u32, Role)> {
    let operator = Somebody::operator();
    let members = members::list(db, &operator.actor(), &group.group_id, None, 100).await;
    let number = |id: &str| {
        id.chars()
            .last()
            .and_then(|last| last.to_digit(10))
            .unwrap()
    };
    let members = members.unwrap().into_iter();
    members
        .map(|one| (number(&one.user_id), one.role))
        .collect()
}

async fn owner_of(db: &Database, group: &Group) -> String {
    let operator = Somebody::operator();
    groups::get(db, &operator.actor(), &group.group_id)
        .await
        .unwrap()
        .owner
}

fn told<T: std::fmt::Debug>(result: Result<T, ApiError>) -> (u16, String) {
    let error = result.unwrap_err();
    (error.status(), error.code().to_owned())
}

fn forbidden() -> (u16, String) {
    (403, "forbidden".to_owned())
}

#[test]
fn a_new_group_has_an_owner_rules_events_and_a_history() {
    block_on(async {
        let mut db = store().await;
        let owner = Somebody::user(1);
        let (group, events) = groups::create(&mut db, &owner.actor(), named(" 家 "))
            .await
            .unwrap();
        assert_eq!((group.name.as_str(), group.member_count), ("家", 1));
        assert_eq!((&group.owner, group.role), (&user(1), Some(Role::Owner)));
        let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
        assert_eq!(kinds, ["group.created", "group.member.added"]);
        assert_eq!(events[0].data["owner"], user(1));
        assert_eq!(events[0].correlationid.as_deref(), Some("r1"));
        let read = groups::get(&db, &owner.actor(), &group.group_id)
            .await
            .unwrap();
        assert_eq!(read, group);
        let (rules, _) = rules::list(&db, &owner.actor(), &group.group_id)
            .await
            .unwrap();
        assert_eq!(rules, defaults());
        let past = history(&db, &owner.actor(), &group.group_id, 0, 100)
            .await
            .unwrap();
        assert_eq!((past.len(), past[1].version), (2, 2));
        assert_eq!(past[1].data["role"], "owner");
    });
}

#[test]
fn an_owner_has_a_name_once_and_others_may_have_it_too() {
    block_on(async {
        let mut db = store().await;
        family(&mut db).await;
        let (first, second) = (Somebody::user(1), Somebody::user(2));
        let again = groups::create(&mut db, &first.actor(), named("家")).await;
        assert_eq!(told(again), (409, "group_exists".to_owned()));
        assert!(
            groups::create(&mut db, &second.actor(), named("家"))
                .await
                .is_ok()
        );
        for odd in ["", "  ", "a\nb", &"中".repeat(101)] {
            let made = groups::create(&mut db, &first.actor(), named(odd)).await;
            assert_eq!(told(made), (400, "validation_failed".to_owned()), "{odd:?}");
        }
        let operator = Somebody::operator();
        let made = groups::create(&mut db, &operator.actor(), named("x")).await;
        assert_eq!(told(made), forbidden());
    });
}

#[test]
fn nobody_learns_of_a_group_that_they_do_not_belong_to() {
    block_on(async {
        let mut db = store().await;
        let group = family(&mut db).await;
        let (id, stranger) = (group.group_id.as_str(), Somebody::user(9));
        let actor = stranger.actor();
        let no_group = (404, "not_found".to_owned());
        assert_eq!(told(groups::get(&db, &actor, id).await), no_group);
        let change = GroupChange::default();
        assert_eq!(
            told(groups::update(&mut db, &actor, id, change).await),
            no_group
        );
        assert_eq!(told(groups::delete(&mut db, &actor, id).await), no_group);
        assert_eq!(
            told(members::list(&db, &actor, id, None, 9).await),
            no_group
        );
        assert_eq!(
            told(add(&mut db, 9, &group, 9, Role::Owner).await),
            no_group
        );
        assert_eq!(told(remove(&mut db, 9, &group, 3).await), no_group);
        assert_eq!(told(rules::list(&db, &actor, id).await), no_group);
        assert_eq!(
            told(rules::replace(&mut db, &actor, id, &[]).await),
            no_group
        );
        let checked = rules::check(&db, &actor, id, None, "read", "x").await;
        assert_eq!(told(checked), no_group);
        assert_eq!(told(history(&db, &actor, id, 0, 9).await), no_group);
        assert!(
            groups::list(&db, &actor, false, None, 9)
                .await
                .unwrap()
                .is_empty()
        );
        assert_eq!(
            told(groups::list(&db, &actor, true, None, 9).await),
            forbidden()
        );
        let operator = Somebody::operator();
        let all = groups::list(&db, &operator.actor(), true, None, 9)
            .await
            .unwrap();
        assert_eq!((all.len(), all[0].role), (1, None));
    });
}

#[test]
fn members_see_and_managers_change_and_owners_end() {
    block_on(async {
        let mut db = store().await;
        let group = family(&mut db).await;
        let id = group.group_id.as_str();
        for (number, manages) in [(1, true), (2, true), (3, false), (4, false)] {
            let one = Somebody::user(number);
            assert!(groups::get(&db, &one.actor(), id).await.is_ok());
            let change = GroupChange {
                description: Some(format!("by {number}")),
                ..GroupChange::default()
            };
            let changed = groups::update(&mut db, &one.actor(), id, change).await;
            assert_eq!(changed.is_ok(), manages, "{number}");
            let ruled = rules::replace(&mut db, &one.actor(), id, &defaults()).await;
            assert_eq!(ruled.is_ok(), manages, "{number}");
            assert_eq!(history(&db, &one.actor(), id, 0, 9).await.is_ok(), manages);
        }
        let admin = Somebody::user(2);
        assert_eq!(
            told(groups::delete(&mut db, &admin.actor(), id).await),
            forbidden()
        );
        let owner = Somebody::user(1);
        let events = groups::delete(&mut db, &owner.actor(), id).await.unwrap();
        assert_eq!(events[0].kind, "group.deleted");
        let gone = groups::get(&db, &owner.actor(), id).await;
        assert_eq!(told(gone), (404, "not_found".to_owned()));
        assert!(streams::version(&db, "group", id).await.unwrap() > 4);
    });
}

#[test]
fn a_change_needs_the_version_and_tells_which_fields() {
    block_on(async {
        let mut db = store().await;
        let group = family(&mut db).await;
        let id = group.group_id.as_str();
        let renamed = || GroupChange {
            name: Some("我们".to_owned()),
            ..GroupChange::default()
        };
        // Three members were added.
        let one = Somebody::user(1).knowing(4);
        let (group, events) = groups::update(&mut db, &one.actor(), id, renamed())
            .await
            .unwrap();
        assert_eq!((group.version, group.name.as_str()), (5, "我们"));
        assert_eq!(events[0].data["fields"], serde_json::json!(["name"]));
        let (same, none) = groups::update(&mut db, &Somebody::user(1).actor(), id, renamed())
            .await
            .unwrap();
        assert_eq!((same.version, none.len()), (5, 0));
        let late = groups::update(&mut db, &one.actor(), id, renamed()).await;
        assert_eq!(told(late), (409, "version_conflict".to_owned()));
    });
}

#[test]
fn admins_decide_about_all_but_owners() {
    block_on(async {
        let mut db = store().await;
        let group = family(&mut db).await;
        assert!(add(&mut db, 2, &group, 5, Role::Admin).await.is_ok());
        assert_eq!(
            told(add(&mut db, 2, &group, 6, Role::Owner).await),
            forbidden()
        );
        assert_eq!(
            told(change(&mut db, 2, &group, 1, Role::Viewer).await),
            forbidden()
        );
        assert_eq!(
            told(change(&mut db, 2, &group, 2, Role::Owner).await),
            forbidden()
        );
        assert_eq!(told(remove(&mut db, 2, &group, 1).await), forbidden());
        assert_eq!(told(remove(&mut db, 3, &group, 4).await), forbidden());
        assert_eq!(
            told(change(&mut db, 3, &group, 3, Role::Admin).await),
            forbidden()
        );
        assert_eq!(
            change(&mut db, 2, &group, 4, Role::Member).await.unwrap(),
            1
        );
        assert_eq!(
            change(&mut db, 2, &group, 4, Role::Member).await.unwrap(),
            0
        );
        assert!(remove(&mut db, 2, &group, 5).await.is_ok());
        assert!(remove(&mut db, 3, &group, 3).await.is_ok());
        let left = [(1, Role::Owner), (2, Role::Admin), (4, Role::Member)];
        assert_eq!(roles(&db, &group).await, left);
    });
}

#[test]
fn nobody_is_added_twice_and_no_user_who_is_none() {
    block_on(async {
        let mut db = store().await;
        let group = family(&mut db).await;
        let again = add(&mut db, 1, &group, 3, Role::Admin).await;
        assert_eq!(told(again), (409, "already_member".to_owned()));
        db.execute(
            "UPDATE users SET status = 'suspended' WHERE id = ?1",
            params![user(7)],
        )
        .await
        .unwrap();
        let by = Somebody::user(1);
        for id in [user(7), "018f0000-0000-7000-8000-0000000000ff".to_owned()] {
            let added =
                members::add(&mut db, &by.actor(), &group.group_id, &id, Role::Member).await;
            assert_eq!(told(added), (404, "not_found".to_owned()));
        }
    });
}

#[test]
fn the_last_owner_stays_until_there_is_another() {
    block_on(async {
        let mut db = store().await;
        let group = family(&mut db).await;
        let last_owner = (403, "last_owner".to_owned());
        assert_eq!(told(remove(&mut db, 1, &group, 1).await), last_owner);
        assert_eq!(
            told(change(&mut db, 1, &group, 1, Role::Admin).await),
            last_owner
        );
        change(&mut db, 1, &group, 3, Role::Owner).await.unwrap();
        assert_eq!(owner_of(&db, &group).await, user(1));
        remove(&mut db, 1, &group, 1).await.unwrap();
        assert_eq!(owner_of(&db, &group).await, user(3));
        assert_eq!(told(remove(&mut db, 3, &group, 3).await), last_owner);
    });
}

async fn leave(
    db: &mut Database,
    number: u32,
    succession: Succession,
) -> Result<Vec<Event>, ApiError> {
    let one = Somebody::user(number);
    db.transaction(async |tx| members::leave_all(tx, &one.actor(), &one.id, succession).await)
        .await
}

#[test]
fn an_account_that_goes_leaves_owners_behind_and_ends_what_is_empty() {
    block_on(async {
        let mut db = store().await;
        let group = family(&mut db).await;
        let owner = Somebody::user(1);
        let (alone, _) = groups::create(&mut db, &owner.actor(), named("alone"))
            .await
            .unwrap();
        let events = leave(&mut db, 1, Succession::Admins).await.unwrap();
        let mut kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
        kinds.sort_unstable();
        let expected = [
            "group.deleted",
            "group.member.changed",
            "group.member.removed",
        ];
        assert_eq!(kinds, expected);
        assert_eq!(owner_of(&db, &group).await, user(2));
        let left = [(2, Role::Owner), (3, Role::Member), (4, Role::Viewer)];
        assert_eq!(roles(&db, &group).await, left);
        let gone = groups::get(&db, &Somebody::operator().actor(), &alone.group_id).await;
        assert_eq!(told(gone), (404, "not_found".to_owned()));
    });
}

#[test]
fn without_an_admin_the_account_stays_unless_it_must_go() {
    block_on(async {
        let mut db = store().await;
        let group = family(&mut db).await;
        remove(&mut db, 1, &group, 2).await.unwrap();
        let stuck = leave(&mut db, 1, Succession::Admins).await;
        let error = stuck.unwrap_err();
        assert_eq!((error.status(), error.code()), (409, "last_owner"));
        assert!(error.to_string().contains(&group.group_id));
        assert_eq!(roles(&db, &group).await.len(), 3);
        leave(&mut db, 1, Succession::Anybody).await.unwrap();
        assert_eq!(owner_of(&db, &group).await, user(3));
    });
}

#[test]
fn rules_decide_with_those_of_the_user_and_go_with_the_member() {
    block_on(async {
        let mut db = store().await;
        let group = family(&mut db).await;
        let id = group.group_id.as_str();
        let rules: Vec<Rule> = serde_json::from_value(serde_json::json!([
            {"subject": "*", "action": "read", "resource": "report/*", "effect": "allow"},
            {"subject": format!("user:{}", user(4)), "action": "read", "resource": "report/7", "effect": "deny"},
        ]))
        .unwrap();
        let owner = Somebody::user(1);
        let (_, event) = rules::replace(&mut db, &owner.actor(), id, &rules)
            .await
            .unwrap();
        assert_eq!(event.data["count"], 2);
        let check = async |by: u32, about: Option<u32>, resource: &str| {
            let by = Somebody::user(by);
            let about = about.map(user);
            rules::check(&db, &by.actor(), id, about.as_deref(), "read", resource).await
        };
        assert!(check(4, None, "report/6").await.unwrap().allowed);
        assert_eq!(
            check(4, None, "report/7").await.unwrap().by.as_ref(),
            Some(&rules[1])
        );
        assert!(!check(1, None, "secret").await.unwrap().allowed);
        assert!(!check(1, Some(4), "report/7").await.unwrap().allowed);
        assert_eq!(told(check(3, Some(4), "report/7").await), forbidden());
        assert_eq!(
            told(check(1, Some(9), "report/7").await),
            (404, "not_found".to_owned())
        );
        assert_eq!(told(check(1, None, "report/*").await).0, 400);
        remove(&mut db, 1, &group, 4).await.unwrap();
        add(&mut db, 1, &group, 4, Role::Viewer).await.unwrap();
        let one = Somebody::user(4);
        let again = rules::check(&db, &one.actor(), id, None, "read", "report/7").await;
        assert!(again.unwrap().allowed);
    });
}

#[test]
fn a_user_begins_with_rules_once_and_they_can_be_taken_back() {
    block_on(async {
        let mut db = store().await;
        let begin = async |db: &mut Database, id: String| {
            db.transaction(async |tx| rules::initialize(tx, &id).await)
                .await
                .unwrap()
        };
        assert_eq!(begin(&mut db, user(1)).await, Some(2));
        assert_eq!(begin(&mut db, user(1)).await, Some(2));
        assert_eq!(begin(&mut db, "nobody".to_owned()).await, None);
        let of_user = rules::of_user(&db, &user(1)).await.unwrap();
        assert_eq!(of_user, crate::permission::user_defaults(&user(1)));
        db.transaction(async |tx| rules::clean_up(tx, &user(1)).await)
            .await
            .unwrap();
        assert!(rules::of_user(&db, &user(1)).await.unwrap().is_empty());
    });
}

async fn seen(db: &Database, number: u32, group: &Group) -> Group {
    let one = Somebody::user(number);
    groups::get(db, &one.actor(), &group.group_id)
        .await
        .unwrap()
}

async fn suspend(db: &Database, number: u32) {
    let text = "UPDATE users SET status = 'suspended' WHERE id = ?1";
    db.execute(text, params![user(number)]).await.unwrap();
}

#[test]
fn whatever_is_shown_of_a_group_changes_its_tag() {
    block_on(async {
        let mut db = store().await;
        let group = family(&mut db).await;
        let mut tags = vec![seen(&db, 1, &group).await.etag()];
        add(&mut db, 1, &group, 5, Role::Member).await.unwrap();
        tags.push(seen(&db, 1, &group).await.etag());
        change(&mut db, 1, &group, 5, Role::Owner).await.unwrap();
        tags.push(seen(&db, 1, &group).await.etag());
        remove(&mut db, 1, &group, 1).await.unwrap();
        // Each sees their own role, which another must not take for theirs.
        for number in [5, 2, 3, 4] {
            tags.push(seen(&db, number, &group).await.etag());
        }
        leave(&mut db, 5, Succession::Admins).await.unwrap();
        tags.push(seen(&db, 2, &group).await.etag());
        let mut different = tags.clone();
        different.sort();
        different.dedup();
        assert_eq!(different.len(), tags.len(), "{tags:?}");
    });
}

#[test]
fn a_change_may_name_the_tag_or_the_version_alone() {
    block_on(async {
        let mut db = store().await;
        let group = family(&mut db).await;
        let id = group.group_id.as_str();
        for (tag, status) in [
            ("\"4-owner\"", None),
            ("\"4\"", None),
            ("\"9\", \"4-owner\"", None),
            ("*", None),
            ("\"4-admin\"", Some(409)),
            ("\"3-owner\"", Some(409)),
            ("", Some(409)),
        ] {
            let mut one = Somebody::user(1);
            one.request = one.request.with_header("if-match", tag);
            let change = GroupChange::default();
            let done = groups::update(&mut db, &one.actor(), id, change).await;
            assert_eq!(done.err().map(|error| error.status()), status, "{tag}");
        }
    });
}

#[test]
fn rules_are_replaced_by_who_has_seen_the_version() {
    block_on(async {
        let mut db = store().await;
        let group = family(&mut db).await;
        let id = group.group_id.as_str();
        let one = Somebody::user(1).knowing(4);
        let (version, _) = rules::replace(&mut db, &one.actor(), id, &[])
            .await
            .unwrap();
        let (_, shown) = rules::list(&db, &one.actor(), id).await.unwrap();
        assert_eq!((version, shown), (5, 5));
        let late = rules::replace(&mut db, &one.actor(), id, &defaults()).await;
        assert_eq!(told(late), (409, "version_conflict".to_owned()));
    });
}

/// Groups of the ninth user in which the user is a viewer, written past every bound.
async fn viewer_of(db: &Database, number: u32, count: u32) {
    let groups = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) \
         INSERT INTO groups (id, name, description, settings, owner_id, created_at, updated_at) \
         SELECT '018f0000-0000-7000-9000-' || substr(CAST(1000000000000 + i AS TEXT), 2), 'g' || i, '', '{}', ?2, 1, 1 FROM n";
    db.execute(groups, params![count, user(9)]).await.unwrap();
    for (id, role) in [(user(9), "owner"), (user(number), "viewer")] {
        let members = "INSERT INTO group_members (group_id, user_id, role, added_by, added_at) \
             SELECT id, ?1, ?2, ?1, 1 FROM groups WHERE owner_id = ?3";
        db.execute(members, params![id, role, user(9)])
            .await
            .unwrap();
    }
}

#[test]
fn nobody_makes_a_group_beyond_the_bound_of_memberships() {
    block_on(async {
        let mut db = store().await;
        viewer_of(&db, 1, members::MEMBERSHIPS_MAX).await;
        let made = groups::create(&mut db, &Somebody::user(1).actor(), named("x")).await;
        assert_eq!(told(made), (409, "too_many_groups".to_owned()));
    });
}

#[test]
fn an_account_that_goes_leaves_every_group_however_many() {
    block_on(async {
        let mut db = store().await;
        viewer_of(&db, 1, members::MEMBERSHIPS_MAX + 1).await;
        let events = leave(&mut db, 1, Succession::Admins).await.unwrap();
        assert_eq!(events.len(), members::MEMBERSHIPS_MAX as usize + 1);
        let left: i64 = db
            .query_one(
                "SELECT count(*) FROM group_members WHERE user_id = ?1",
                params![user(1)],
            )
            .await
            .unwrap();
        assert_eq!(left, 0);
    });
}

#[test]
fn an_owner_who_is_suspended_does_not_stand_for_a_group() {
    block_on(async {
        let mut db = store().await;
        let group = family(&mut db).await;
        change(&mut db, 1, &group, 3, Role::Owner).await.unwrap();
        suspend(&db, 3).await;
        let last_owner = (403, "last_owner".to_owned());
        assert_eq!(told(remove(&mut db, 1, &group, 1).await), last_owner);
        let viewer = change(&mut db, 1, &group, 1, Role::Viewer).await;
        assert_eq!(told(viewer), last_owner);
        // The one who is suspended is not needed.
        change(&mut db, 1, &group, 3, Role::Member).await.unwrap();
    });
}

#[test]
fn whoever_is_suspended_comes_after_nobody_unless_nobody_else_is_left() {
    block_on(async {
        let mut db = store().await;
        let group = family(&mut db).await;
        suspend(&db, 2).await;
        let stuck = leave(&mut db, 1, Succession::Admins).await;
        assert_eq!(told(stuck), (409, "last_owner".to_owned()));
        leave(&mut db, 1, Succession::Anybody).await.unwrap();
        assert_eq!(owner_of(&db, &group).await, user(3));
        suspend(&db, 4).await;
        leave(&mut db, 3, Succession::Anybody).await.unwrap();
        assert_eq!(owner_of(&db, &group).await, user(2));
    });
}
