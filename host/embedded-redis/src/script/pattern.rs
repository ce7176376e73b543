//! Lua's patterns, with a bound on the work.
//!
//! Lua's own matcher runs in C, where no bound on instructions reaches it: a
//! short pattern can keep it busy for years, a long one can use up its stack.
//! This one does the same, counts its steps and gives up.

/// Captures of one pattern, as in Lua.
const CAPTURES_MAX: usize = 32;
/// Calls inside calls, as in later versions of Lua.
const DEPTH_MAX: u32 = 200;
/// Steps between two looks at the time.
const STEPS_PER_LOOK: u32 = 4096;
/// Bytes that are compared in the time of a step.
const COMPARED_PER_STEP: usize = 16;

/// What a pattern has found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Where it begins and ends.
    pub(super) range: (usize, usize),
    pub(super) captures: Vec<Captured>,
}

/// One capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Captured {
    /// A part of the subject.
    Range(usize, usize),
    /// A place in it, counted from 0.
    Position(usize),
}

/// Why a pattern was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PatternError {
    /// It is none, in Lua's words.
    Malformed(&'static str),
    /// It takes more steps than it may.
    TooLong,
}

use PatternError::{Malformed, TooLong};

type Outcome<T> = Result<T, PatternError>;

#[derive(Clone, Copy, Debug)]
enum Capture {
    Open(usize),
    Closed(usize, usize),
    Position(usize),
}

/// One search.
pub(super) struct Search<'a> {
    subject: &'a [u8],
    pattern: &'a [u8],
    captures: Vec<Capture>,
    steps_left: u32,
    /// Where the time is looked at again.
    look_at: u32,
    is_late: &'a dyn Fn() -> bool,
    depth: u32,
}

impl<'a> Search<'a> {
    /// A search that gives up after so many steps, or when it is too late.
    pub(super) fn new(
        subject: &'a [u8],
        pattern: &'a [u8],
        steps_max: u32,
        is_late: &'a dyn Fn() -> bool,
    ) -> Self {
        Self {
            subject,
            pattern,
            captures: Vec::new(),
            steps_left: steps_max,
            look_at: steps_max.saturating_sub(STEPS_PER_LOOK),
            is_late,
            depth: 0,
        }
    }

    /// Steps that were not used.
    pub(super) fn steps_left(&self) -> u32 {
        self.steps_left
    }

    /// The first match from `start` on, or at `start` alone when it is anchored.
    pub(super) fn first(&mut self, start: usize, is_anchored: bool) -> Outcome<Option<Found>> {
        let last = if is_anchored {
            start
        } else {
            self.subject.len()
        };
        for at in start..=last {
            self.captures.clear();
            if let Some(end) = self.matches(at, 0)? {
                let captures = self.captures.iter().map(|capture| match *capture {
                    Capture::Open(_) => Err(Malformed("unfinished capture")),
                    Capture::Closed(from, to) => Ok(Captured::Range(from, to)),
                    Capture::Position(at) => Ok(Captured::Position(at)),
                });
                return Ok(Some(Found {
                    range: (at, end),
                    captures: captures.collect::<Result<_, _>>()?,
                }));
            }
        }
        Ok(None)
    }

    fn step(&mut self) -> Outcome<()> {
        self.steps(1)
    }

    fn steps(&mut self, count: usize) -> Outcome<()> {
        let count = u32::try_from(count).map_err(|_| TooLong)?;
        let Some(left) = self.steps_left.checked_sub(count) else {
            self.steps_left = 0;
            return Err(TooLong);
        };
        self.steps_left = left;
        if left <= self.look_at {
            self.look_at = left.saturating_sub(STEPS_PER_LOOK);
            if (self.is_late)() {
                return Err(TooLong);
            }
        }
        Ok(())
    }

    fn at(&self, p: usize) -> Option<u8> {
        self.pattern.get(p).copied()
    }

