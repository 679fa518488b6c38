//! Keys of the bucket: a kind, then the id or name, each percent-encoded into one token.

use gennaker_bus::token;

/// Longest name of an application or pipeline, in bytes.
pub const NAME_BYTES_MAX: usize = 250;

/// Key that is written only to see it come back; see [`crate::Store::catch_up`].
pub(crate) const BEACON: &str = "beacon";

/// Longest key that the bucket takes, in bytes.
const KEY_BYTES_MAX: usize = 1024;

/// What a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An application; its id is the lower-case name (Front50 `ObjectType.APPLICATION`).
    Application,
    /// Who may do what in an application; same id (`APPLICATION_PERMISSION`).
    Permission,
    /// A pipeline; its id is its `id` (`PIPELINE`).
    Pipeline,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Application, Self::Permission, Self::Pipeline];

    /// The word for people.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::Permission => "permission",
            Self::Pipeline => "pipeline",
        }
    }

    const fn prefix(self) -> &'static str {
        match self {
            Self::Application => "app",
            Self::Permission => "perm",
            Self::Pipeline => "pipe",
        }
    }
}

/// Key of a document.
pub(crate) fn document(kind: Kind, id: &str) -> String {
    match kind {
        Kind::Application | Kind::Permission => {
            format!("{}.{}", kind.prefix(), token(&fold(id)))
        }
        Kind::Pipeline => format!("{}.{}", kind.prefix(), token(id)),
    }
}

/// Key that holds which pipeline has this name in this application.
pub(crate) fn pipeline_name(application: &str, name: &str) -> String {
    format!("name.{}.{}", token(&fold(application)), token(&fold(name)))
}

/// Whether a document can have this id at all.
pub(crate) fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= NAME_BYTES_MAX
}

/// Whether the names make a key that the bucket takes: bytes that must be encoded count three times.
pub(crate) fn fits(application: &str, name: &str) -> bool {
    application.len() <= NAME_BYTES_MAX
        && name.len() <= NAME_BYTES_MAX
        && pipeline_name(application, name).len() <= KEY_BYTES_MAX
}

/// The kind of document that a key names; `None` for the keys of names.
pub(crate) fn kind_of(key: &str) -> Option<Kind> {
    let (prefix, _) = key.split_once('.')?;
    Kind::ALL.into_iter().find(|kind| kind.prefix() == prefix)
}

/// Names are compared trimmed and without regard to case (Front50 `DefaultPipelineDAO`, `Application.getId`).
pub(crate) fn fold(name: &str) -> String {
    name.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_becomes_one_token() {
        for name in ["a/b", "a.b", "a b", "\"q\"", "größe", "*", ">", "日本"] {
            let key = pipeline_name("demo", name);
            assert_eq!(key.split('.').count(), 3, "{key}");
            assert!(
                key.chars()
                    .all(|c| c.is_ascii_alphanumeric() || "_-%.=".contains(c)),
                "{key}"
            );
        }
        assert_ne!(pipeline_name("a.b", "c"), pipeline_name("a", "b.c"));
    }

    #[test]
    fn case_and_margins_do_not_count() {
        assert_eq!(
            pipeline_name("Demo", " Größe "),
            pipeline_name("demo", "GRÖSSE".to_lowercase().replace("ss", "ß").as_str())
        );
        assert_eq!(
            document(Kind::Application, "DEMO"),
            document(Kind::Application, "demo")
        );
        assert_ne!(document(Kind::Pipeline, "A"), document(Kind::Pipeline, "a"));
    }

    #[test]
    fn the_kind_reads_back() {
        for kind in Kind::ALL {
            assert_eq!(kind_of(&document(kind, "x.y")), Some(kind));
        }
        assert_eq!(kind_of(&pipeline_name("a", "b")), None);
    }
}
