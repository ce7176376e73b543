//! The parameters of a search for Observations
//! (<http://hl7.org/fhir/R4/search.html>).

use std::collections::BTreeSet;

use suoke_health::catalogue;

use crate::date::{Clock, DateError, DateFilter};
use crate::outcome::{Issue, IssueType};
use crate::terms;

/// How many are shown unless the caller says otherwise.
pub const COUNT_DEFAULT: u32 = 50;
/// The most on one page: more is cut down to it, as FHIR allows.
pub const COUNT_MAX: u32 = 500;
/// Most parameters of one search.
pub const PARAMETERS_MAX: usize = 64;
/// Most values of one parameter.
pub const VALUES_MAX: usize = 200;

/// Where a page ends: the last Observation that was shown. Later readings do not move
/// it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// When it was measured, in milliseconds since the Unix epoch.
    pub effective_ms: i64,
    /// Its reading.
    pub id: String,
}

/// Moves instants so that they sort as unsigned numbers.
const SIGN: u64 = 1 << 63;

impl Cursor {
    /// As it stands in a link.
    pub fn text(&self) -> String {
        format!(
            "{:016x}{}",
            self.effective_ms.cast_unsigned() ^ SIGN,
            self.id
        )
    }

    /// Reads what [`text`](Self::text) wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let (instant, id) = (text.get(..16)?, text.get(16..)?);
        let effective_ms = u64::from_str_radix(instant, 16).ok()?;
        let is_id = id.len() == 36
            && id
                .bytes()
                .all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        is_id.then(|| Self {
            effective_ms: (effective_ms ^ SIGN).cast_signed(),
            id: id.to_owned(),
        })
    }
}

/// An identifier that is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identifier {
    /// Its system; empty for what a client named without one.
    pub system: String,
    /// Its value.
    pub value: String,
}

/// A search for Observations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// The Patient, where one is named.
    pub patient: Option<String>,
    /// The kinds of readings; none for all, empty for none.
    pub kinds: Option<BTreeSet<&'static str>>,
    /// The ids; none for all.
    pub ids: Option<Vec<String>>,
    /// Any of these identifiers; none for all.
    pub identifiers: Option<Vec<Identifier>>,
    /// Every one of these must fit.
    pub dates: Vec<DateFilter>,
    /// The statuses; none for those that count.
    pub statuses: Option<BTreeSet<String>>,
    /// Oldest first.
    pub is_ascending: bool,
    /// How many on a page.
    pub count: u32,
    /// Whether only the number is wanted.
    pub is_count_only: bool,
    /// Whether the number is not wanted.
    pub is_without_total: bool,
    /// Whether the Patient is wanted too.
    pub with_patient: bool,
    /// After which Observation the page begins.
    pub cursor: Option<Cursor>,
    /// The parameters that were understood, but for the cursor: for links.
    pub used: Vec<(String, String)>,
}

/// Reads the parameters. Unknown ones are passed over unless `is_strict`
/// (`Prefer: handling=strict`); modifiers are refused, as FHIR asks.
///
/// # Errors
/// Names the parameter.
pub fn parse(
    pairs: &[(String, String)],
    clock: Clock<'_>,
    is_strict: bool,
) -> Result<Search, Issue> {
    if pairs.len() > PARAMETERS_MAX {
        let message = format!("at most {PARAMETERS_MAX} parameters are read");
        return Err(Issue::new(IssueType::TooCostly, "", message));
    }
    let mut search = Search {
        count: COUNT_DEFAULT,
        ..Search::default()
    };
    for (name, value) in pairs {
        // An empty value is the same as none.
        if value.is_empty() {
            continue;
        }
        let (bare, modifier) = name.split_once(':').unwrap_or((name, ""));
        let is_known = search.read(bare, modifier, value, clock)?;
        if !is_known && is_strict {
            return Err(refused(
                name,
                IssueType::NotSupported,
                "this parameter is not known here",
            ));
        }
        if is_known && bare != "_cursor" {
            search.used.push((name.clone(), value.clone()));
        }
    }
    Ok(search)
}

