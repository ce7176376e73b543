//! `suoke events`: asks the functions for operators of a running application.

mod args;

use bytes::Bytes;
use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use crate::args::Format;
use crate::client::{self, Answer};
use crate::exit::CommandError;
use crate::table;

pub(crate) use args::EventsArgs;
use args::{EventsCommand, FilterArgs, PageArgs};

/// Names the token in the environment of this command.
const TOKEN: &str = "SUOKE_OPERATOR_TOKEN";

/// Names it for the application, in the environment and in `.env`.
const APPLICATION_TOKEN: &str = "SPIN_VARIABLE_OPERATOR_TOKEN";

const EVENTS: &str = "/api/v1/events";

/// What a path or a query cannot hold as it is; ids can.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Parameters of a query, or fields of a body, that were given.
type Given<'a> = [(&'a str, Option<&'a str>)];

/// The application that is asked.
struct Api {
    url: String,
    authorization: String,
    format: Format,
}

/// Lists, shows, publishes or begins anew.
pub(crate) fn run(args: &EventsArgs) -> Result<(), CommandError> {
    let api = Api {
        url: args.api.url.clone(),
        authorization: format!("Bearer {}", token()?),
        format: args.api.format,
    };
    match &args.command {
        EventsCommand::List {
            filter,
            correlation,
            page,
        } => list(&api, filter, correlation.as_deref(), page),
        EventsCommand::Show { id } => show(&api, id),
        EventsCommand::Publish {
            kind,
            data,
            subject,
        } => publish(&api, kind, data, subject.as_deref()),
        EventsCommand::Replay { consumer, filter } => replay(&api, consumer, filter),
        EventsCommand::Dead { consumer, page } => dead(&api, consumer.as_deref(), page),
        EventsCommand::Redrive {
            consumer, event, ..
        } => redrive(&api, consumer.as_deref(), event.as_deref()),
    }
}

/// The operator's token: from the environment, or from `.env` here.
fn token() -> Result<String, CommandError> {
    let known = [TOKEN, APPLICATION_TOKEN]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|token| !token.is_empty()));
    let file = || token_in(&std::fs::read_to_string(".env").unwrap_or_default());
    known.or_else(file).ok_or_else(|| {
        CommandError::input(format!(
            "there is no operator's token; set {TOKEN}, or go where the .env of the application is"
        ))
    })
}

/// The token in the text of a `.env`; the last line that sets it counts.
fn token_in(text: &str) -> Option<String> {
    let line = text.lines().rev().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        (name.trim() == APPLICATION_TOKEN).then_some(value.trim())
    })?;
    let token = line.trim_matches(|quote| quote == '"' || quote == '\'');
    Some(token.to_owned()).filter(|token| !token.is_empty())
}

