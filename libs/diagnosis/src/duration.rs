//! Durations in Chinese: 三天, 半个月, 两个半小时, 一年半, 3-5天, 10多年.

use crate::text::Text;

/// Units and their minutes, the longer word first. A month has 30 days, a year 365.
const UNITS: [(&str, u64); 11] = [
    ("分钟", 1),
    ("刻钟", 15),
    ("小时", 60),
    ("钟头", 60),
    ("星期", 10_080),
    ("礼拜", 10_080),
    ("天", 1_440),
    ("日", 1_440),
    ("周", 10_080),
    ("月", 43_200),
    ("年", 525_600),
];
/// More years than this are a date.
const YEARS_MAX: u64 = 150;

/// A duration at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Duration {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) minutes: u64,
}

/// Every duration of the text, in order.
pub(crate) fn find(text: &Text<'_>) -> Vec<Duration> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.letters.len() {
        let before = at
            .checked_sub(1)
            .and_then(|at| text.letters.get(at))
            .copied();
        match read(text.from(at), before) {
            Reading::Duration { length, minutes } => {
                found.push(Duration {
                    start: at,
                    end: at + length,
                    minutes,
                });
                at += length;
            }
            Reading::Other { length } => at += length,
        }
    }
    found
}

enum Reading {
    Duration {
        length: usize,
        minutes: u64,
    },
    /// Not a duration; so many characters are done with.
    Other {
        length: usize,
    },
}

/// Reads one duration at the head of `letters`.
fn read(letters: &[char], before: Option<char>) -> Reading {
    let Some(number) = number(letters) else {
        return Reading::Other { length: 1 };
    };
    let other = Reading::Other {
        length: number.length,
    };
    let mut at = number.length;
    let mut thousandths = number.thousandths;
    if matches!(letters.get(at), Some('多' | '余' | '来' | '几')) {
        at += 1;
    }
    let counted = letters.get(at) == Some(&'个');
    at += usize::from(counted);
    if matches!(letters.get(at), Some('多')) {
        at += 1;
    }
    if letters.get(at) == Some(&'半') && at > number.length {
        thousandths += 500;
        at += 1;
    }
    let rest = letters.get(at..).unwrap_or_default();
    let unit = UNITS.iter().find(|(name, _)| starts_with(rest, name));
    let Some((name, unit_minutes)) = unit else {
        return other;
    };
    at += name.chars().count();
    let rest = letters.get(at..).unwrap_or_default();
    if is_no_duration(name, counted, before, rest)
        || (*name == "年" && thousandths > YEARS_MAX * 1_000)
    {
        return Reading::Other { length: at };
    }
    if rest.first() == Some(&'半') && !matches!(rest.get(1), Some('夜' | '身' | '边' | '天')) {
        thousandths += 500;
        at += 1;
    }
    Reading::Duration {
        length: at,
        minutes: thousandths.saturating_mul(*unit_minutes) / 1_000,
    }
}

/// Dates (5月3日), rates (一天三次, 每周), ages (一周岁) and grades (三年级).
fn is_no_duration(unit: &str, counted: bool, before: Option<char>, rest: &[char]) -> bool {
    let next = rest.first().copied();
    let rate = number(rest).is_some_and(|number| {
        matches!(
            rest.get(number.length),
            Some('次' | '回' | '餐' | '顿' | '遍' | '趟' | '季')
        )
    });
    let rate = rate
        || (matches!(next, Some('几' | '数' | '好'))
            && rest
                .iter()
                .take(4)
                .any(|letter| matches!(letter, '次' | '回' | '遍')));
    let date = unit == "月"
        && !counted
        && (matches!(next, Some('份' | '初' | '底'))
            || next.is_some_and(|next| next.is_ascii_digit()));
    let dated = unit == "月" && !counted && before == Some('年');
    let spoken = unit == "日" && matches!(before, Some('月'));
    matches!(before, Some('每'))
        || rate
        || date
        || dated
        || spoken
        || matches!(next, Some('岁' | '级' | '龄'))
}

fn starts_with(letters: &[char], word: &str) -> bool {
    word.chars()
        .enumerate()
        .all(|(at, letter)| letters.get(at) == Some(&letter))
}

/// A number at the head of a text.
pub(crate) struct Number {
    pub(crate) length: usize,
    pub(crate) thousandths: u64,
}

