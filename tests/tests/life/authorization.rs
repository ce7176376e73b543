//! Who may do what: every operation of the application, asked as everybody, and
//! compared with `authorization.txt`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::*;

/// The table: what each of [`ROLES`] is answered.
const TABLE: &str = include_str!("authorization.txt");

/// Who asks. The owner owns what the paths name; the member belongs to the
/// owner's group; the stranger has nothing to do with either.
const ROLES: [&str; 5] = ["nobody", "stranger", "member", "owner", "admin"];

/// One line of the table.
struct Row {
    operation: String,
    expected: Vec<String>,
    body: Option<String>,
}

fn rows() -> Vec<Row> {
    let lines = TABLE.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(row).collect()
}

fn row(line: &str) -> Row {
    let (cells, body) = match line.find(" {").or(line.find(" [")) {
        Some(at) => (&line[..at], Some(line[at + 1..].to_owned())),
        None => (line, None),
    };
    let mut cells = cells.split_whitespace();
    let mut next = || {
        let cell = cells.next();
        assert!(cell.is_some(), "too short: {line}");
        cell.unwrap()
    };
    let operation = format!("{} {}", next(), next());
    let expected: Vec<String> = ROLES.iter().map(|_| next().to_owned()).collect();
    assert!(cells.next().is_none(), "too long: {line}");
    Row {
        operation,
        expected,
        body,
    }
}

/// People and what the owner owns, by the names that paths and bodies use.
struct World {
    tokens: BTreeMap<&'static str, String>,
    things: BTreeMap<&'static str, String>,
}

impl World {
    /// Everything new, for one role's walk.
    async fn new(life: &Life, walk: &str) -> Self {
        let mut world = Self {
            tokens: BTreeMap::new(),
            things: BTreeMap::new(),
        };
        for role in ["stranger", "member", "owner", "admin"] {
            let (token, refresh, id) = person(life, &format!("{role}-of-{walk}@example.com")).await;
            world.tokens.insert(role, token);
            world.things.insert(role, id);
            if role == "owner" {
                world.things.insert("refresh_token", refresh);
            }
        }
        world.promote(life, walk).await;
        world.furnish(life, walk).await;
        world
    }

    /// Makes the admin one: roles take effect with the next login.
    async fn promote(&mut self, life: &Life, walk: &str) {
        let path = format!("/api/v1/users/{}", self.things["admin"]);
        let body = json!({ "roles": ["user", "admin"] });
        send(
            life,
            "PUT",
            &path,
            Some(OPERATOR_TOKEN),
            Some(&body.to_string()),
        )
        .await
        .expect(200);
        let body = json!({
            "email": format!("admin-of-{walk}@example.com"),
            "password": "correct horse 1",
        });
        let answer = life
            .post("/api/v1/auth/login", None, &body)
            .await
            .expect(200);
        let token = answer.json()["access_token"].as_str().unwrap().to_owned();
        self.tokens.insert("admin", token);
    }

    /// Makes what paths name.
    async fn furnish(&mut self, life: &Life, walk: &str) {
        let owner = self.tokens["owner"].clone();
        let admin = self.tokens["admin"].clone();
        let made = async |path: &str, token: &str, body: Value, id: &str| {
            let answer = life.post(path, Some(token), &body).await;
            assert!(answer.status.is_success(), "{path}: {}", answer.text());
            answer.json()[id].as_str().unwrap().to_owned()
        };
        let group = made(
            "/api/v1/groups",
            &owner,
            json!({ "name": format!("group of {walk}") }),
            "group_id",
        )
        .await;
        let members = format!("/api/v1/groups/{group}/members");
        let body = json!({ "user_id": self.things["member"], "role": "member" });
        life.post(&members, Some(&owner), &body).await.expect(201);
        let complaint = json!({ "chief_complaint": "失眠" });
        let consultation = made(
            "/api/v1/consultations",
            &owner,
            complaint,
            "consultation_id",
        )
        .await;
        let key = made("/api/v1/keys", &owner, json!({ "name": "a key" }), "key_id").await;
        let client = json!({ "name": format!("client of {walk}"), "scopes": ["config:read"] });
        let client = made("/api/v1/auth/clients", &admin, client, "client_id").await;
        let sessions = life.get("/api/v1/auth/sessions", &owner).await.expect(200);
        let session = sessions.json()["sessions"][0]["session_id"]
            .as_str()
            .unwrap()
            .to_owned();
        for (name, id) in [
            ("group", group),
            ("consultation", consultation),
            ("key", key),
            ("client", client),
            ("session", session),
            ("walk", walk.to_owned()),
        ] {
            self.things.insert(name, id);
        }
    }

