//! One pass over the text: terms, flags, denials, degrees and durations, by place.

use crate::duration::{self, Duration};
use crate::knowledge::{Knowledge, Meaning};
use crate::result::Severity;
use crate::text::Text;

/// How many characters before a term are searched for a denial.
const NEGATION_WINDOW: usize = 4;
/// How many characters around a term are searched for a degree.
const DEGREE_WINDOW: usize = 6;
/// What joins the items of a list, over which a denial reaches: 无恶心呕吐、腹痛腹泻.
const CONNECTORS: [&str; 12] = [
    "", "、", "和", "或", "及", "与", "以及", "也", "或者", "/", "及其", " ",
];

/// A term at a place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) denied: bool,
}

/// A term of the lexicon at a place.
pub(crate) struct Mention<'k> {
    pub(crate) span: Span,
    pub(crate) meaning: &'k Meaning,
    pub(crate) severity: Severity,
    pub(crate) minutes: Option<u64>,
}

/// A term of the red flags at a place.
pub(crate) struct FlagMention<'k> {
    pub(crate) span: Span,
    pub(crate) term: &'k str,
    pub(crate) minutes: Option<u64>,
}

/// Everything found in the text.
pub(crate) struct Scan<'k> {
    pub(crate) mentions: Vec<Mention<'k>>,
    pub(crate) flags: Vec<FlagMention<'k>>,
}

impl<'k> Scan<'k> {
    pub(crate) fn of(text: &Text<'_>, knowledge: &'k Knowledge) -> Self {
        let terms = leftmost_longest(text, |letters| knowledge.terms.longest(letters));
        let flags = every(text, knowledge);
        let denials = Denials::of(text, knowledge, &terms, &flags);
        let durations = duration::find(text);
        let degrees = Degrees::of(text, knowledge, &terms, &durations);
        let denied = deny(text, &denials, &places(&terms, &flags));
        let span = |start: usize, end: usize| Span {
            start,
            end,
            denied: denied_at(&denied, start, end),
        };
        let spans: Vec<Span> = terms
            .iter()
            .map(|(start, end, _)| span(*start, *end))
            .collect();
        let times = Times::of(text, &durations, &terms, &flags);
        let mentions = terms
            .iter()
            .zip(&spans)
            .enumerate()
            .filter(|(_, ((_, _, meaning), _))| !meaning.codes.is_empty());
        let mentions = mentions.map(|(at, ((_, _, meaning), span))| Mention {
            span: Span {
                denied: span.denied ^ meaning.denies,
                ..*span
            },
            meaning,
            severity: degrees.near(text, &spans, at),
            minutes: times.near(text, *span),
        });
        let flags = flags.iter().map(|(start, end, term)| FlagMention {
            span: span(*start, *end),
            term,
            minutes: times.near(text, span(*start, *end)),
        });
        Self {
            mentions: mentions.collect(),
            flags: flags.collect(),
        }
    }
}

/// A place and what is there.
type Hit<T> = (usize, usize, T);

/// The longest term at each place that no earlier term covers.
fn leftmost_longest<T>(
    text: &Text<'_>,
    longest: impl Fn(&[char]) -> Option<(usize, T)>,
) -> Vec<Hit<T>> {
    let mut hits = Vec::new();
    let mut at = 0;
    while at < text.letters.len() {
        if let Some((length, value)) = longest(text.from(at)) {
            hits.push((at, at + length, value));
            at += length;
        } else {
            at += 1;
        }
    }
    hits
}

/// Every term of the red flags, also where they overlap.
fn every<'k>(text: &Text<'_>, knowledge: &'k Knowledge) -> Vec<Hit<&'k str>> {
    let mut hits = Vec::new();
    for start in 0..text.letters.len() {
        let longest = knowledge.flag_terms.longest(text.from(start));
        let Some((length, _)) = longest else { continue };
        let letters = text.letters.get(start..start + length).unwrap_or_default();
        hits.extend(
            knowledge
                .flag_terms
                .prefixes(letters)
                .map(|(length, term)| (start, start + length, term.as_str())),
        );
    }
    hits
}

/// Where the text denies: which denial covers a character.
struct Denials {
    covering: Vec<Option<usize>>,
}

