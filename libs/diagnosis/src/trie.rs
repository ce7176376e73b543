//! Terms by their characters.

use std::collections::BTreeMap;

/// A set of terms with a value each. A node is a place in the tree of letters.
#[derive(Debug)]
pub(crate) struct Trie<T> {
    root: Node<T>,
}

#[derive(Debug)]
struct Node<T> {
    children: BTreeMap<char, Node<T>>,
    value: Option<T>,
}

impl<T> Default for Node<T> {
    fn default() -> Self {
        Self {
            children: BTreeMap::new(),
            value: None,
        }
    }
}

impl<T> Default for Trie<T> {
    fn default() -> Self {
        Self {
            root: Node::default(),
        }
    }
}

impl<T: Default> Trie<T> {
    /// The value of `term`, made where it is new.
    pub(crate) fn entry(&mut self, term: &str) -> &mut T {
        let mut node = &mut self.root;
        for letter in term.chars() {
            node = node.children.entry(letter).or_default();
        }
        node.value.get_or_insert_default()
    }
}

impl<T> Trie<T> {
    /// The terms that `letters` begin with, the shortest first: lengths and values.
    pub(crate) fn prefixes<'a>(&'a self, letters: &[char]) -> impl Iterator<Item = (usize, &'a T)> {
        let mut node = &self.root;
        let steps = letters.iter().enumerate().map_while(move |(at, letter)| {
            node = node.children.get(letter)?;
            Some((at + 1, node.value.as_ref()))
        });
        steps.filter_map(|(length, value)| value.map(|value| (length, value)))
    }

    /// The longest term that `letters` begin with.
    pub(crate) fn longest<'a>(&'a self, letters: &[char]) -> Option<(usize, &'a T)> {
        self.prefixes(letters).last()
    }

    /// Visits every term with its value.
    pub(crate) fn each(&self, visit: &mut impl FnMut(&[char], &T)) {
        let mut open = vec![(&self.root, Vec::new())];
        while let Some((node, letters)) = open.pop() {
            if let Some(value) = &node.value {
                visit(&letters, value);
            }
            for (letter, child) in &node.children {
                open.push((child, letters.iter().copied().chain([*letter]).collect()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_longest_and_all() {
        let mut trie = Trie::<u8>::default();
        for (value, term) in (1..).zip(["少气", "少气懒言", "懒"]) {
            *trie.entry(term) = value;
        }
        let letters: Vec<char> = "少气懒言了".chars().collect();
        assert_eq!(trie.longest(&letters), Some((4, &2)));
        assert_eq!(
            trie.prefixes(&letters).collect::<Vec<_>>(),
            [(2, &1), (4, &2)]
        );
        assert_eq!(trie.longest(&letters[1..]), None);
        assert_eq!(trie.longest(&[]), None);
        let mut terms = 0;
        trie.each(&mut |_, _| terms += 1);
        assert_eq!(terms, 3);
    }
}
