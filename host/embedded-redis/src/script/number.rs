//! Numbers as text: C's `%.17g`, which Redis writes a script's numbers with.

/// Significant digits that tell every number from every other.
const DIGITS: i32 = 17;

/// A number as a command's argument.
pub(super) fn text(number: f64) -> String {
    /// Whole numbers below it are written as such.
    const WHOLE_MAX: f64 = 1e15;
    if number.abs() < WHOLE_MAX && number.fract() == 0.0 && number != 0.0 {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and small")]
        return (number as i64).to_string();
    }
    if number.is_nan() {
        return if number.is_sign_negative() {
            "-nan"
        } else {
            "nan"
        }
        .to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{number:.16e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..DIGITS).contains(&exponent) {
        let decimals = usize::try_from(DIGITS - 1 - exponent).unwrap_or(0);
        return without_trailing_zeros(&format!("{number:.decimals$}")).to_owned();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    let mantissa = without_trailing_zeros(mantissa);
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

fn without_trailing_zeros(text: &str) -> &str {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_c_writes_them() {
        for (number, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-12.0, "-12"),
            (0.1, "0.10000000000000001"),
            (1.5, "1.5"),
            (1e16, "10000000000000000"),
            (1e17, "1e+17"),
            (1.25e-7, "1.2499999999999999e-07"),
            (0.0001, "0.0001"),
            (1_700_000_000_123.0, "1700000000123"),
            (1e100, "1e+100"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(text(number), expected);
        }
    }
}
