//! The language of texts that people read.

/// A language that the application speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lang {
    /// English; also where the caller states no wish.
    #[default]
    En,
    /// Simplified Chinese.
    ZhCn,
}

impl Lang {
    /// The best of ours for an `Accept-Language` header.
    #[must_use]
    pub fn choose(header: &str) -> Self {
        let mut best = (0.0, Self::default());
        for part in header.split(',').take(16) {
            let mut pieces = part.split(';');
            let name = pieces
                .next()
                .unwrap_or_default()
                .trim()
                .to_ascii_lowercase();
            let weight = pieces.find_map(|piece| piece.trim().strip_prefix("q="));
            let weight = weight.map_or(Some(1.0), |weight| weight.trim().parse::<f64>().ok());
            let lang = match name.split('-').next() {
                Some("zh") => Self::ZhCn,
                Some("en") => Self::En,
                _ => continue,
            };
            if weight.is_some_and(|weight| weight > best.0) {
                best = (weight.unwrap_or_default(), lang);
            }
        }
        best.1
    }

    /// The language tag, for `Content-Language`.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::ZhCn => "zh-CN",
        }
    }

    /// The text of this language.
    #[must_use]
    pub fn pick<'a>(self, en: &'a str, zh: &'a str) -> &'a str {
        match self {
            Self::En => en,
            Self::ZhCn => zh,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_of_ours_is_chosen() {
        for (header, expected) in [
            ("", Lang::En),
            ("zh-CN,zh;q=0.9,en;q=0.8", Lang::ZhCn),
            ("en-US,en;q=0.9,zh;q=0.8", Lang::En),
            ("fr, zh-Hant;q=0.5", Lang::ZhCn),
            ("zh;q=0.1, en;q=0.2", Lang::En),
            ("zh;q=0", Lang::En),
            ("de;q=1, *;q=0.5", Lang::En),
            ("zh;q=abc", Lang::En),
        ] {
            assert_eq!(Lang::choose(header), expected, "{header}");
        }
    }
}
