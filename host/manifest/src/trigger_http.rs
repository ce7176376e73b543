//! `[[trigger.http]]`

use std::collections::BTreeMap;

use host_app::{HttpRoute, HttpTarget, HttpTrigger, StaticResponse};
use host_spanned_toml::{Problem, Table, Value};

use crate::route;

/// Routes by shape, with the place and the trigger of each.
#[derive(Default)]
pub(crate) struct Routes<'d> {
    by_shape: BTreeMap<String, (Value<'d>, String)>,
}

/// Reads the settings of one HTTP trigger.
pub(crate) fn read<'d>(
    table: &Table<'d>,
    component: Option<String>,
    id: &str,
    routes: &mut Routes<'d>,
) -> Option<HttpTrigger> {
    let target = read_target(table, component, id);
    let route = table
        .require(
            "route",
            "add route = \"/...\", or route = { private = true }",
        )
        .and_then(|route| read_route(route, id, routes));
    if let Some(executor) = table.get("executor") {
        check_executor(&executor);
    }
    Some(HttpTrigger {
        target: target?,
        route: route?,
    })
}

fn read_target(table: &Table<'_>, component: Option<String>, id: &str) -> Option<HttpTarget> {
    let has_component = table.get("component").is_some();
    let response = table.get("static_response");
    match (has_component, response) {
        (true, None) => component.map(HttpTarget::Component),
        (false, Some(response)) => read_response(&response).map(HttpTarget::Static),
        (true, Some(response)) => {
            response.fail_key(
                format!("the trigger {id:?} has both component and static_response"),
                "keep one of the two",
            );
            None
        }
        (false, None) => {
            table.fail(
                format!("the trigger {id:?} has neither component nor static_response"),
                "add component = \"ID\", or static_response = { status_code = 200 }",
            );
            None
        }
    }
}

/// Spin lets unknown keys pass here, so this host does.
fn read_response(value: &Value<'_>) -> Option<StaticResponse> {
    let table = value.table()?;
    table.ignore_rest();
    let status = table.integer("status_code", 200..=599).unwrap_or(200);
    let mut headers = BTreeMap::new();
    for (name, value) in table.table("headers").iter().flat_map(Table::entries) {
        let Some(text) = value.string() else {
            continue;
        };
        check_header(name, text, &value);
        headers.insert(name.to_owned(), text.to_owned());
    }
    Some(StaticResponse {
        status_code: u16::try_from(status).unwrap_or(200),
        headers,
        body: table.string("body").map(str::to_owned),
    })
}

fn check_header(name: &str, text: &str, value: &Value<'_>) {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(is_token) {
        value.fail_key(
            format!("{name:?} is not the name of a header"),
            "write a name such as \"content-type\"",
        );
    }
    if text.chars().any(|c| c.is_control() && c != '\t') {
        value.fail(
            "the value of the header has a control character",
            "write the value on one line",
        );
    }
}

fn read_route<'d>(value: Value<'d>, id: &str, routes: &mut Routes<'d>) -> Option<HttpRoute> {
    if value.is_table() {
        return read_private(&value);
    }
    let pattern = value.string()?;
    let checked = match route::check(pattern) {
        Ok(checked) => checked,
        Err((reason, mend)) => {
            value.fail(reason, mend);
            return None;
        }
    };
    if let Some((first, other)) = routes.by_shape.get(&checked.shape) {
        let place = value.sink().place(&first.span());
        let problem = Problem::new(
            value.path(),
            format!("the route {pattern:?} is that of the trigger {other:?} at {place}"),
            "choose another route for one of the two",
        );
        let also = (first.span(), "the other");
        value
            .sink()
            .report(problem.at(value.span()).also(also.0, also.1));
        return None;
    }
    routes
        .by_shape
        .insert(checked.shape, (value, id.to_owned()));
    Some(HttpRoute::Pattern(pattern.to_owned()))
}

fn read_private(value: &Value<'_>) -> Option<HttpRoute> {
    let table = value.table()?;
    let private = table.require("private", "write { private = true }");
    table.finish();
    let private = private?;
    if private.boolean()? {
        return Some(HttpRoute::Private);
    }
    private.fail(
        "a route without a path must be private",
        "write a path such as \"/users\", or { private = true }",
    );
    None
}

fn check_executor(value: &Value<'_>) {
    let Some(table) = value.table() else {
        return;
    };
    let kind = table.require("type", "write executor = { type = \"http\" }");
    match kind.as_ref().and_then(Value::string) {
        Some("wagi") => {
            // Its own keys are beside the point.
            table.ignore_rest();
            value.fail_key(
                "the executor wagi is not supported",
                "build the component with an SDK, and remove the executor",
            );
        }
        Some("http" | "spin") | None => {}
        Some(other) => value.fail(
            format!("unknown executor {other:?}"),
            "remove it, or write { type = \"http\" }",
        ),
    }
    table.finish();
}
