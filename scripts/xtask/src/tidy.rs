//! The shape of the repository: rules that no compiler checks.
//!
//! Each rule returns what breaks it, one line each, naming the place and the mend.

mod components;
mod gateway;
mod layers;
mod links;
mod scripts;
mod sources;

use anyhow::Result;

use crate::tree::Tree;

/// Everything that is not as agreed.
pub(crate) fn violations(tree: &Tree) -> Result<Vec<String>> {
    let mut found = sources::check(tree);
    found.extend(components::check(tree)?);
    found.extend(gateway::check(tree)?);
    found.extend(layers::check(tree)?);
    found.extend(scripts::check(tree));
    found.extend(links::check(tree));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_tidy() {
        let found = violations(&Tree::read().unwrap()).unwrap();
        assert!(found.is_empty(), "\n{}\n", found.join("\n"));
    }
}
