//! `$stats`: figures of the readings of one code
//! (<http://hl7.org/fhir/R4/observation-operation-stats.html>).

use serde_json::{Value, json};
use suoke_health::catalogue::{Metric, ReadingType};

use crate::date::written;
use crate::json::set;
use crate::normal::Unit;
use crate::terms;

/// A figure of `$stats`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    /// Arithmetic mean.
    Average,
    /// Largest value.
    Maximum,
    /// Smallest value.
    Minimum,
    /// How many values.
    Count,
    /// Middle value.
    Median,
    /// Sample standard deviation (n − 1).
    StdDev,
    /// Sum.
    Sum,
    /// Sample variance (n − 1).
    Variance,
    /// 20th percentile.
    Percentile20,
    /// 80th percentile.
    Percentile80,
}

/// Every figure, by its code.
pub const STATISTICS: &[(&str, Statistic)] = &[
    ("average", Statistic::Average),
    ("maximum", Statistic::Maximum),
    ("minimum", Statistic::Minimum),
    ("count", Statistic::Count),
    ("median", Statistic::Median),
    ("std-dev", Statistic::StdDev),
    ("sum", Statistic::Sum),
    ("variance", Statistic::Variance),
    ("20-percent", Statistic::Percentile20),
    ("80-percent", Statistic::Percentile80),
];

impl Statistic {
    /// The figure with this code.
    pub fn parse(code: &str) -> Option<Self> {
        let found = STATISTICS.iter().find(|(known, _)| *known == code);
        found.map(|(_, statistic)| *statistic)
    }

    fn code(self) -> &'static str {
        let found = STATISTICS.iter().find(|(_, known)| *known == self);
        found.map_or("", |(code, _)| code)
    }

    /// The figure of `sorted` values; none where it is not defined.
    pub fn of(self, sorted: &[f64]) -> Option<f64> {
        let count = sorted.len() as f64;
        let sum: f64 = sorted.iter().sum();
        match self {
            Self::Count => Some(count),
            Self::Sum => (!sorted.is_empty()).then_some(sum),
            Self::Average => (!sorted.is_empty()).then(|| sum / count),
            Self::Maximum => sorted.last().copied(),
            Self::Minimum => sorted.first().copied(),
            Self::Median => percentile(sorted, 0.5),
            Self::Percentile20 => percentile(sorted, 0.2),
            Self::Percentile80 => percentile(sorted, 0.8),
            Self::Variance => variance(sorted),
            Self::StdDev => variance(sorted).map(f64::sqrt),
        }
    }
}

/// Hyndman and Fan's type 7: linear between the values around `(n − 1) p`.
fn percentile(sorted: &[f64], p: f64) -> Option<f64> {
    let place = sorted.len().checked_sub(1)? as f64 * p;
    let (low, high) = (place.floor(), place.ceil());
    let (below, above) = (sorted.get(low as usize)?, sorted.get(high as usize)?);
    Some(below + (above - below) * (place - low))
}

fn variance(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some(squares / (count - 1.0))
}

/// The values of one figure of a kind.
#[derive(Clone, Debug)]
pub struct Values {
    /// The kind.
    pub kind: &'static ReadingType,
    /// Its figure, such as the systolic pressure.
    pub metric: &'static Metric,
    /// The values in the canonical unit, in any order.
    pub values: Vec<f64>,
}

/// The span that figures are of.
#[derive(Clone, Copy, Debug)]
pub struct Period {
    /// First millisecond.
    pub from_ms: i64,
    /// First millisecond after it.
    pub to_ms: i64,
}

/// The Observation with one component for each figure.
pub fn observation(
    user_id: &str,
    values: Values,
    period: Period,
    wanted: &[Statistic],
    now_ms: i64,
) -> Value {
    let Values {
        kind,
        metric,
        mut values,
    } = values;
    values.sort_by(f64::total_cmp);
    let mut resource = json!({
        "resourceType": "Observation",
        "status": "final",
        "category": [terms::category_concept(kind)],
        "code": metric_code(kind, metric),
        "subject": { "reference": format!("Patient/{user_id}") },
        "effectivePeriod": { "start": written(period.from_ms, 0), "end": written(period.to_ms, 0) },
        "issued": written(now_ms, 0),
    });
    let components = wanted
        .iter()
        .map(|statistic| component(kind, *statistic, &values));
    set(&mut resource, "component", components.collect::<Value>());
    resource
}

fn metric_code(kind: &ReadingType, metric: &Metric) -> Value {
    if !kind.is_panel() {
        return terms::code(kind);
    }
    let coding = json!([{ "system": terms::LOINC, "code": metric.loinc, "display": metric.en }]);
    json!({ "coding": coding, "text": metric.en })
}