impl Search {
    /// Reads one parameter; whether it is known.
    fn read(
        &mut self,
        name: &str,
        modifier: &str,
        value: &str,
        clock: Clock<'_>,
    ) -> Result<bool, Issue> {
        let is_typed_reference = matches!(name, "subject" | "patient") && modifier == "Patient";
        if !modifier.is_empty() && !is_typed_reference {
            let known = [
                "code",
                "date",
                "category",
                "status",
                "identifier",
                "subject",
                "patient",
                "_id",
            ];
            if known.contains(&name) {
                return Err(refused(
                    name,
                    IssueType::NotSupported,
                    "no modifiers are supported",
                ));
            }
            return Ok(false);
        }
        match name {
            "patient" | "subject" => self.read_patient(name, value)?,
            "code" => {
                let kinds = each_token(name, value)?;
                let kinds = kinds
                    .iter()
                    .flat_map(|(system, code)| terms::kinds_of_code(*system, code));
                self.narrow(kinds.map(|kind| kind.key).collect());
            }
            "category" => {
                let tokens = each_token(name, value)?;
                let ours = tokens
                    .iter()
                    .filter(|(system, _)| system.is_none_or(|system| system == terms::CATEGORIES));
                let kinds = ours.flat_map(|(_, code)| terms::kinds_of_category(code));
                self.narrow(kinds.map(|kind| kind.key).collect());
            }
            "date" => self.read_dates(value, clock)?,
            "status" => {
                let tokens = each_token(name, value)?;
                let own = |(_, code): &(Option<&str>, &str)| (*code).to_owned();
                let given: BTreeSet<String> = tokens.iter().map(own).collect();
                self.statuses = Some(match self.statuses.take() {
                    Some(known) => known.intersection(&given).cloned().collect(),
                    None => given,
                });
            }
            "_id" => {
                let given: Vec<String> = values(name, value)?
                    .into_iter()
                    .map(str::to_owned)
                    .collect();
                self.ids = Some(match self.ids.take() {
                    Some(known) => known.into_iter().filter(|id| given.contains(id)).collect(),
                    None => given,
                });
            }
            "identifier" => self.read_identifiers(name, value)?,
            "_sort" => self.read_sort(value)?,
            "_count" => self.read_count(value)?,
            "_total" => self.is_without_total = value == "none",
            "_summary" => self.read_summary(value)?,
            "_include" => self.read_include(value)?,
            "_cursor" => {
                let message = "this is no cursor of a link that was given";
                let cursor = Cursor::parse(value);
                self.cursor = Some(cursor.ok_or_else(|| refused(name, IssueType::Value, message))?);
            }
            "_format" | "_pretty" => {}
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn narrow(&mut self, kinds: BTreeSet<&'static str>) {
        self.kinds = Some(match self.kinds.take() {
            Some(known) => known.intersection(&kinds).copied().collect(),
            None => kinds,
        });
    }

    fn read_patient(&mut self, name: &str, value: &str) -> Result<(), Issue> {
        let id = patient_id(value).ok_or_else(|| {
            refused(
                name,
                IssueType::Value,
                "one Patient is meant, such as `Patient/<id>` or its id",
            )
        })?;
        if self.patient.as_ref().is_some_and(|known| known != id) {
            return Err(refused(
                name,
                IssueType::Value,
                "an Observation has one subject",
            ));
        }
        self.patient = Some(id.to_owned());
        Ok(())
    }

    fn read_dates(&mut self, value: &str, clock: Clock<'_>) -> Result<(), Issue> {
        if value.contains(',') {
            let message = "one date is read: repeat the parameter to narrow, ask twice to widen";
            return Err(refused("date", IssueType::NotSupported, message));
        }
        let filter = DateFilter::parse(value, clock).map_err(|error| match error {
            DateError::Approximate => refused(
                "date",
                IssueType::NotSupported,
                "`ap` is not supported: name a span with `ge` and `lt`",
            ),
            DateError::Invalid => refused(
                "date",
                IssueType::Value,
                "a prefix and a date are needed, such as ge2026-11-20",
            ),
        })?;
        self.dates.push(filter);
        Ok(())
    }

    fn read_identifiers(&mut self, name: &str, value: &str) -> Result<(), Issue> {
        let tokens = each_token(name, value)?;
        let each = tokens.into_iter().map(|token| identifier(name, token));
        if self.identifiers.is_some() {
            return Err(refused(
                name,
                IssueType::NotSupported,
                "this parameter is read once",
            ));
        }
        self.identifiers = Some(each.collect::<Result<_, _>>()?);
        Ok(())
    }

    fn read_sort(&mut self, value: &str) -> Result<(), Issue> {
        self.is_ascending = match value {
            "date" => true,
            "-date" => false,
            _ => {
                return Err(refused(
                    "_sort",
                    IssueType::NotSupported,
                    "`date` and `-date` are supported",
                ));
            }
        };
        Ok(())
    }

    fn read_count(&mut self, value: &str) -> Result<(), Issue> {
        let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number {
            return Err(refused(
                "_count",
                IssueType::Value,
                "a number of 0 or more is needed",
            ));
        }
        // What does not fit into a number is more than a page anyway.
        let count = value.parse().unwrap_or(COUNT_MAX);
        self.is_count_only |= count == 0;
        self.count = count.clamp(1, COUNT_MAX);
        Ok(())
    }

    fn read_summary(&mut self, value: &str) -> Result<(), Issue> {
        match value {
            "count" => self.is_count_only = true,
            "false" => {}
            _ => {
                return Err(refused(
                    "_summary",
                    IssueType::NotSupported,
                    "`count` and `false` are supported",
                ));
            }
        }
        Ok(())
    }

    fn read_include(&mut self, value: &str) -> Result<(), Issue> {
        match value {
            "Observation:patient"
            | "Observation:subject"
            | "Observation:subject:Patient"
            | "Observation:patient:Patient" => {
                self.with_patient = true;
                Ok(())
            }
            _ => Err(refused(
                "_include",
                IssueType::NotSupported,
                "`Observation:patient` and `Observation:subject` are supported",
            )),
        }
    }

    /// Whether an Observation of this kind, span and these identifiers is looked for,
    /// as the store decides it: for tests, and for conditions inside of a bundle.
    pub fn fits(&self, kind: &str, start_ms: i64, end_ms: i64) -> bool {
        let of_kind = self.kinds.as_ref().is_none_or(|kinds| kinds.contains(kind));
        of_kind && self.dates.iter().all(|date| date.fits(start_ms, end_ms))
    }
}

/// The id in `Patient/<id>`, in an address that ends so, or alone.
pub fn patient_id(reference: &str) -> Option<&str> {
    let id = match reference.rsplit_once('/') {
        Some((kind, id)) if kind == "Patient" || kind.ends_with("/Patient") => id,
        Some(_) => return None,
        None => reference,
    };
    let is_id = (1..=64).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.');
    is_id.then_some(id)
}

/// The values between commas, which `\,` does not part.
fn values<'a>(name: &str, text: &'a str) -> Result<Vec<&'a str>, Issue> {
    if text.contains('\\') {
        return Err(refused(
            name,
            IssueType::NotSupported,
            "escaped values are not supported",
        ));
    }
    let values: Vec<&str> = text.split(',').filter(|value| !value.is_empty()).collect();
    if values.len() > VALUES_MAX {
        let message = format!("at most {VALUES_MAX} values are read");
        return Err(Issue::new(IssueType::TooCostly, name, message));
    }
    Ok(values)
}

