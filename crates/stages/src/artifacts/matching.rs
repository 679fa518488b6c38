//! Whether an artifact is meant by a pattern.

use std::cell::OnceCell;

use gennaker_expressions::JavaPattern;

use super::{Artifact, excerpt};

/// Steps that a pattern may take on one value before it counts as not matching.
const STEPS_MAX: usize = 100_000;

/// Longest pattern in an error, in characters.
const PATTERN_CHARS_MAX: usize = 200;

/// Fields that are compared. Account, uuid, metadata and provenance play no part.
const COMPARED: [&str; 5] = ["type", "name", "version", "location", "reference"];

/// Types that mean the same: where the content lies makes no difference.
const EMBEDDED: [&str; 2] = ["embedded/base64", "remote/base64"];

/// A field of a pattern that is no regular expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {pattern:?} of the expected artifact is no regular expression: {problem}")]
pub struct BadPattern {
    field: &'static str,
    pattern: String,
    problem: String,
}

/// A pattern ready to be compared with many artifacts: each of its fields is compiled once, when it is first needed.
#[derive(Debug)]
pub struct Matcher<'a>(Vec<Field<'a>>);

#[derive(Debug)]
struct Field<'a> {
    name: &'static str,
    wanted: &'a str,
    pattern: OnceCell<JavaPattern>,
}

impl<'a> Matcher<'a> {
    /// What `pattern` asks for; its empty fields ask for nothing.
    #[must_use]
    pub fn of(pattern: &'a Artifact) -> Self {
        let fields = COMPARED.into_iter().filter_map(|name| {
            let wanted = pattern.text(name).filter(|wanted| !wanted.is_empty())?;
            Some(Field {
                name,
                wanted,
                pattern: OnceCell::new(),
            })
        });
        Self(fields.collect())
    }

    /// Whether `artifact` is meant: each field is equal, or the pattern's is a regular expression that matches the whole value.
    ///
    /// Source: kork `ExpectedArtifact.matches`.
    ///
    /// # Errors
    /// [`BadPattern`], where Orca throws a `PatternSyntaxException`.
    pub fn matches(&self, artifact: &Artifact) -> Result<bool, BadPattern> {
        for field in &self.0 {
            match artifact.text(field.name) {
                Some(found) if field.matches(found)? => {}
                Some(_) | None => return Ok(false),
            }
        }
        Ok(true)
    }
}

impl Field<'_> {
    fn matches(&self, found: &str) -> Result<bool, BadPattern> {
        let (wanted, is_type) = (self.wanted, self.name == "type");
        if found == wanted || (is_type && EMBEDDED.contains(&found) && EMBEDDED.contains(&wanted)) {
            return Ok(true);
        }
        let pattern = match self.pattern.get() {
            Some(pattern) => pattern,
            None => {
                let compiled = self.compile()?;
                self.pattern.get_or_init(|| compiled)
            }
        };
        // Too many steps: it counts as another artifact.
        Ok(pattern.is_whole(found, STEPS_MAX).unwrap_or(false))
    }

    fn compile(&self) -> Result<JavaPattern, BadPattern> {
        JavaPattern::compile(self.wanted).map_err(|problem| BadPattern {
            field: self.name,
            pattern: excerpt(self.wanted.to_owned(), PATTERN_CHARS_MAX),
            problem,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn artifact(value: Value) -> Artifact {
        Artifact::read(&value, "a").unwrap()
    }

    #[test]
    fn fields_are_empty_equal_or_patterns_of_the_whole() {
        let image = json!({"type": "docker/image", "name": "r.io/app", "version": "1.2.3", "reference": "r.io/app:1.2.3"});
        for (pattern, expected) in [
            (json!({}), true),
            (json!({"type": "docker/image", "name": ""}), true),
            (json!({"name": "r.io/app"}), true),
            (json!({"name": "r.io"}), false),
            (json!({"name": "r\\.io/.*"}), true),
            (json!({"version": "1\\.\\d+"}), false),
            (json!({"version": "1|1.2.3"}), true),
            (json!({"version": "\\Q1.2\\E.++"}), true),
            (json!({"version": "[\\p{Digit}.&&[^9]]+"}), true),
            (json!({"location": "eu"}), false),
            (json!({"location": ".*"}), false),
            (
                json!({"artifactAccount": "other", "provenance": "p", "uuid": "u", "metadata": {"a": 1}}),
                true,
            ),
            (json!({"type": "gcs/object"}), false),
        ] {
            let pattern = artifact(pattern);
            assert_eq!(
                Matcher::of(&pattern).matches(&artifact(image.clone())),
                Ok(expected),
                "{pattern:?}"
            );
        }
    }

    #[test]
    fn text_that_looks_like_a_pattern_is_equal_to_itself() {
        let base64 = artifact(json!({"type": "embedded/base64", "reference": "a+b/c=="}));
        assert_eq!(Matcher::of(&base64).matches(&base64), Ok(true));
        let remote = artifact(json!({"type": "remote/base64", "reference": "a+b/c=="}));
        assert_eq!(Matcher::of(&remote).matches(&base64), Ok(true));
        assert_eq!(Matcher::of(&base64).matches(&remote), Ok(true));
    }

    #[test]
    fn a_bad_pattern_says_so_and_a_slow_one_does_not_match() {
        let pattern = artifact(json!({"name": "(["}));
        let error = Matcher::of(&pattern)
            .matches(&artifact(json!({"name": "x"})))
            .unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("name \"([\" of the expected artifact"),
            "{error}"
        );
        let slow = artifact(json!({"name": "(a*)*\\1b"}));
        let long = artifact(json!({"name": "a".repeat(64)}));
        assert_eq!(Matcher::of(&slow).matches(&long), Ok(false));
    }
}
