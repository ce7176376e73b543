//! The syntax of HTTP routes.

/// A route that can be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checked {
    /// The route without the names of its parameters: two routes of the same
    /// shape answer the same requests.
    pub(crate) shape: String,
}

/// Paths under it are the host's.
const RESERVED: &str = "/.well-known/spin/";

/// Checks a route; otherwise says what is wrong and how to write it.
pub(crate) fn check(route: &str) -> Result<Checked, (String, String)> {
    if let Some(bad) = route
        .chars()
        .find(|c| c.is_whitespace() || "?#".contains(*c))
    {
        return Err((
            format!("the route has the character {bad:?}, which no path has"),
            "write the path only, such as \"/users/:id\"".to_owned(),
        ));
    }
    let trimmed = route.strip_prefix('/').unwrap_or(route);
    let trimmed = trimmed.strip_suffix('/').unwrap_or(trimmed);
    if format!("/{trimmed}/").starts_with(RESERVED) {
        return Err((
            format!("paths under {RESERVED} belong to the host"),
            "choose another path".to_owned(),
        ));
    }
    let mut segments = trimmed.split('/').peekable();
    let mut shape = String::new();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        shape.push('/');
        shape.push_str(&check_segment(segment, is_last)?);
    }
    Ok(Checked { shape })
}

fn check_segment(segment: &str, is_last: bool) -> Result<String, (String, String)> {
    if segment == "..." || segment == "*" {
        if is_last {
            return Ok("...".to_owned());
        }
        return Err((
            format!("the wildcard {segment:?} is not at the end of the route"),
            "end the route with \"/...\", or name the part, such as \"/:name/\"".to_owned(),
        ));
    }
    if segment.starts_with('*') {
        return Err((
            format!("the wildcard {segment:?} has a name"),
            "end the route with \"/...\", which has none".to_owned(),
        ));
    }
    if segment.ends_with("...") {
        return Err((
            format!("the wildcard of {segment:?} is not a part of its own"),
            "write \"/...\" after a slash".to_owned(),
        ));
    }
    // A parameter ends at a dot, so that `/:name.:extension` has two.
    let parts = segment.split('.').map(|part| match part {
        ":" => Err((
            "a parameter has no name".to_owned(),
            "name it, such as \":id\"".to_owned(),
        )),
        part if part.starts_with(':') => Ok(":"),
        part => Ok(part),
    });
    Ok(parts.collect::<Result<Vec<_>, _>>()?.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(route: &str) -> String {
        check(route).expect(route).shape
    }

    #[test]
    fn routes_of_the_same_shape_answer_the_same_requests() {
        assert_eq!(shape("/users/:id"), shape("users/:name/"));
        assert_eq!(shape("/..."), shape("/*"));
        assert_eq!(shape(""), shape("/"));
        assert_ne!(shape("/users/:id"), shape("/users/id"));
        assert_ne!(shape("/users/:id"), shape("/users/..."));
        assert_ne!(shape("/:a.:b"), shape("/:a"));
    }

    #[test]
    fn wildcards_and_parameters_are_checked() {
        for good in [
            "/",
            "/a/b",
            "/a/...",
            "/a/*",
            "/:a/:b",
            "/a:b",
            "/v1.2/:x.json",
        ] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in [
            "/:",
            "/a/:/b",
            "/:.json",
            "/*rest",
            "/.../a",
            "/*/a",
            "/a...",
            "/a?b",
            "/a b",
            "/a#b",
            "/.well-known/spin/x",
            ".well-known/spin",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
