//! Mentions as findings: one for each code.

use crate::knowledge::{Knowledge, Origin};
use crate::result::{Finding, Quality};
use crate::scan::{Mention, Scan};
use crate::text::Text;
use std::collections::BTreeMap;

/// What is left of the confidence where a text both names and denies a finding
/// (engineering default).
const CONTRADICTED: f64 = 0.8;

/// A finding, and whether the text contradicts itself about it.
pub(crate) struct Found {
    pub(crate) finding: Finding,
    contradicted: bool,
}

/// One finding for each code, in the order of their first mention. What is named
/// anywhere is present; the strongest degree and the longest duration hold.
pub(crate) fn collect(text: &Text<'_>, scan: &Scan<'_>, knowledge: &Knowledge) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let mut places = BTreeMap::<&str, usize>::new();
    for mention in &scan.mentions {
        for (code, origin) in &mention.meaning.codes {
            let new = finding(text, mention, code, *origin, knowledge);
            let at = places.get(code.as_str()).copied();
            if let Some(old) = at.and_then(|at| found.get_mut(at)) {
                merge(old, new);
            } else {
                places.insert(code, found.len());
                found.push(Found {
                    finding: new,
                    contradicted: false,
                });
            }
        }
    }
    for each in found.iter_mut().filter(|each| each.contradicted) {
        each.finding.confidence =
            (each.finding.confidence * CONTRADICTED * 1_000.0).round() / 1_000.0;
    }
    found
}

/// The issues of the text with those of its findings.
pub(crate) fn with_issues(mut quality: Quality, found: &[Found], scan: &Scan<'_>) -> Quality {
    if found.iter().any(|each| each.contradicted) {
        quality.issues.push("contradictory".to_owned());
    }
    if scan.mentions.is_empty() {
        quality.issues.push("no_findings".to_owned());
    }
    quality
}

fn finding(
    text: &Text<'_>,
    mention: &Mention<'_>,
    code: &str,
    origin: Origin,
    knowledge: &Knowledge,
) -> Finding {
    Finding {
        code: code.to_owned(),
        name: knowledge.names.get(code).cloned().unwrap_or_default(),
        evidence: text.words(mention.span.start, mention.span.end).to_owned(),
        present: !mention.span.denied,
        severity: mention.severity,
        duration_minutes: mention.minutes.filter(|_| !mention.span.denied),
        confidence: origin.confidence(),
    }
}

fn merge(old: &mut Found, new: Finding) {
    let finding = &mut old.finding;
    if finding.present != new.present {
        old.contradicted = true;
        if new.present {
            *finding = new;
        }
        return;
    }
    finding.severity = finding.severity.max(new.severity);
    finding.duration_minutes = finding.duration_minutes.max(new.duration_minutes);
    if new.confidence > finding.confidence {
        finding.confidence = new.confidence;
        finding.evidence = new.evidence;
    }
}
