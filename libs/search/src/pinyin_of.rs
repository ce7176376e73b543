//! How Han characters are read, without tones.

use pinyin::ToPinyin;

use crate::text::is_han;

/// The syllables of a word all of whose characters are Han characters with a reading.
/// `ü` is written `v`, as it is typed.
pub(crate) fn syllables(letters: &[char]) -> Option<Vec<String>> {
    let one = |letter: &char| {
        let reading = Some(*letter)
            .filter(|letter| is_han(*letter))?
            .to_pinyin()?;
        Some(reading.plain().replace('ü', "v"))
    };
    letters.iter().map(one).collect()
}

/// Syllables run together: `zusanli`.
pub(crate) fn full(syllables: &[String]) -> String {
    syllables.concat()
}

/// The first letters: `zsl`.
pub(crate) fn initials(syllables: &[String]) -> String {
    let first = syllables.iter().filter_map(|each| each.chars().next());
    first.collect()
}

/// Whether one edit at most (a letter more, less or another) makes one text the other.
pub(crate) fn is_near(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let (short, long) = if one.len() <= other.len() {
        (one, other)
    } else {
        (other, one)
    };
    if long.len() - short.len() > 1 {
        return false;
    }
    let same = |(one, other): &(&u8, &u8)| one == other;
    let head = short.iter().zip(long).take_while(same).count();
    let rest = short.len() - head;
    let tail = short.iter().rev().zip(long.iter().rev()).take(rest);
    let tail = tail.take_while(same).count();
    let (left, longer) = (rest - tail, long.len() - head - tail);
    left <= 1 && longer <= 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read() {
        let letters: Vec<char> = "足三里".chars().collect();
        let read = syllables(&letters).unwrap();
        assert_eq!(
            (full(&read).as_str(), initials(&read).as_str()),
            ("zusanli", "zsl")
        );
        assert_eq!(syllables(&['绿']).unwrap(), ["lv"]);
        assert!(syllables(&['a']).is_none());
    }

    #[test]
    fn one_edit_is_near_and_two_are_not() {
        for (one, other, near) in [
            ("zusanli", "zusanli", true),
            ("zusanli", "zusanl", true),
            ("zusanli", "zhusanli", true),
            ("zusanli", "zusenli", true),
            ("zusanli", "zsanl", false),
            ("aab", "aba", false),
            ("", "a", true),
            ("", "ab", false),
        ] {
            assert_eq!(is_near(one, other), near, "{one} {other}");
            assert_eq!(is_near(other, one), near, "{other} {one}");
        }
    }
}