/// The square of a canonical unit, as UCUM writes it; none where UCUM has none.
fn squared(unit: &str) -> Option<&'static str> {
    Some(match unit {
        "/min" => "/min2",
        "mm[Hg]" => "mm[Hg]2",
        "%" => "%2",
        // Degrees of a scale with a zero of its own have no square; their differences
        // are kelvins.
        "Cel" => "K2",
        "mmol/L" => "mmol2/L2",
        "kg" => "kg2",
        "kg/m2" => "kg2/m4",
        "cm" => "cm2",
        "min" => "min2",
        "ms" => "ms2",
        "mL" => "mL2",
        "kcal" => "kcal2",
        _ => return None,
    })
}

fn component(kind: &ReadingType, statistic: Statistic, sorted: &[f64]) -> Value {
    let code = statistic.code();
    let coding = json!([{ "system": terms::STATISTICS, "code": code }]);
    let mut component = json!({ "code": { "coding": coding, "text": code } });
    let unit = match statistic {
        Statistic::Count => Some(("1", "1")),
        Statistic::Variance => squared(kind.unit).map(|code| (code, code)),
        _ => Some((terms::unit_shown(kind.key, kind.unit), kind.unit)),
    };
    let unit = unit.map(|(shown, code)| Unit { shown, code });
    match statistic.of(sorted) {
        Some(value) => {
            let value = match statistic {
                Statistic::Count => json!(sorted.len()),
                _ => json!((value * 1e6).round() / 1e6),
            };
            let quantity = match unit {
                Some(unit) => unit.quantity(value),
                None => json!({ "value": value }),
            };
            set(&mut component, "valueQuantity", quantity);
        }
        None => set(
            &mut component,
            "dataAbsentReason",
            crate::observation::absent("not-applicable"),
        ),
    }
    component
}

#[cfg(test)]
mod tests {
    use super::*;
    use suoke_health::catalogue::find;

    const X: [f64; 7] = [69.0, 71.0, 72.0, 74.0, 75.0, 78.0, 110.0];

    #[test]
    fn figures_equal_the_known_ones() {
        let of = |code: &str| Statistic::parse(code).unwrap().of(&X).unwrap();
        for (code, expected) in [
            ("average", 78.428_571),
            ("median", 74.0),
            ("std-dev", 14.222_718),
            ("minimum", 69.0),
            ("maximum", 110.0),
            ("count", 7.0),
            ("sum", 549.0),
            ("variance", 202.285_714),
            ("20-percent", 71.2),
            ("80-percent", 77.4),
        ] {
            assert!((of(code) - expected).abs() < 1e-6, "{code}: {}", of(code));
        }
        assert!(Statistic::parse("kurtosis").is_none());
    }

    #[test]
    fn a_variance_has_the_square_of_the_unit_or_none() {
        let quantity = |key: &str| {
            let kind = find(key).unwrap();
            component(kind, Statistic::Variance, &[1.0, 3.0])["valueQuantity"].clone()
        };
        for (key, code) in [
            ("blood_pressure", "mm[Hg]2"),
            ("heart_rate", "/min2"),
            ("body_temperature", "K2"),
            ("bmi", "kg2/m4"),
        ] {
            let shown = quantity(key);
            assert_eq!(
                (&shown["code"], &shown["value"]),
                (&json!(code), &json!(2.0))
            );
            assert_eq!(shown["system"], terms::UCUM);
        }
        assert_eq!(quantity("pain"), json!({ "value": 2.0 }));
        // Only counts of steps and points have none.
        for kind in suoke_health::catalogue::all() {
            let is_known = squared(kind.unit).is_some() || kind.unit.starts_with('{');
            assert!(is_known || kind.key.ends_with("_waveform"), "{}", kind.key);
        }
    }

    #[test]
    fn what_is_not_defined_is_absent_and_not_zero() {
        for statistic in [
            Statistic::Average,
            Statistic::Sum,
            Statistic::Median,
            Statistic::Maximum,
        ] {
            assert_eq!(statistic.of(&[]), None);
        }
        assert_eq!(Statistic::Count.of(&[]), Some(0.0));
        assert_eq!(Statistic::StdDev.of(&[1.0]), None);
        let kind = find("blood_pressure").unwrap();
        let values = Values {
            kind,
            metric: &kind.metrics[0],
            values: vec![],
        };
        let period = Period {
            from_ms: 0,
            to_ms: 1,
        };
        let shown = observation(
            "u",
            values,
            period,
            &[Statistic::Average, Statistic::Count],
            2,
        );
        assert!(shown["component"][0].get("dataAbsentReason").is_some());
        assert_eq!(shown["component"][1]["valueQuantity"]["value"], 0);
        assert_eq!(shown["code"]["coding"][0]["code"], "8480-6");
    }
}