/// Tokens: `code`, `system|code` or `|code`.
fn each_token<'a>(name: &str, text: &'a str) -> Result<Vec<(Option<&'a str>, &'a str)>, Issue> {
    let values = values(name, text)?;
    let tokens = values.into_iter().map(|value| match value.split_once('|') {
        Some((system, code)) => (Some(system), code),
        None => (None, value),
    });
    Ok(tokens.collect())
}

/// What a client named is stored with its system: without it, nothing finds it among
/// millions.
fn identifier(name: &str, token: (Option<&str>, &str)) -> Result<Identifier, Issue> {
    match token {
        (Some(system), value) if !value.is_empty() => Ok(Identifier {
            system: system.to_owned(),
            value: value.to_owned(),
        }),
        _ => Err(refused(
            name,
            IssueType::NotSupported,
            "`system|value` is needed",
        )),
    }
}

fn refused(name: &str, kind: IssueType, message: &str) -> Issue {
    Issue::new(kind, name, message)
}

/// Every kind there is, where a search names none.
pub fn all_kinds() -> BTreeSet<&'static str> {
    catalogue::all().iter().map(|kind| kind.key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::date::fixed_clock;
    use proptest::prelude::*;

    fn read(query: &[(&str, &str)], is_strict: bool) -> Result<Search, Issue> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let pairs: Vec<_> = query.iter().map(own).collect();
        parse(&pairs, &fixed_clock(480), is_strict)
    }

    fn kinds(query: &[(&str, &str)]) -> Vec<&'static str> {
        read(query, false)
            .unwrap()
            .kinds
            .unwrap()
            .into_iter()
            .collect()
    }

    #[test]
    fn codes_and_categories_name_kinds() {
        assert_eq!(kinds(&[("code", "8867-4")]), ["heart_rate"]);
        assert_eq!(
            kinds(&[("code", "http://loinc.org|8867-4,http://loinc.org|85354-9")]),
            ["blood_pressure", "heart_rate"]
        );
        assert_eq!(kinds(&[("code", "urn:suoke:reading-type|mood")]), ["mood"]);
        assert!(kinds(&[("code", "http://snomed.info/sct|8867-4")]).is_empty());
        assert!(kinds(&[("category", "vital-signs")]).contains(&"spo2"));
        assert_eq!(
            kinds(&[("category", "survey"), ("code", "72514-3")]),
            ["pain"]
        );
        assert!(kinds(&[("category", "survey"), ("code", "8867-4")]).is_empty());
        assert!(read(&[], false).unwrap().kinds.is_none());
        let of_loinc = kinds(&[("code", "http://loinc.org|")]);
        assert!(of_loinc.contains(&"heart_rate") && !of_loinc.contains(&"mood"));
        let own = kinds(&[("code", "urn:suoke:reading-type|")]);
        assert_eq!(own.len(), catalogue::all().len());
        assert!(kinds(&[("code", "http://snomed.info/sct|")]).is_empty());
        assert!(kinds(&[("code", "|")]).is_empty());
    }

    #[test]
    fn identifiers_have_a_system() {
        let found = read(&[("identifier", "urn:x|1,|2")], false).unwrap();
        let named: Vec<_> = found.identifiers.unwrap();
        let named: Vec<_> = named
            .iter()
            .map(|each| (each.system.as_str(), each.value.as_str()))
            .collect();
        assert_eq!(named, [("urn:x", "1"), ("", "2")]);
        for text in ["1", "urn:x|", "urn:x|1,2"] {
            let issue = read(&[("identifier", text)], false).unwrap_err();
            assert_eq!(issue.place, "identifier", "{text}");
        }
    }

    #[test]
    fn patients_are_named_in_any_way() {
        for text in ["u-1", "Patient/u-1", "http://h/fhir/Patient/u-1"] {
            assert_eq!(
                read(&[("patient", text)], false)
                    .unwrap()
                    .patient
                    .as_deref(),
                Some("u-1")
            );
            assert_eq!(
                read(&[("subject", text)], false)
                    .unwrap()
                    .patient
                    .as_deref(),
                Some("u-1")
            );
        }
        for text in ["Group/1", "Patient/", "Patient/a b", "a,b"] {
            assert_eq!(
                read(&[("patient", text)], false).unwrap_err().place,
                "patient",
                "{text}"
            );
        }
        assert!(read(&[("patient", "a"), ("subject", "b")], false).is_err());
        assert!(read(&[("subject:Patient", "a")], false).is_ok());
    }

    #[test]
    fn what_is_not_supported_is_told_and_the_unknown_only_when_asked() {
        for pair in [
            ("code:text", "x"),
            ("date:missing", "true"),
            ("date", "ap2026"),
            ("date", "2026,2027"),
            ("date", "soon"),
            ("_sort", "code"),
            ("_count", "-1"),
            ("_count", "x"),
            ("_cursor", "x"),
            ("_summary", "text"),
            ("_include", "Observation:device"),
            ("code", "a\\,b"),
        ] {
            assert!(read(&[pair], false).is_err(), "{pair:?}");
        }
        assert!(read(&[("favourite", "1")], false).unwrap().used.is_empty());
        assert!(read(&[("favourite", "1")], true).is_err());
    }

    #[test]
    fn pages_are_bounded() {
        let count = |text| read(&[("_count", text)], false).unwrap();
        assert_eq!(count("10").count, 10);
        assert_eq!(count("99999999999999999999").count, COUNT_MAX);
        assert!(count("0").is_count_only);
        assert_eq!(read(&[], false).unwrap().count, COUNT_DEFAULT);
        let many = vec!["a"; VALUES_MAX + 1].join(",");
        assert!(read(&[("code", &many)], false).is_err());
        assert!(read(&vec![("code", "a"); PARAMETERS_MAX + 1], false).is_err());
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let id = "018f0000-0000-7000-8000-000000000000";
        assert!(Cursor::parse(&format!("8000000000000000{id}")).is_some());
        for text in [
            "",
            "8000000000000000",
            &format!("800000000000000g{id}"),
            &format!("8000000000000000{}", &id[1..]),
            &format!("8000000000000000{id}0"),
            &format!("8000000000000000{}", id.replace('f', "g")),
        ] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn cursors_are_read_back(effective_ms in any::<i64>()) {
            let cursor = Cursor { effective_ms, id: "018f0000-0000-7000-8000-000000000000".to_owned() };
            prop_assert_eq!(Cursor::parse(&cursor.text()), Some(cursor));
        }

        #[test]
        fn any_parameters_are_read_or_refused(pairs in proptest::collection::vec(("(code|date|_count|_cursor|patient|\\PC{0,5})", "\\PC{0,20}"), 0..5)) {
            let _ = parse(&pairs, &fixed_clock(0), true);
        }
    }
}
