//! What documents are and how they are called: kinds, ids, names, and the keys of the broker's bucket.
//!
//! A key is a kind, then the id or name, each percent-encoded into one token. Ids and names are compared trimmed and without
//! regard to case (Front50 `DefaultPipelineDAO`, `Application.getId`; its object keys are lower case).

use gennaker_bus::token;
use gennaker_model::Map;
use serde_json::Value;

/// Longest name or id of a document, in bytes.
pub const NAME_BYTES_MAX: usize = 250;

/// Largest pipeline, strategy or template, in bytes of compact JSON.
pub const PIPELINE_BYTES_MAX: usize = 384 * 1024;

/// Largest document of any other kind, in bytes of compact JSON.
pub const APPLICATION_BYTES_MAX: usize = 128 * 1024;

/// Key that is written only to see it come back; see [`crate::Store::catch_up`].
pub(crate) const BEACON: &str = "beacon";

/// Longest key that the bucket takes, in bytes.
const KEY_BYTES_MAX: usize = 1024;

/// What a document is (Front50 `ObjectType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An application; its id is the lower-case name (`APPLICATION`).
    Application,
    /// Who may do what in an application; same id (`APPLICATION_PERMISSION`).
    Permission,
    /// A pipeline; its id is its `id` (`PIPELINE`).
    Pipeline,
    /// A deployment strategy: a pipeline in a namespace of its own (`STRATEGY`).
    Strategy,
    /// A project; its id is its `id` (`PROJECT`).
    Project,
    /// The notifications of an application; its id is the lower-case name (`NOTIFICATION`).
    Notification,
    /// A pipeline template; its id is `id`, `id:tag` or `id@sha256:digest` (`PIPELINE_TEMPLATE`).
    Template,
    /// A service account; its id is its lower-case name (`SERVICE_ACCOUNT`).
    ServiceAccount,
    /// What is known of a plugin; its id is its `id` (`PLUGIN_INFO`).
    PluginInfo,
    /// A configuration of canary analysis; its id is its `id` (Kayenta's `CANARY_CONFIG`).
    CanaryConfig,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Application,
        Self::Permission,
        Self::Pipeline,
        Self::Strategy,
        Self::Project,
        Self::Notification,
        Self::Template,
        Self::ServiceAccount,
        Self::PluginInfo,
        Self::CanaryConfig,
    ];

    /// The word for people.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::Permission => "permission",
            Self::Pipeline => "pipeline",
            Self::Strategy => "strategy",
            Self::Project => "project",
            Self::Notification => "notification",
            Self::Template => "pipeline template",
            Self::ServiceAccount => "service account",
            Self::PluginInfo => "plugin info",
            Self::CanaryConfig => "canary config",
        }
    }

    /// Largest document of the kind, in bytes of compact JSON.
    #[must_use]
    pub const fn bytes_max(self) -> usize {
        match self {
            Self::Pipeline | Self::Strategy | Self::Template | Self::CanaryConfig => {
                PIPELINE_BYTES_MAX
            }
            Self::Application
            | Self::Permission
            | Self::Project
            | Self::Notification
            | Self::ServiceAccount
            | Self::PluginInfo => APPLICATION_BYTES_MAX,
        }
    }

    /// The first token of its keys.
    pub(crate) const fn prefix(self) -> &'static str {
        match self {
            Self::Application => "app",
            Self::Permission => "perm",
            Self::Pipeline => "pipe",
            Self::Strategy => "strat",
            Self::Project => "proj",
            Self::Notification => "note",
            Self::Template => "tmpl",
            Self::ServiceAccount => "svc",
            Self::PluginInfo => "plug",
            Self::CanaryConfig => "canary",
        }
    }
}

/// A name that only one document of its kind may have, in an application or at all.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub(crate) kind: Kind,
    /// The application; `None` for a name that is unique everywhere.
    pub(crate) application: Option<String>,
    pub(crate) text: String,
}