impl Denials {
    fn of(
        text: &Text<'_>,
        knowledge: &Knowledge,
        terms: &[Hit<&Meaning>],
        flags: &[Hit<&str>],
    ) -> Self {
        let inert = leftmost_longest(text, |letters| knowledge.inert.longest(letters));
        let degrees = leftmost_longest(text, |letters| knowledge.degrees.longest(letters));
        let mut covered = vec![false; text.letters.len()];
        let spans = terms
            .iter()
            .map(ends)
            .chain(flags.iter().map(ends))
            .chain(inert.iter().map(ends))
            .chain(degrees.iter().map(ends));
        for (start, end) in spans {
            for each in covered.iter_mut().take(end).skip(start) {
                *each = true;
            }
        }
        let mut covering = vec![None; text.letters.len()];
        let negators = leftmost_longest(text, |letters| knowledge.negators.longest(letters));
        for (number, (start, end, ())) in negators.iter().enumerate() {
            if covered.get(*start).copied().unwrap_or_default() {
                continue;
            }
            for each in covering.iter_mut().take(*end).skip(*start) {
                *each = Some(number);
            }
        }
        Self { covering }
    }

    /// Whether the characters before `start`, in its clause, deny it. Two denials
    /// affirm: 并非没有头痛.
    fn before(&self, text: &Text<'_>, start: usize) -> bool {
        let clause = text.clause(start);
        let mut denials = 0;
        let mut last = None;
        for at in start.saturating_sub(NEGATION_WINDOW)..start {
            let covering = self.covering.get(at).copied().flatten();
            if text.clause(at) != clause || covering.is_none() || covering == last {
                continue;
            }
            last = covering;
            denials += 1;
        }
        denials % 2 == 1
    }
}

fn ends<T>((start, end, _): &Hit<T>) -> (usize, usize) {
    (*start, *end)
}

/// Every place that a term of either kind takes, in order, longer ones first.
fn places(terms: &[Hit<&Meaning>], flags: &[Hit<&str>]) -> Vec<(usize, usize)> {
    let mut places: Vec<_> = terms
        .iter()
        .map(ends)
        .chain(flags.iter().map(ends))
        .collect();
    places.sort_unstable_by_key(|(start, end)| (*start, std::cmp::Reverse(*end)));
    places.dedup();
    places
}

/// Which places are denied: by a word before them, as an item of a denied list, or
/// as a part of a denied term. The places are in order, longer ones first.
fn deny(text: &Text<'_>, denials: &Denials, places: &[(usize, usize)]) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::with_capacity(places.len());
    // The last place that no other covers.
    let mut outer: Option<Span> = None;
    for (start, end) in places {
        let denied = match outer {
            Some(outer) if *start < outer.end => outer.denied,
            Some(outer) if outer.denied && joined(text, outer.end, *start) => true,
            _ => denials.before(text, *start),
        };
        let span = Span {
            start: *start,
            end: *end,
            denied,
        };
        if outer.is_none_or(|outer| *end > outer.end) {
            outer = Some(span);
        }
        spans.push(span);
    }
    spans
}

/// The denial of the place that starts at `start` and ends at `end`.
fn denied_at(spans: &[Span], start: usize, end: usize) -> bool {
    let first = spans.partition_point(|span| span.start < start);
    let here = spans
        .iter()
        .skip(first)
        .take_while(|span| span.start == start);
    here.filter(|span| span.end == end).any(|span| span.denied)
}

fn joined(text: &Text<'_>, from: usize, to: usize) -> bool {
    let between: String = text
        .letters
        .get(from..to)
        .unwrap_or_default()
        .iter()
        .collect();
    CONNECTORS.contains(&between.as_str())
}

/// Words of degree by their place.
struct Degrees {
    words: Vec<Hit<Severity>>,
}

impl Degrees {
    fn of(
        text: &Text<'_>,
        knowledge: &Knowledge,
        terms: &[Hit<&Meaning>],
        durations: &[Duration],
    ) -> Self {
        let found = leftmost_longest(text, |letters| knowledge.degrees.longest(letters));
        // Inside of a term or of 十分钟 a word says nothing about degree.
        let free = |start: usize| {
            let term = terms.get(terms.partition_point(|(_, end, _)| *end <= start));
            let duration =
                durations.get(durations.partition_point(|duration| duration.end <= start));
            term.is_none_or(|(from, _, _)| start < *from)
                && duration.is_none_or(|duration| start < duration.start)
        };
        let words = found.into_iter().filter(|(start, _, _)| free(*start));
        Self {
            words: words
                .filter_map(|(start, end, degree)| degree.map(|degree| (start, end, degree)))
                .collect(),
        }
    }

