//! Bounded texts.

/// Cuts a text to at most `bytes_max` bytes, between two characters.
pub(crate) fn shorten(text: &mut String, bytes_max: usize) {
    text.truncate(text.floor_char_boundary(bytes_max));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters() {
        let mut text = "失眠a".to_owned();
        shorten(&mut text, 5);
        assert_eq!(text, "失");
        shorten(&mut text, 100);
        assert_eq!(text, "失");
    }
}
