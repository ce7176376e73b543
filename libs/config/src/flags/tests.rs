//! Who has a flag, and how it is kept.

use futures::executor::block_on;
use proptest::prelude::*;

use suoke_guest::Request;

use super::*;
use crate::LABEL;

const GROUP: &str = "018f0000-0000-7000-8000-000000000001";

fn flag(percentage: f64) -> Flag {
    Flag {
        name: "new-report".to_owned(),
        description: String::new(),
        enabled: true,
        percentage,
        users: vec!["u1".to_owned()],
        groups: vec![GROUP.to_owned()],
        version: 1,
        changed_by: "operator".to_owned(),
        created_at: String::new(),
        updated_at: String::new(),
        share: share(percentage).unwrap(),
    }
}

fn by(request: &Request) -> By<'_> {
    By {
        request,
        user_id: "operator",
    }
}

fn draft(percentage: f64) -> FlagDraft {
    FlagDraft {
        enabled: true,
        percentage,
        ..FlagDraft::default()
    }
}

#[test]
fn named_users_and_members_have_it_and_nobody_when_it_is_off() {
    let flag = flag(0.0);
    assert_eq!(flag.evaluate("u1", false).reason, Reason::User);
    assert_eq!(flag.evaluate("u2", true).reason, Reason::Group);
    assert_eq!(flag.evaluate("u2", false).reason, Reason::Default);
    assert!(flag.asks_for_groups("u2") && !flag.asks_for_groups("u1"));
    let off = Flag {
        enabled: false,
        ..flag
    };
    assert_eq!(off.evaluate("u1", true).reason, Reason::Off);
    assert!(!off.evaluate("u1", true).enabled && !off.asks_for_groups("u2"));
}

#[test]
fn a_tenth_of_the_users_is_about_a_tenth() {
    let flag = flag(10.0);
    let users = (0..20_000).map(|number| format!("user-{number}"));
    let count = users
        .filter(|user| flag.evaluate(user, false).enabled)
        .count();
    // Four standard deviations of a binomial distribution are 170.
    assert!((1_830..=2_170).contains(&count), "{count}");
}

proptest! {
    #[test]
    fn whoever_has_a_flag_keeps_it_when_its_share_grows(
        user in "[a-z0-9-]{1,40}", less in 0..=10_000u32, more in 0..=10_000u32,
    ) {
        let (less, more) = (less.min(more), less.max(more));
        let with = |share: u32| Flag { share, users: Vec::new(), ..flag(0.0) };
        let had = with(less).evaluate(&user, false);
        prop_assert_eq!(had, with(less).evaluate(&user, false));
        prop_assert!(!had.enabled || with(more).evaluate(&user, false).enabled);
        prop_assert!(with(SHARE_ALL).evaluate(&user, false).enabled);
        prop_assert!(!with(0).evaluate(&user, false).enabled);
    }

    #[test]
    fn every_share_survives_as_a_percentage(hundredths in 0..=SHARE_ALL) {
        prop_assert_eq!(share(f64::from(hundredths) / 100.0), Some(hundredths));
    }
}

#[test]
fn a_flag_is_made_changed_listed_and_taken_away() {
    block_on(async {
        let mut db = Database::open_in_memory(LABEL).await.unwrap();
        let request = Request::new("PUT", "/");
        let (made, event) = set(&mut db, by(&request), "b", draft(12.5)).await.unwrap();
        assert_eq!((made.version, made.percentage), (1, 12.5));
        assert_eq!(event.kind, FLAG_CHANGED);
        set(&mut db, by(&request), "a", draft(0.0)).await.unwrap();
        let seen = Request::new("PUT", "/").with_header("if-match", "\"1\"");
        assert_eq!(
            set(&mut db, by(&seen), "b", draft(99.99))
                .await
                .unwrap()
                .0
                .version,
            2
        );
        let late = set(&mut db, by(&seen), "b", draft(1.0)).await.unwrap_err();
        assert_eq!(late.code(), "version_conflict");
        let names = |flags: Vec<Flag>| flags.into_iter().map(|flag| flag.name).collect::<Vec<_>>();
        assert_eq!(names(list(&db, "", 9).await.unwrap()), ["a", "b"]);
        assert_eq!(names(list(&db, "a", 9).await.unwrap()), ["b"]);
        remove(&mut db, by(&request), "b").await.unwrap();
        assert_eq!(get(&db, "b").await.unwrap_err().status(), 404);
        assert_eq!(
            remove(&mut db, by(&request), "b")
                .await
                .unwrap_err()
                .status(),
            404
        );
    });
}