impl Name {
    /// The name of a document; `None` for kinds without unique names, and for a document that lacks what it needs.
    pub(crate) fn of(kind: Kind, body: &Map) -> Option<Self> {
        let text = |field: &str| {
            body.get(field)
                .and_then(Value::as_str)
                .filter(|text| !text.trim().is_empty())
                .map(str::to_owned)
        };
        match kind {
            Kind::Pipeline | Kind::Strategy => Some(Self {
                kind,
                application: Some(text("application")?),
                text: text("name")?,
            }),
            Kind::Project => Some(Self {
                kind,
                application: None,
                text: text("name")?,
            }),
            Kind::Application
            | Kind::Permission
            | Kind::Notification
            | Kind::Template
            | Kind::ServiceAccount
            | Kind::PluginInfo
            | Kind::CanaryConfig => None,
        }
    }

    pub(crate) fn in_application(kind: Kind, application: &str, text: &str) -> Self {
        Self {
            kind,
            application: Some(application.to_owned()),
            text: text.to_owned(),
        }
    }

    /// Whether the document has it.
    pub(crate) fn is_of(&self, document: &crate::Document) -> bool {
        Self::of(document.kind, &document.body).as_ref() == Some(self)
    }

    /// Key that holds which document has this name.
    pub(crate) fn key(&self) -> String {
        let name = token(&fold(&self.text));
        match &self.application {
            Some(application) => format!("{}.{name}", names_of(self.kind, application)),
            None => format!("{}-name.{name}", self.kind.prefix()),
        }
    }

    /// Whether it makes a key that the bucket takes: bytes that must be encoded count three times.
    pub(crate) fn fits(&self) -> bool {
        let fits = |text: &str| !text.trim().is_empty() && text.len() <= NAME_BYTES_MAX;
        fits(&self.text)
            && self.application.as_deref().is_none_or(fits)
            && self.key().len() <= KEY_BYTES_MAX
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

/// What the names of an application's pipelines, or strategies, begin with.
pub(crate) fn names_of(kind: Kind, application: &str) -> String {
    let application = token(&fold(application));
    match kind {
        Kind::Pipeline => format!("name.{application}"),
        other => format!("{}-name.{application}", other.prefix()),
    }
}

/// Key of a document.
pub(crate) fn document(kind: Kind, id: &str) -> String {
    format!("{}.{}", kind.prefix(), token(&fold(id)))
}

/// Whether a document can have this id at all.
pub(crate) fn is_id(id: &str) -> bool {
    !id.trim().is_empty() && id.len() <= NAME_BYTES_MAX && !id.chars().any(char::is_control)
}

/// The kind of document that a key names; `None` for the keys of names.
pub(crate) fn kind_of(key: &str) -> Option<Kind> {
    let (prefix, _) = key.split_once('.')?;
    Kind::ALL.into_iter().find(|kind| kind.prefix() == prefix)
}

/// The form in which names and ids are compared.
pub(crate) fn fold(name: &str) -> String {
    name.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pipeline(application: &str, name: &str) -> Name {
        Name::in_application(Kind::Pipeline, application, name)
    }

    #[test]
    fn any_name_becomes_one_token() {
        for name in ["a/b", "a.b", "a b", "\"q\"", "größe", "*", ">", "日本"] {
            let key = pipeline("demo", name).key();
            assert_eq!(key.split('.').count(), 3, "{key}");
            assert!(
                key.chars()
                    .all(|c| c.is_ascii_alphanumeric() || "_-%.=".contains(c)),
                "{key}"
            );
        }
        assert_ne!(pipeline("a.b", "c"), pipeline("a", "b.c"));
    }

    #[test]
    fn case_and_margins_do_not_count() {
        assert_eq!(
            pipeline("Demo", " Größe "),
            pipeline("demo", "GRÖSSE".to_lowercase().replace("ss", "ß").as_str())
        );
        for kind in Kind::ALL {
            assert_eq!(document(kind, "DEMO"), document(kind, "demo"));
        }
    }

    #[test]
    fn the_kind_reads_back_and_kinds_do_not_mix() {
        let mut keys = Vec::new();
        for kind in Kind::ALL {
            assert_eq!(kind_of(&document(kind, "x.y")), Some(kind));
            keys.push(document(kind, "x"));
        }
        for kind in [Kind::Pipeline, Kind::Strategy] {
            let name = Name::in_application(kind, "a", "b").key();
            assert_eq!(kind_of(&name), None);
            keys.push(name);
        }
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 12);
    }
}