/// Reads a number in digits or in Chinese numerals; of a range (3-5, 三四) the lower
/// end.
pub(crate) fn number(letters: &[char]) -> Option<Number> {
    let first = digits(letters).or_else(|| numerals(letters))?;
    if !matches!(
        letters.get(first.length),
        Some('-' | '~' | '到' | '至' | '—')
    ) {
        return Some(first);
    }
    let rest = letters.get(first.length + 1..).unwrap_or_default();
    let second = digits(rest).or_else(|| numerals(rest));
    let length = first.length + second.map_or(0, |second| second.length + 1);
    Some(Number { length, ..first })
}

/// At most six digits before the point; three count after it.
fn digits(letters: &[char]) -> Option<Number> {
    let whole = letters
        .iter()
        .take_while(|letter| letter.is_ascii_digit())
        .count();
    if whole == 0 {
        return None;
    }
    let value = |letters: &[char]| {
        letters
            .iter()
            .filter_map(|letter| letter.to_digit(10))
            .fold(0_u64, |sum, digit| {
                sum.saturating_mul(10).saturating_add(u64::from(digit))
            })
    };
    let mut thousandths = value(letters.get(..whole)?).min(999_999) * 1_000;
    let mut length = whole;
    let rest = letters.get(whole + 1..).unwrap_or_default();
    let decimals = rest
        .iter()
        .take_while(|letter| letter.is_ascii_digit())
        .count();
    if letters.get(whole) == Some(&'.') && decimals > 0 {
        let padded = rest
            .iter()
            .take(decimals)
            .copied()
            .chain(['0', '0', '0'])
            .take(3)
            .collect::<Vec<_>>();
        thousandths += value(&padded);
        length += 1 + decimals;
    }
    Some(Number {
        length,
        thousandths,
    })
}

/// 半, 两, 十二, 二十, 一百二十; the second of two digits in a row is the upper end
/// of a range.
fn numerals(letters: &[char]) -> Option<Number> {
    let mut total = 0_u64;
    let mut digit = None;
    let mut length = 0;
    for letter in letters.iter().take(8) {
        match letter {
            '半' if length == 0 => {
                return Some(Number {
                    length: 1,
                    thousandths: 500,
                });
            }
            '十' | '百' => {
                let tens = if *letter == '十' { 10 } else { 100 };
                total = total.saturating_add(digit.take().unwrap_or(1) * tens);
            }
            '零' if length > 0 => {}
            _ => {
                let Some(value) = "一二三四五六七八九"
                    .chars()
                    .position(|numeral| numeral == *letter)
                else {
                    if !matches!(letter, '两' | '俩') {
                        break;
                    }
                    digit = digit.or(Some(2));
                    length += 1;
                    continue;
                };
                digit = digit.or(Some(value as u64 + 1));
            }
        }
        length += 1;
    }
    (length > 0).then(|| Number {
        length,
        thousandths: (total + digit.unwrap_or(0)) * 1_000,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::Knowledge;

    fn minutes(text: &str) -> Vec<u64> {
        find(&Text::fold(text, Knowledge::get()))
            .iter()
            .map(|duration| duration.minutes)
            .collect()
    }

    #[test]
    fn reads_durations() {
        let cases = [
            ("三天", 4_320),
            ("3天", 4_320),
            ("３天", 4_320),
            ("半天", 720),
            ("半小时", 30),
            ("半个月", 21_600),
            ("半年", 262_800),
            ("一个半月", 64_800),
            ("两个半小时", 150),
            ("一年半", 788_400),
            ("十分钟", 10),
            ("二十分钟", 20),
            ("一百二十天", 172_800),
            ("两周", 20_160),
            ("2个星期", 20_160),
            ("兩個禮拜", 20_160),
            ("三四天", 4_320),
            ("3-5天", 4_320),
            ("十多年", 5_256_000),
            ("3个多月", 129_600),
            ("一刻钟", 15),
            ("1.5小时", 90),
            ("两个钟头", 120),
            ("十二日", 17_280),
            ("6月", 259_200),
        ];
        for (text, expected) in cases {
            assert_eq!(minutes(text), [expected], "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_a_duration_is_none() {
        let texts = [
            "2020年",
            "5月3日",
            "一天三次",
            "每周",
            "一日三餐",
            "三年级",
            "一周岁",
            "十二月份",
            "一年四季",
            "天",
            "几天",
            "99999999999999999999",
        ];
        for text in texts {
            assert_eq!(minutes(text), [] as [u64; 0], "{text}");
        }
    }
}