    /// Puts the things of this world into a text: `<owner>` is the owner's id.
    fn filled(&self, text: &str) -> String {
        self.things
            .iter()
            .fold(text.to_owned(), |text, (name, id)| {
                text.replace(&format!("<{name}>"), id)
            })
    }
}

/// Registers somebody: access token, refresh token, id.
async fn person(life: &Life, email: &str) -> (String, String, String) {
    let body = json!({ "email": email, "password": "correct horse 1", "name": "王芳" });
    let answer = life.post("/api/v1/users/register", None, &body).await;
    let answer = answer.expect(201).json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (
        text(&answer["access_token"]),
        text(&answer["refresh_token"]),
        text(&answer["user"]["user_id"]),
    )
}

async fn send(
    life: &Life,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: Option<&str>,
) -> Answer {
    let mut request = life.host.request(method, path);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    if body.is_some() {
        request = request.header("content-type", "application/json");
    }
    let body = whole(body.unwrap_or_default().to_owned());
    life.host.send(request.body(body).unwrap()).await
}

/// The operations that the application says it has.
async fn operations(life: &Life) -> BTreeSet<String> {
    let document = life.host.get("/openapi.json").await.expect(200).json();
    let paths = document["paths"].as_object().unwrap();
    let methods = ["get", "put", "post", "patch", "delete"];
    let operations = paths.iter().flat_map(|(path, item)| {
        let known = methods.iter().filter(|method| item.get(**method).is_some());
        known.map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    operations.collect()
}

/// The operation of a row, as the document writes it: without a query, and with
/// its things as parameters.
fn template(operation: &str) -> String {
    let path = operation.split('?').next().unwrap();
    let parts = path.split('/').map(|part| {
        let is_parameter = part.starts_with('<') || part.starts_with('*');
        if is_parameter { "{}" } else { part }
    });
    parts.collect::<Vec<_>>().join("/")
}

/// The same for what the document writes: `{id}` and `{user_id}` are alike.
fn shape(operation: &str) -> String {
    let parts = operation.split('/').map(|part| {
        let is_parameter = part.starts_with('{');
        if is_parameter { "{}" } else { part }
    });
    parts.collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn everybody_may_do_what_the_table_says_and_nothing_else() {
    let life = Life::embedded().await;
    let rows = rows();
    let known: BTreeSet<String> = rows.iter().map(|row| template(&row.operation)).collect();
    let real: BTreeSet<String> = operations(&life)
        .await
        .iter()
        .map(|operation| shape(operation))
        .collect();
    let missing: Vec<_> = real.difference(&known).collect();
    assert!(missing.is_empty(), "not in authorization.txt: {missing:#?}");
    let gone: Vec<_> = known.difference(&real).collect();
    assert!(gone.is_empty(), "only in authorization.txt: {gone:#?}");

    let mut found: Vec<Vec<String>> = rows.iter().map(|_| Vec::new()).collect();
    for role in ROLES {
        let world = World::new(&life, role).await;
        let token = world.tokens.get(role).map(String::as_str);
        for (row, found) in rows.iter().zip(&mut found) {
            let (method, path) = row.operation.split_once(' ').unwrap();
            let path = world.filled(path).replace('*', "");
            let body = row.body.as_ref().map(|body| world.filled(body));
            let answer = send(&life, method, &path, token, body.as_deref()).await;
            found.push(answer.status.as_u16().to_string());
        }
    }
    let mut differences = String::new();
    for (row, found) in rows.iter().zip(&found) {
        let is_expected = |(expected, found): (&String, &String)| {
            expected.split('|').any(|status| status == found)
        };
        if !row.expected.iter().zip(found).all(is_expected) {
            let (expected, found) = (row.expected.join(" "), found.join(" "));
            writeln!(differences, "{}: {expected} is {found}", row.operation).unwrap();
        }
    }
    assert!(differences.is_empty(), "{}\n{differences}", ROLES.join(" "));
}
