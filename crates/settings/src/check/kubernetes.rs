//! Whether what concerns all clusters makes sense; what concerns one account leaves out that account only.

use super::Problems;
use crate::sections::Kubernetes;

/// What a label's value may have at most is 63 characters, of which `spinnaker-` takes ten.
const SUFFIX_BYTES_MAX: usize = 53;

pub(super) fn check(kubernetes: &Kubernetes, found: &mut Problems) {
    let suffix = &kubernetes.managed_by_suffix;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let ends_well = suffix
        .bytes()
        .last()
        .is_none_or(|byte| byte.is_ascii_alphanumeric());
    if suffix.len() > SUFFIX_BYTES_MAX || !suffix.bytes().all(is_plain) || !ends_well {
        found.add(
            "kubernetes.managed_by_suffix",
            format!(
                "is {suffix:?}, must be at most {SUFFIX_BYTES_MAX} letters, digits, -, _ and ., the last one a letter or a digit"
            ),
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::Settings;

    #[test]
    fn the_suffix_is_part_of_a_label() {
        let with = |suffix: &str| {
            let mut settings = Settings::default();
            settings.kubernetes.managed_by_suffix = suffix.to_owned();
            settings.check().map_err(|error| error.to_string())
        };
        for good in ["", "eu", "eu-west_1.b"] {
            assert_eq!(with(good), Ok(()), "{good}");
        }
        for bad in ["a b", "a-", &"a".repeat(54)] {
            let said = with(bad).unwrap_err();
            assert!(said.contains("kubernetes.managed_by_suffix"), "{said}");
        }
    }
}