    /// Where the match ends of the pattern from `p` with the subject from `s`.
    fn matches(&mut self, s: usize, p: usize) -> Outcome<Option<usize>> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Malformed("pattern too complex"));
        }
        let outcome = self.matches_inside(s, p);
        self.depth -= 1;
        outcome
    }

    fn matches_inside(&mut self, mut s: usize, mut p: usize) -> Outcome<Option<usize>> {
        loop {
            self.step()?;
            let Some(byte) = self.at(p) else {
                return Ok(Some(s));
            };
            let next = self.at(p + 1);
            match (byte, next) {
                (b'(', Some(b')')) => return self.open(Capture::Position(s), s, p + 2),
                (b'(', _) => return self.open(Capture::Open(s), s, p + 1),
                (b')', _) => return self.close(s, p + 1),
                (b'$', None) => return Ok((s == self.subject.len()).then_some(s)),
                (b'%', Some(b'b')) => {
                    let Some(end) = self.balanced(s, p + 2)? else {
                        return Ok(None);
                    };
                    (s, p) = (end, p + 4);
                }
                (b'%', Some(b'f')) => {
                    let Some(end) = self.frontier(s, p + 2)? else {
                        return Ok(None);
                    };
                    p = end;
                }
                (b'%', Some(digit)) if digit.is_ascii_digit() => {
                    let Some(end) = self.captured_again(s, digit)? else {
                        return Ok(None);
                    };
                    (s, p) = (end, p + 2);
                }
                _ => {
                    let end = self.class_end(p)?;
                    match self.at(end) {
                        Some(b'?') => {
                            if self.one(s, p, end)?
                                && let Some(found) = self.matches(s + 1, end + 1)?
                            {
                                return Ok(Some(found));
                            }
                            p = end + 1;
                        }
                        Some(b'*') => return self.most(s, p, end),
                        Some(b'+') if self.one(s, p, end)? => return self.most(s + 1, p, end),
                        Some(b'-') => return self.least(s, p, end),
                        Some(b'+') => return Ok(None),
                        _ if self.one(s, p, end)? => (s, p) = (s + 1, end),
                        _ => return Ok(None),
                    }
                }
            }
        }
    }

    fn open(&mut self, capture: Capture, s: usize, p: usize) -> Outcome<Option<usize>> {
        if self.captures.len() >= CAPTURES_MAX {
            return Err(Malformed("too many captures"));
        }
        self.captures.push(capture);
        let found = self.matches(s, p)?;
        if found.is_none() {
            self.captures.pop();
        }
        Ok(found)
    }

    fn close(&mut self, s: usize, p: usize) -> Outcome<Option<usize>> {
        let is_open = |capture: &Capture| matches!(capture, Capture::Open(_));
        let index = self.captures.iter().rposition(is_open);
        let open = index.and_then(|index| self.captures.get_mut(index));
        let Some((index, capture)) = index.zip(open) else {
            return Err(Malformed("invalid pattern capture"));
        };
        let before = *capture;
        if let Capture::Open(from) = before {
            *capture = Capture::Closed(from, s);
        }
        let found = self.matches(s, p)?;
        if found.is_none()
            && let Some(capture) = self.captures.get_mut(index)
        {
            *capture = before;
        }
        Ok(found)
    }

    /// `%b()`: from one byte to the other that closes it.
    fn balanced(&mut self, s: usize, p: usize) -> Outcome<Option<usize>> {
        let (Some(opening), Some(closing)) = (self.at(p), self.at(p + 1)) else {
            return Err(Malformed("unbalanced pattern"));
        };
        if self.subject.get(s) != Some(&opening) {
            return Ok(None);
        }
        let mut open = 1_usize;
        for at in s + 1..self.subject.len() {
            self.step()?;
            let byte = self.subject.get(at).copied();
            if byte == Some(closing) {
                open -= 1;
                if open == 0 {
                    return Ok(Some(at + 1));
                }
            } else if byte == Some(opening) {
                open += 1;
            }
        }
        Ok(None)
    }

    /// `%f[set]`: between a byte outside the set and one inside; the place in
    /// the pattern behind it.
    fn frontier(&mut self, s: usize, p: usize) -> Outcome<Option<usize>> {
        if self.at(p) != Some(b'[') {
            return Err(Malformed("missing '[' after '%f' in pattern"));
        }
        let end = self.class_end(p)?;
        self.steps(2 * (end - p))?;
        let byte = |at: Option<usize>| at.and_then(|at| self.subject.get(at)).map_or(0, |b| *b);
        let is_edge =
            !self.in_set(byte(s.checked_sub(1)), p, end) && self.in_set(byte(Some(s)), p, end);
        Ok(is_edge.then_some(end))
    }

    /// `%1`: what a capture holds, once more.
    fn captured_again(&mut self, s: usize, digit: u8) -> Outcome<Option<usize>> {
        let index = usize::from(digit - b'0').checked_sub(1);
        let capture = index.and_then(|index| self.captures.get(index));
        let (from, to) = match capture {
            Some(&Capture::Closed(from, to)) => (from, to),
            // A place is nothing that could be there once more.
            Some(Capture::Position(_)) => return Ok(None),
            Some(Capture::Open(_)) | None => return Err(Malformed("invalid capture index")),
        };
        let rest = self.subject.get(s..).unwrap_or_default();
        let wanted = self.subject.get(from..to).unwrap_or_default();
        self.steps(wanted.len() / COMPARED_PER_STEP)?;
        Ok(rest.starts_with(wanted).then_some(s + wanted.len()))
    }

    /// As many as there are, then fewer.
    fn most(&mut self, s: usize, p: usize, end: usize) -> Outcome<Option<usize>> {
        let mut count = 0;
        while self.one(s + count, p, end)? {
            self.step()?;
            count += 1;
        }
        for count in (0..=count).rev() {
            if let Some(found) = self.matches(s + count, end + 1)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// As few as will do.
    fn least(&mut self, mut s: usize, p: usize, end: usize) -> Outcome<Option<usize>> {
        loop {
            if let Some(found) = self.matches(s, end + 1)? {
                return Ok(Some(found));
            }
            if !self.one(s, p, end)? {
                return Ok(None);
            }
            s += 1;
        }
    }

    /// Where the single class that begins at `p` ends.
    fn class_end(&mut self, p: usize) -> Outcome<usize> {
        match self.at(p) {
            Some(b'%') if self.at(p + 1).is_none() => {
                Err(Malformed("malformed pattern (ends with '%')"))
            }
            Some(b'%') => Ok(p + 2),
            Some(b'[') => {
                let end = self.set_end(p)?;
                self.steps(end - p)?;
                Ok(end)
            }
            _ => Ok(p + 1),
        }
    }

    fn set_end(&self, p: usize) -> Outcome<usize> {
        const MISSING: PatternError = Malformed("malformed pattern (missing ']')");
        let mut at = p + 1;
        if self.at(at) == Some(b'^') {
            at += 1;
        }
        // The first one is a member, even `]`.
        loop {
            let byte = self.at(at).ok_or(MISSING)?;
            at += if byte == b'%' { 2 } else { 1 };
            match self.at(at) {
                None => return Err(MISSING),
                Some(b']') => return Ok(at + 1),
                Some(_) => {}
            }
        }
    }

    /// Whether the class from `p` to `end` takes the byte at `s`.
    fn one(&mut self, s: usize, p: usize, end: usize) -> Outcome<bool> {
        let Some(&byte) = self.subject.get(s) else {
            return Ok(false);
        };
        Ok(match self.at(p) {
            Some(b'.') => true,
            Some(b'%') => self.at(p + 1).is_some_and(|class| in_class(byte, class)),
            Some(b'[') => {
                self.steps(end - p)?;
                self.in_set(byte, p, end)
            }
            other => other == Some(byte),
        })
    }

    /// Whether the set from `[` at `p` to behind its `]` takes a byte.
    fn in_set(&self, byte: u8, p: usize, end: usize) -> bool {
        let mut set = self.pattern.get(p + 1..end - 1).unwrap_or_default();
        let is_negated = set.first() == Some(&b'^');
        if is_negated {
            set = set.get(1..).unwrap_or_default();
        }
        let mut is_in = false;
        while let Some((&first, rest)) = set.split_first() {
            set = rest;
            match (first, rest) {
                (b'%', [class, rest @ ..]) => {
                    is_in |= in_class(byte, *class);
                    set = rest;
                }
                (low, [b'-', high, rest @ ..]) => {
                    is_in |= (low..=*high).contains(&byte);
                    set = rest;
                }
                (single, _) => is_in |= single == byte,
            }
        }
        is_in != is_negated
    }
}

fn in_class(byte: u8, class: u8) -> bool {
    let is_in = match class.to_ascii_lowercase() {
        b'a' => byte.is_ascii_alphabetic(),
        b'c' => byte.is_ascii_control(),
        b'd' => byte.is_ascii_digit(),
        b'l' => byte.is_ascii_lowercase(),
        b'p' => byte.is_ascii_punctuation(),
        // Rust leaves out the vertical tab.
        b's' => byte.is_ascii_whitespace() || byte == 0x0b,
        b'u' => byte.is_ascii_uppercase(),
        b'w' => byte.is_ascii_alphanumeric(),
        b'x' => byte.is_ascii_hexdigit(),
        b'z' => byte == 0,
        _ => return class == byte,
    };
    is_in != class.is_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS_MAX: u32 = 100_000;

    fn search(subject: &str, pattern: &str, is_late: bool) -> (Outcome<Option<Found>>, u32) {
        let is_late = move || is_late;
        let (subject, pattern) = (subject.as_bytes(), pattern.as_bytes());
        let mut search = Search::new(subject, pattern, STEPS_MAX, &is_late);
        let outcome = search.first(0, false);
        (outcome, STEPS_MAX - search.steps_left())
    }

    fn first(subject: &str, pattern: &str) -> Outcome<Option<Found>> {
        search(subject, pattern, false).0
    }

    #[test]
    fn long_sets_and_what_is_there_once_more_take_as_many_steps_as_they_are_long() {
        let set = format!("[{}]", "x".repeat(1000));
        let (found, steps) = search(&"a".repeat(20), &set, false);
        assert_eq!(found, Ok(None));
        assert!(steps > 20 * 1000, "{steps}");
        let (found, steps) = search(&"a".repeat(1000), "(a*)%1b", false);
        assert_eq!(found, Err(TooLong), "{steps}");
    }

    #[test]
    fn a_search_ends_when_it_is_too_late() {
        let subject = "a".repeat(10_000);
        assert_eq!(search(&subject, "b", false).0, Ok(None));
        let (found, steps) = search(&subject, "b", true);
        assert_eq!(found, Err(TooLong));
        assert!(steps <= STEPS_PER_LOOK, "{steps}");
    }

    #[test]
    fn patterns_that_never_end_are_given_up() {
        let subject = "a".repeat(40);
        let pattern = "a?".repeat(40) + &"a".repeat(40) + "b";
        assert_eq!(first(&subject, &pattern), Err(TooLong));
        let pattern = ".-".repeat(20) + "b";
        assert_eq!(first(&subject, &pattern), Err(TooLong));
    }

    #[test]
    fn patterns_that_go_too_deep_are_given_up() {
        let subject = "a".repeat(100_000);
        let pattern = "a?".repeat(50_000);
        let refused = Err(Malformed("pattern too complex"));
        assert_eq!(first(&subject, &pattern), refused);
    }

    #[test]
    fn captures_are_given_back_when_a_way_fails() {
        let found = first("ab", "(a)(b)(c?)()").unwrap().unwrap();
        assert_eq!(found.range, (0, 2));
        assert_eq!(
            found.captures,
            [
                Captured::Range(0, 1),
                Captured::Range(1, 2),
                Captured::Range(2, 2),
                Captured::Position(2)
            ]
        );
    }
}
