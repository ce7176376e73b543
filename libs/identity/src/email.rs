//! E-mail addresses: what is accepted and how they are compared.

use suoke_guest::FieldError;

/// The longest address that mail can carry.
const SIZE_BYTES_MAX: usize = 254;

/// The address in the form it is stored and compared in: trimmed, lower-case.
///
/// # Errors
/// Names what is wrong with the field `email`.
pub fn normalise(text: &str) -> Result<String, FieldError> {
    let address = text.trim().to_ascii_lowercase();
    let Some((local, domain)) = address.rsplit_once('@') else {
        return Err(wrong("must be an e-mail address"));
    };
    if address.len() > SIZE_BYTES_MAX || local.len() > 64 {
        return Err(wrong("is too long"));
    }
    if !is_local(local) || !is_domain(domain) {
        return Err(wrong("must be an e-mail address"));
    }
    Ok(address)
}

fn wrong(message: &str) -> FieldError {
    FieldError::new("email", "invalid_email", message)
}

fn is_local(local: &str) -> bool {
    local.split('.').all(|atom| {
        !atom.is_empty()
            && atom
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&byte))
    })
}

fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let last = domain.rsplit('.').next().unwrap_or_default();
    domain.contains('.')
        && domain.split('.').all(is_label)
        && last.bytes().any(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_lower_case_and_trimmed() {
        for (given, stored) in [
            (" Fang.Wang@Example.COM ", "fang.wang@example.com"),
            ("a+b@x.cn", "a+b@x.cn"),
            ("o'neill@mail.example.org", "o'neill@mail.example.org"),
        ] {
            assert_eq!(normalise(given).as_deref(), Ok(stored));
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@example.com", "a".repeat(65));
        for bad in [
            "",
            "a",
            "@x.cn",
            "a@",
            "a@b",
            "a b@x.cn",
            "a@x..cn",
            ".a@x.cn",
            "a.@x.cn",
            "a@-x.cn",
            "a@b@x.cn",
            "a@x.cn\r\nbcc: y@z.cn",
            "a@1.2.3.4",
            "王@x.cn",
            "<a@x.cn>",
            &long,
        ] {
            assert!(normalise(bad).is_err(), "{bad:?}");
        }
    }
}