impl Api {
    fn get(&self, path: &str, query: &Given<'_>) -> Result<Value, CommandError> {
        let mut target = path.to_owned();
        let mut mark = '?';
        for (name, value) in query {
            if let Some(value) = value {
                target.push_str(&format!("{mark}{name}={}", encoded(value)));
                mark = '&';
            }
        }
        self.send(Method::GET, &target, Bytes::new())
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value, CommandError> {
        self.send(Method::POST, path, body.to_string().into())
    }

    fn send(&self, method: Method, path: &str, body: Bytes) -> Result<Value, CommandError> {
        let headers = [
            ("authorization", self.authorization.as_str()),
            ("content-type", "application/json"),
        ];
        let answer = client::send(method, &self.url, path, &headers, body)?;
        if answer.status.is_success() {
            return Ok(answer.json());
        }
        Err(refused(&self.url, &answer))
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// What a problem says, with the fields that are wrong.
fn refused(url: &str, answer: &Answer) -> CommandError {
    let problem = answer.json();
    let Some(detail) = problem.get("detail").and_then(Value::as_str) else {
        return CommandError::running(format!(
            "{url} answered with {}; does it serve the functions for operators?",
            answer.status
        ));
    };
    let fields = problem.get("errors").and_then(Value::as_array);
    let fields = fields.into_iter().flatten().map(|error| {
        let (field, message) = (text(error, "field"), text(error, "message"));
        format!("; {field} {message}")
    });
    let told = format!("{detail}{}", fields.collect::<String>());
    if answer.status == http::StatusCode::UNAUTHORIZED {
        return CommandError::input(format!("{told} Is it the token of this application?"));
    }
    if answer.status.is_client_error() {
        return CommandError::input(told);
    }
    CommandError::running(told)
}

fn text(value: &Value, key: &str) -> String {
    match value.get(key) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// The values that were given, as a JSON object.
fn object(given: &Given<'_>) -> Value {
    let given = given.iter();
    let fields =
        given.filter_map(|(name, value)| Some(((*name).to_owned(), Value::from((*value)?))));
    Value::Object(fields.collect::<Map<_, _>>())
}

fn filter_of(filter: &FilterArgs) -> [(&'static str, Option<&str>); 4] {
    [
        ("type", filter.kind.as_deref()),
        ("subject", filter.subject.as_deref()),
        ("from", filter.from.as_deref()),
        ("to", filter.to.as_deref()),
    ]
}

fn list(
    api: &Api,
    filter: &FilterArgs,
    correlation: Option<&str>,
    page: &PageArgs,
) -> Result<(), CommandError> {
    let limit = page.limit.to_string();
    let mut query = filter_of(filter).to_vec();
    query.extend([
        ("correlation", correlation),
        ("limit", Some(limit.as_str())),
        ("cursor", page.cursor.as_deref()),
    ]);
    let answer = api.get(EVENTS, &query)?;
    let columns = [
        ("ID", "id"),
        ("TIME", "time"),
        ("TYPE", "type"),
        ("ABOUT", "aggregate"),
        ("NO", "sequence"),
        ("STATE", "state"),
        ("TRIES", "attempts"),
    ];
    print_list(api, &answer, "events", &columns);
    Ok(())
}

fn dead(api: &Api, consumer: Option<&str>, page: &PageArgs) -> Result<(), CommandError> {
    let limit = page.limit.to_string();
    let query = [
        ("consumer", consumer),
        ("limit", Some(limit.as_str())),
        ("cursor", page.cursor.as_deref()),
    ];
    let answer = api.get(&format!("{EVENTS}/dead-letters"), &query)?;
    let columns = [
        ("EVENT", "event_id"),
        ("CONSUMER", "consumer"),
        ("TYPE", "type"),
        ("DEAD SINCE", "dead_at"),
        ("TRIES", "attempts"),
        ("REASON", "reason"),
    ];
    print_list(api, &answer, "dead_letters", &columns);
    Ok(())
}

/// Prints a page, and how to go on.
fn print_list(api: &Api, answer: &Value, key: &str, columns: &[(&str, &str)]) {
    if api.format == Format::Json {
        println!("{answer}");
        return;
    }
    let head = columns.iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut rows = vec![head];
    for item in answer
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        rows.push(columns.iter().map(|(_, key)| text(item, key)).collect());
    }
    print!("{}", table::render(&rows));
    if let Some(cursor) = answer.get("next_cursor").and_then(Value::as_str) {
        println!("there may be more: --cursor {cursor}");
    }
}

fn show(api: &Api, id: &str) -> Result<(), CommandError> {
    let answer = api.get(&format!("{EVENTS}/{}", encoded(id)), &[])?;
    if api.format == Format::Json {
        println!("{answer}");
        return Ok(());
    }
    let event = answer.get("event").unwrap_or(&Value::Null);
    println!("{event:#}");
    let (state, database) = (text(&answer, "state"), text(&answer, "database"));
    println!("{state}, stored in {database} at {}", text(&answer, "time"));
    let head = ["CONSUMER", "STATE", "SINCE", "FAILURES", "REASON"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let deliveries = answer.get("deliveries").and_then(Value::as_array);
    for delivery in deliveries.into_iter().flatten() {
        let keys = ["consumer", "state", "at", "failures", "reason"];
        rows.push(keys.map(|key| text(delivery, key)).to_vec());
    }
    print!("{}", table::render(&rows));
    Ok(())
}

fn publish(api: &Api, kind: &str, data: &str, subject: Option<&str>) -> Result<(), CommandError> {
    let data: Value = serde_json::from_str(data)
        .map_err(|error| CommandError::input(format!("the data is not JSON: {error}")))?;
    let mut body = object(&[("type", Some(kind)), ("subject", subject)]);
    if let Some(body) = body.as_object_mut() {
        body.insert("data".to_owned(), data);
    }
    let answer = api.post(EVENTS, &body)?;
    print_done(api, &answer, &text(&answer, "id"));
    Ok(())
}

fn replay(api: &Api, consumer: &str, filter: &FilterArgs) -> Result<(), CommandError> {
    let mut given = filter_of(filter).to_vec();
    given.push(("consumer", Some(consumer)));
    let answer = api.post(&format!("{EVENTS}/replay"), &object(&given))?;
    let mut line = format!("{} events for {consumer}", text(&answer, "replayed"));
    if let Some(from) = answer.get("more_from").and_then(Value::as_str) {
        line = format!("{line}; there are more: --from {from}");
    }
    print_done(api, &answer, &line);
    Ok(())
}

fn redrive(api: &Api, consumer: Option<&str>, event: Option<&str>) -> Result<(), CommandError> {
    let body = object(&[("consumer", consumer), ("event_id", event)]);
    let answer = api.post(&format!("{EVENTS}/dead-letters/redrive"), &body)?;
    print_done(api, &answer, &redriven(&answer));
    Ok(())
}

/// What a redrive did, in a line.
fn redriven(answer: &Value) -> String {
    let mut line = format!("{} dead letters", text(answer, "redriven"));
    let count = |key| answer.get(key).and_then(Value::as_u64).unwrap_or_default();
    match count("restarted") {
        0 => {}
        events => line.push_str(&format!("; {events} events that were given up without one")),
    }
    match count("unreadable") {
        0 => {}
        unreadable => line.push_str(&format!("; {unreadable} are no events and stay")),
    }
    if answer.get("more") == Some(&Value::Bool(true)) {
        line.push_str("; there are more: call it again");
    }
    line
}

fn print_done(api: &Api, answer: &Value, line: &str) {
    if api.format == Format::Json {
        println!("{answer}");
    } else {
        println!("{line}");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_last_line_of_a_file_sets_the_token() {
        let file = "A=1\nSPIN_VARIABLE_OPERATOR_TOKEN=old\nSPIN_VARIABLE_OPERATOR_TOKEN=\"new\"\n";
        assert_eq!(token_in(file).as_deref(), Some("new"));
        for none in [
            "",
            "SPIN_VARIABLE_OPERATOR_TOKEN=",
            "#SPIN_VARIABLE_OPERATOR_TOKEN",
        ] {
            assert_eq!(token_in(none), None, "{none}");
        }
    }

    #[test]
    fn a_redrive_tells_what_it_did_and_whether_there_is_more() {
        let quiet = json!({"redriven": 2, "restarted": 0, "unreadable": 0, "more": false});
        assert_eq!(redriven(&quiet), "2 dead letters");
        let full = json!({"redriven": 1000, "restarted": 3, "unreadable": 1, "more": true});
        assert_eq!(
            redriven(&full),
            "1000 dead letters; 3 events that were given up without one; \
             1 are no events and stay; there are more: call it again"
        );
    }

    #[test]
    fn only_what_was_given_is_sent() {
        assert_eq!(
            object(&[("a", Some("1")), ("b", None)]),
            json!({ "a": "1" })
        );
        assert_eq!(encoded("consultation/1-2 3"), "consultation%2F1-2%203");
    }
}