#[test]
fn odd_flags_are_refused_with_their_fields() {
    block_on(async {
        let mut db = Database::open_in_memory(LABEL).await.unwrap();
        let request = Request::new("PUT", "/");
        for (bad, field) in [
            (draft(-0.01), "percentage"),
            (draft(100.01), "percentage"),
            (draft(0.001), "percentage"),
            (
                FlagDraft {
                    description: "x".repeat(501),
                    ..draft(1.0)
                },
                "description",
            ),
            (
                FlagDraft {
                    users: vec![String::new()],
                    ..draft(1.0)
                },
                "users[0]",
            ),
            (
                FlagDraft {
                    groups: vec!["x".to_owned()],
                    ..draft(1.0)
                },
                "groups[0]",
            ),
            (
                FlagDraft {
                    groups: vec![GROUP.to_owned(); 21],
                    ..draft(1.0)
                },
                "groups",
            ),
        ] {
            let error = set(&mut db, by(&request), "a", bad).await.unwrap_err();
            assert_eq!(
                (error.status(), error.errors()[0].field.as_str()),
                (400, field)
            );
        }
        let error = set(&mut db, by(&request), "A", draft(1.0))
            .await
            .unwrap_err();
        assert_eq!(error.errors()[0].field, "name");
    });
}

#[test]
fn a_flag_and_its_events_say_who_changed_it() {
    block_on(async {
        let mut db = Database::open_in_memory(LABEL).await.unwrap();
        let request = Request::new("PUT", "/");
        let admin = By {
            request: &request,
            user_id: "a1",
        };
        let (_, first) = set(&mut db, by(&request), "a", draft(1.0)).await.unwrap();
        let (_, second) = set(&mut db, admin, "a", draft(2.0)).await.unwrap();
        assert_eq!(get(&db, "a").await.unwrap().changed_by, "a1");
        let end = remove(&mut db, by(&request), "a").await.unwrap();
        for (event, who) in [(first, "operator"), (second, "a1"), (end, "operator")] {
            assert_eq!(event.data["changed_by"], who);
        }
    });
}

#[test]
fn a_flag_that_comes_back_has_no_version_twice() {
    block_on(async {
        let mut db = Database::open_in_memory(LABEL).await.unwrap();
        let request = Request::new("PUT", "/");
        set(&mut db, by(&request), "a", draft(1.0)).await.unwrap();
        set(&mut db, by(&request), "b", draft(1.0)).await.unwrap();
        let end = remove(&mut db, by(&request), "a").await.unwrap();
        assert_eq!(end.data["version"], 2);
        // Who has seen the one before does not change this one.
        let seen = Request::new("PUT", "/").with_header("if-match", "\"1\"");
        let late = set(&mut db, by(&seen), "a", draft(1.0)).await.unwrap_err();
        assert_eq!(late.code(), "version_conflict");
        let (again, _) = set(&mut db, by(&request), "a", draft(1.0)).await.unwrap();
        assert_eq!(again.version, 3);
        // Another that ends with a lower version takes nothing back.
        remove(&mut db, by(&request), "a").await.unwrap();
        remove(&mut db, by(&request), "b").await.unwrap();
        let (third, _) = set(&mut db, by(&request), "a", draft(1.0)).await.unwrap();
        assert_eq!(third.version, 5);
    });
}
