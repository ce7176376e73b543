//! Which component answers a path.

use std::collections::HashMap;

/// Why a pattern is not a route.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("route {route:?}: {reason}")]
pub struct RouteError {
    /// The pattern as written.
    pub route: String,
    /// What is wrong and how to mend it.
    pub reason: &'static str,
}

/// Finds the target of a path: exact segments before parameters before
/// wildcards, segment by segment from the left.
#[derive(Debug)]
pub struct Router<T> {
    root: Node<T>,
}

#[derive(Debug)]
struct Node<T> {
    exact: HashMap<Box<str>, Node<T>>,
    parameter: Option<Box<Node<T>>>,
    end: Option<Target<T>>,
    wildcard: Option<Target<T>>,
}

#[derive(Debug)]
struct Target<T> {
    value: T,
    /// Names of the parameters, in the order of the pattern.
    parameters: Vec<Box<str>>,
}

/// A path's target and what its pattern captured.
#[derive(Debug, PartialEq, Eq)]
pub struct Match<'r, 'p, T> {
    /// What was registered.
    pub value: &'r T,
    /// Names and values of `:parameters`.
    pub parameters: Vec<(&'r str, &'p str)>,
    /// What the wildcard took, with its leading slash; empty without one.
    pub rest: &'p str,
}

impl<T> Default for Node<T> {
    fn default() -> Self {
        Self {
            exact: HashMap::new(),
            parameter: None,
            end: None,
            wildcard: None,
        }
    }
}

impl<T> Default for Router<T> {
    fn default() -> Self {
        Self {
            root: Node::default(),
        }
    }
}

impl<T> Router<T> {
    /// Adds a pattern such as `/users/:id` or `/static/...`.
    ///
    /// # Errors
    /// When the pattern is malformed or takes exactly the paths of another.
    pub fn add(&mut self, route: &str, value: T) -> Result<(), RouteError> {
        let error = |reason| RouteError {
            route: route.to_owned(),
            reason,
        };
        let mut node = &mut self.root;
        let mut parameters: Vec<Box<str>> = Vec::new();
        let mut segments = segments(route).peekable();
        while let Some(segment) = segments.next() {
            if matches!(segment, "..." | "*") {
                if segments.peek().is_some() {
                    return Err(error("a wildcard must be the last segment"));
                }
                return match node.wildcard.replace(Target { value, parameters }) {
                    None => Ok(()),
                    Some(_) => Err(error("another trigger has the same route")),
                };
            }
            node = match segment.strip_prefix(':') {
                Some("") => return Err(error("a parameter needs a name, such as `:id`")),
                Some(name) => {
                    parameters.push(name.into());
                    node.parameter.get_or_insert_default()
                }
                None if segment.starts_with('*') => {
                    return Err(error("a wildcard has no name: write `/...`"));
                }
                None => node.exact.entry(segment.into()).or_default(),
            };
        }
        match node.end.replace(Target { value, parameters }) {
            None => Ok(()),
            Some(_) => Err(error("another trigger has the same route")),
        }
    }

    /// The target of a path.
    pub fn find<'r, 'p>(&'r self, path: &'p str) -> Option<Match<'r, 'p, T>> {
        let mut values = Vec::new();
        let rest = path.trim_start_matches('/');
        let (target, rest) = self.root.find(path, rest, &mut values)?;
        Some(Match {
            value: &target.value,
            parameters: target
                .parameters
                .iter()
                .map(AsRef::as_ref)
                .zip(values)
                .collect(),
            rest,
        })
    }
}

impl<T> Node<T> {
    /// `slashed` is what is left of the path with the slash before it, `left`
    /// the same without.
    fn find<'r, 'p>(
        &'r self,
        slashed: &'p str,
        left: &'p str,
        values: &mut Vec<&'p str>,
    ) -> Option<(&'r Target<T>, &'p str)> {
        if left.is_empty() {
            return match (&self.end, &self.wildcard) {
                (Some(end), _) => Some((end, "")),
                (None, Some(wildcard)) => Some((wildcard, slashed)),
                (None, None) => None,
            };
        }
        let (segment, after) = left.split_at(left.find('/').unwrap_or(left.len()));
        let next = after.strip_prefix('/').unwrap_or(after);
        if let Some(node) = self.exact.get(segment)
            && let Some(found) = node.find(after, next, values)
        {
            return Some(found);
        }
        if let Some(node) = &self.parameter
            && !segment.is_empty()
        {
            let depth = values.len();
            values.push(segment);
            if let Some(found) = node.find(after, next, values) {
                return Some(found);
            }
            values.truncate(depth);
        }
        self.wildcard.as_ref().map(|wildcard| (wildcard, slashed))
    }
}

fn segments(route: &str) -> impl Iterator<Item = &str> {
    let route = route.strip_prefix('/').unwrap_or(route);
    let route = route.strip_suffix('/').unwrap_or(route);
    route.split('/').filter(move |_| !route.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn router(routes: &[&'static str]) -> Router<&'static str> {
        let mut router = Router::default();
        for route in routes {
            router.add(route, *route).unwrap();
        }
        router
    }

    #[test]
    fn exact_comes_before_parameter_before_wildcard() {
        let router = router(&["/users/me", "/users/:id", "/users/...", "/..."]);
        let found = |path| *router.find(path).unwrap().value;
        assert_eq!(found("/users/me"), "/users/me");
        assert_eq!(found("/users/me/"), "/users/me");
        assert_eq!(found("/users/7"), "/users/:id");
        assert_eq!(found("/users/7/friends"), "/users/...");
        assert_eq!(found("/users"), "/users/...");
        assert_eq!(found("/"), "/...");
        assert_eq!(found("/other"), "/...");
    }

    #[test]
    fn a_wildcard_takes_the_rest_with_its_slash() {
        let router = router(&["/base/:seg/..."]);
        let found = router.find("/base/x/y/z").unwrap();
        assert_eq!(found.parameters, [("seg", "x")]);
        assert_eq!(found.rest, "/y/z");
        assert_eq!(router.find("/base/x/y/").unwrap().rest, "/y/");
        assert_eq!(router.find("/base/x/").unwrap().rest, "/");
        assert_eq!(router.find("/base/x").unwrap().rest, "");
    }

    #[test]
    fn a_parameter_that_leads_nowhere_is_given_up() {
        let router = router(&["/a/:x/b", "/a/c/d", "/a/..."]);
        assert_eq!(*router.find("/a/c/b").unwrap().value, "/a/:x/b");
        assert_eq!(*router.find("/a/c/e").unwrap().value, "/a/...");
        assert!(router.find("/a/c/e").unwrap().parameters.is_empty());
    }

    #[test]
    fn without_a_wildcard_unknown_paths_have_no_target() {
        let router = router(&["/a", "/b/:id"]);
        assert!(router.find("/").is_none());
        assert!(router.find("/b").is_none());
        assert!(router.find("/b/1/2").is_none());
    }

    #[test]
    fn malformed_and_equal_routes_are_refused() {
        let mut router = router(&["/a/:x"]);
        for route in ["/a/:y", "/...//b", "/b/*name", "/b/:"] {
            assert!(router.add(route, "").is_err(), "{route} was accepted");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_path_finds_a_catch_all(path in "/[a-z/:.*]{0,40}") {
            let router = router(&["/a/b", "/a/:x/c", "/..."]);
            proptest::prop_assert!(router.find(&path).is_some());
        }
    }
}
