//! Names of dependencies: `ns:package/interface@1.0.0`, or one word.

use crate::names::{self, NameRule};

/// Which imports a dependency satisfies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DependencyName {
    /// A plain name.
    Plain,
    /// A package, or one interface of it.
    Package {
        /// `ns:package`
        package: String,
        interface: Option<String>,
        /// The version without the parts that compatible versions may differ in.
        compatible: Option<String>,
    },
}

impl DependencyName {
    /// Parses a name; otherwise says what is wrong with it.
    pub(crate) fn parse(name: &str) -> Result<Self, String> {
        let Some((namespace, rest)) = name.split_once(':') else {
            names::check(NameRule::Kebab, name)?;
            return Ok(Self::Plain);
        };
        let (rest, version) = match rest.split_once('@') {
            Some((rest, version)) => (rest, Some(version)),
            None => (rest, None),
        };
        let (package, interface) = match rest.split_once('/') {
            Some((package, interface)) => (package, Some(interface)),
            None => (rest, None),
        };
        for word in [Some(namespace), Some(package), interface]
            .into_iter()
            .flatten()
        {
            names::check(NameRule::Kebab, word).map_err(|why| format!("{word:?}: {why}"))?;
        }
        Ok(Self::Package {
            package: format!("{namespace}:{package}"),
            interface: interface.map(str::to_owned),
            compatible: version.map(compatible_part).transpose()?,
        })
    }

    /// Whether the name stands for all interfaces of a package.
    pub(crate) fn is_whole_package(&self) -> bool {
        matches!(
            self,
            Self::Package {
                interface: None,
                ..
            }
        )
    }

    /// Whether one import could be satisfied by both.
    pub(crate) fn conflicts_with(&self, other: &Self) -> bool {
        let (
            Self::Package {
                package,
                interface,
                compatible,
            },
            Self::Package {
                package: other_package,
                interface: other_interface,
                compatible: other_compatible,
            },
        ) = (self, other)
        else {
            return false;
        };
        let differ = |a: &Option<String>, b: &Option<String>| a.is_some() && b.is_some() && a != b;
        package == other_package
            && !differ(interface, other_interface)
            && !differ(compatible, other_compatible)
    }
}

/// `1` of `1.2.3`, `0.2` of `0.2.3`, `0.0.3` of `0.0.3`; all of a pre-release.
fn compatible_part(version: &str) -> Result<String, String> {
    let (numbers, is_release) = match version.split_once(['-', '+']) {
        Some((numbers, _)) => (
            numbers,
            version.as_bytes().get(numbers.len()) == Some(&b'+'),
        ),
        None => (version, true),
    };
    let parts: Vec<Option<u64>> = numbers.split('.').map(|n| n.parse().ok()).collect();
    let [Some(major), Some(minor), Some(patch)] = parts.as_slice() else {
        return Err(format!("{version:?} is not a version such as 1.0.0"));
    };
    Ok(match (is_release, major, minor) {
        (false, ..) => version.to_owned(),
        (true, 0, 0) => format!("0.0.{patch}"),
        (true, 0, _) => format!("0.{minor}"),
        (true, ..) => major.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_or_packages() {
        for good in [
            "plain",
            "plain-name",
            "a:b",
            "a:b@1.0.0",
            "a:b/c",
            "wasi:http/types@0.3.0-rc-2026-03-15",
            "a:b/c@1.0.0+build",
        ] {
            assert!(DependencyName::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a_b",
            "a:",
            ":b",
            "a:b/",
            "a:b@",
            "a:b@1",
            "a:b@x.y.z",
            "a:b@1.0.0.0",
            "a:B_c",
        ] {
            assert!(DependencyName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn overlapping_names_conflict() {
        let conflict = |a, b| {
            let [a, b] = [a, b].map(|name| DependencyName::parse(name).expect(name));
            assert_eq!(a.conflicts_with(&b), b.conflicts_with(&a));
            a.conflicts_with(&b)
        };
        assert!(conflict("a:b", "a:b/c"));
        assert!(conflict("a:b@1.0.0", "a:b@1.2.0"));
        assert!(conflict("a:b/c", "a:b/c@1.0.0"));
        assert!(!conflict("a:b/c", "a:b/d"));
        assert!(!conflict("a:b@1.0.0", "a:b@2.0.0"));
        assert!(!conflict("a:b@0.1.0", "a:b@0.2.0"));
        assert!(!conflict("a:b", "a:c"));
        assert!(!conflict("plain", "plain"));
    }
}
