//! Which value of a setting wins.

use serde::{Deserialize, Serialize};

/// Where a value comes from; the first that has one is the one that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// Set while it runs, for every environment.
    Runtime,
    /// Of one environment, such as `staging`.
    Environment,
    /// Of the service, in every environment.
    Base,
    /// What the service itself assumes.
    Default,
}

impl Layer {
    /// All of them, the winning first.
    pub const ALL: [Self; 4] = [Self::Runtime, Self::Environment, Self::Base, Self::Default];

    /// Its name in requests and rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Runtime => "runtime",
            Self::Environment => "environment",
            Self::Base => "base",
            Self::Default => "default",
        }
    }

    /// The layer of this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|layer| layer.as_str() == text)
    }
}

/// A layer, and which environment where it is of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The layer.
    pub layer: Layer,
    /// Empty unless the layer is [`Layer::Environment`].
    pub environment: String,
}

impl Place {
    /// Whether it counts in this environment.
    #[must_use]
    pub fn counts_in(&self, environment: Option<&str>) -> bool {
        self.layer != Layer::Environment || environment == Some(self.environment.as_str())
    }
}

/// The one of these that holds in an environment.
pub(crate) fn winner<'a, T>(
    all: &'a [T],
    place: impl Fn(&T) -> &Place,
    environment: Option<&str>,
) -> Option<&'a T> {
    let counting = all.iter().filter(|one| place(one).counts_in(environment));
    counting.min_by_key(|one| place(one).layer)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place(layer: Layer, environment: &str) -> Place {
        Place {
            layer,
            environment: environment.to_owned(),
        }
    }

    #[test]
    fn runtime_goes_before_environment_before_base_before_default() {
        let all = [
            place(Layer::Default, ""),
            place(Layer::Base, ""),
            place(Layer::Environment, "staging"),
            place(Layer::Runtime, ""),
        ];
        let won = |count: usize, environment| {
            let found = winner(&all[..count], |place| place, environment);
            found.map(|place| place.layer)
        };
        assert_eq!(won(4, Some("staging")), Some(Layer::Runtime));
        assert_eq!(won(3, Some("staging")), Some(Layer::Environment));
        assert_eq!(won(3, Some("production")), Some(Layer::Base));
        assert_eq!(won(3, None), Some(Layer::Base));
        assert_eq!(won(1, None), Some(Layer::Default));
        assert_eq!(won(0, None), None);
    }

    proptest! {
        #[test]
        fn no_value_that_counts_goes_before_the_winner(
            all in proptest::collection::vec((0..4usize, 0..3u8), 0..12),
            asked in 0..3u8,
        ) {
            let all: Vec<Place> = all
                .into_iter()
                .map(|(layer, number)| {
                    let layer = Layer::ALL[layer];
                    let own = layer == Layer::Environment;
                    place(layer, &if own { number.to_string() } else { String::new() })
                })
                .collect();
            let asked = asked.to_string();
            let found = winner(&all, |place| place, Some(&asked));
            let mut counting = all.iter().filter(|place| place.counts_in(Some(&asked)));
            match found {
                None => prop_assert!(counting.next().is_none()),
                Some(found) => {
                    prop_assert!(found.counts_in(Some(&asked)));
                    prop_assert!(counting.all(|place| place.layer >= found.layer));
                }
            }
        }
    }
}