    /// The degree of the term at `at`: the word before it, else the one after it,
    /// in its clause and not beyond a neighbour.
    fn near(&self, text: &Text<'_>, spans: &[Span], at: usize) -> Severity {
        let Some(span) = spans.get(at) else {
            return Severity::Moderate;
        };
        let clause = text.clause(span.start);
        let floor = at
            .checked_sub(1)
            .and_then(|at| spans.get(at))
            .map_or(0, |previous| previous.end);
        let ceiling = spans.get(at + 1).map_or(usize::MAX, |next| next.start);
        let split = self
            .words
            .partition_point(|(start, _, _)| *start < span.start);
        let (before, after) = self.words.split_at(split);
        let preceding = before.last().filter(|(start, end, _)| {
            *start >= floor && end + DEGREE_WINDOW >= span.start && text.clause(*start) == clause
        });
        // 头痛严重失眠: what touches the next term belongs to it.
        let following = after.first().filter(|(start, end, _)| {
            *start <= span.end + DEGREE_WINDOW && *end < ceiling && text.clause(*start) == clause
        });
        preceding
            .or(following)
            .map_or(Severity::Moderate, |(_, _, degree)| *degree)
    }
}

/// Durations by clause.
struct Times<'d> {
    durations: &'d [Duration],
    /// The duration that a clause without one takes from its neighbour.
    lent: Vec<Option<u64>>,
}

impl<'d> Times<'d> {
    fn of(
        text: &Text<'_>,
        durations: &'d [Duration],
        terms: &[Hit<&Meaning>],
        flags: &[Hit<&str>],
    ) -> Self {
        let clauses = text.sentences.len();
        let mut own = vec![None; clauses];
        let mut speaks = vec![false; clauses];
        for (start, _) in terms.iter().map(ends).chain(flags.iter().map(ends)) {
            if let Some(each) = speaks.get_mut(text.clause(start)) {
                *each = true;
            }
        }
        for duration in durations {
            if let Some(each) = own.get_mut(text.clause(duration.start)) {
                *each = Some(duration.minutes);
            }
        }
        Self {
            durations,
            lent: lend(text, &own, &speaks),
        }
    }

    /// The duration of a term: the nearest in its clause, the following one on a
    /// tie; else what a neighbouring clause lends.
    fn near(&self, text: &Text<'_>, span: Span) -> Option<u64> {
        let clause = text.clause(span.start);
        let split = self
            .durations
            .partition_point(|duration| duration.start < span.start);
        let before = split.checked_sub(1).and_then(|at| self.durations.get(at));
        let before = before.filter(|duration| text.clause(duration.start) == clause);
        let after = self
            .durations
            .get(split)
            .filter(|duration| text.clause(duration.start) == clause);
        let nearest = match (before, after) {
            (Some(before), Some(after)) => {
                let closer =
                    span.start.saturating_sub(before.end) < after.start.saturating_sub(span.end);
                Some(if closer { before } else { after })
            }
            (before, after) => before.or(after),
        };
        nearest
            .map(|duration| duration.minutes)
            .or_else(|| self.lent.get(clause).copied().flatten())
    }
}

/// A clause that states only a duration lends it to the clauses of its sentence that
/// still wait for one (睡不好，多梦，两个月了), or, at the head of a sentence, to those
/// after it (三天前开始，头痛，发热).
fn lend(text: &Text<'_>, own: &[Option<u64>], speaks: &[bool]) -> Vec<Option<u64>> {
    let mut lent = vec![None; own.len()];
    let mut sentence = usize::MAX;
    let mut carried = None;
    let mut waiting: Vec<usize> = Vec::new();
    // 胃痛五年，加重半个月: the sentence has its duration.
    let mut settled = false;
    for (clause, (minutes, speaks)) in own.iter().zip(speaks).enumerate() {
        if text.sentence(clause) != sentence {
            (sentence, carried, settled) = (text.sentence(clause), None, false);
            waiting.clear();
        }
        match (minutes, speaks) {
            (Some(_), true) => {
                (carried, settled) = (None, true);
                waiting.clear();
            }
            (Some(_), false) if !waiting.is_empty() => {
                for each in waiting.drain(..) {
                    if let Some(each) = lent.get_mut(each) {
                        *each = *minutes;
                    }
                }
                settled = true;
            }
            (Some(_), false) if !settled => carried = *minutes,
            (None, true) => match (carried, lent.get_mut(clause)) {
                (Some(_), Some(each)) => *each = carried,
                _ => waiting.push(clause),
            },
            _ => {}
        }
    }
    lent
}
