//! Where a term stands in a document, as a short text: `0:1,7|3:20` is the field 0 at 1
//! and 7, and the field 3 at 20.

use std::collections::BTreeMap;

use crate::document::{Document, FIELDS, Field};
use crate::tokens;

/// Most places of a term in a field that are kept: more of them say no more.
const PLACES_MAX: usize = 32;

/// The places of a term by field, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Places(pub(crate) [Vec<usize>; FIELDS]);

impl Places {
    /// The places in a field.
    pub(crate) fn of(&self, field: usize) -> &[usize] {
        self.0.get(field).map_or(&[], Vec::as_slice)
    }

    fn add(&mut self, field: usize, place: usize) {
        if let Some(places) = self.0.get_mut(field).filter(|each| each.len() < PLACES_MAX) {
            places.push(place);
        }
    }

    /// As it is stored.
    pub(crate) fn pack(&self) -> String {
        let fields = self
            .0
            .iter()
            .enumerate()
            .filter(|(_, places)| !places.is_empty());
        let fields = fields.map(|(field, places)| {
            let places: Vec<String> = places.iter().map(usize::to_string).collect();
            format!("{field}:{}", places.join(","))
        });
        fields.collect::<Vec<_>>().join("|")
    }

    /// Reads what [`Places::pack`] wrote; what is something else counts for nothing.
    pub(crate) fn unpack(text: &str) -> Self {
        let mut places = Self::default();
        for part in text.split('|') {
            let Some((field, list)) = part.split_once(':') else {
                continue;
            };
            let Ok(field) = field.parse::<usize>() else {
                continue;
            };
            for place in list.split(',').filter_map(|place| place.parse().ok()) {
                places.add(field, place);
            }
        }
        places
    }
}

/// The terms of a document with their places, and the length of each field.
pub(crate) fn of(document: &Document) -> (BTreeMap<String, Places>, [usize; FIELDS]) {
    let mut terms = BTreeMap::<String, Places>::new();
    let mut lengths = [0; FIELDS];
    for field in Field::ALL {
        let (tokens, length) = tokens::tokens(document.text(field));
        if let Some(slot) = lengths.get_mut(field as usize) {
            *slot = length;
        }
        for token in tokens {
            let places = terms.entry(token.term).or_default();
            places.add(field as usize, token.position);
        }
    }
    (terms, lengths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_document_has_its_terms_by_field() {
        let document = Document::new("a", "b")
            .with(Field::Name, "脾虚")
            .with(Field::Text, "脾，脾");
        let (terms, lengths) = of(&document);
        assert_eq!(lengths, [2, 0, 0, 2]);
        assert_eq!(terms["脾"].pack(), "0:0|3:0,2");
        assert_eq!(terms["脾虚"].pack(), "0:0");
    }

    proptest! {
        #[test]
        fn places_are_read_back(fields in proptest::collection::vec(
            proptest::collection::vec(0_usize..9_000, 0..5), FIELDS)) {
            let mut places = Places::default();
            for (field, list) in fields.iter().enumerate() {
                for place in list {
                    places.add(field, *place);
                }
            }
            prop_assert_eq!(Places::unpack(&places.pack()), places);
        }

        #[test]
        fn anything_can_be_unpacked(text in ".{0,40}") {
            let _ = Places::unpack(&text);
        }
    }
}
