//! Front50's bucket: `<root>/<group>/<id in lower case>/<file>`.
//!
//! Source: Front50 `ObjectType`, `S3StorageService`.

use gennaker_model::Map;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::super::Address;
use crate::{Kind, key};

/// Longest key of an object, in bytes.
const KEY_BYTES_MAX: usize = 1024;

/// Folder of the names: Front50 has no such group.
const NAMES: &str = "gennaker-names";

/// Kayenta's folder beside Front50's, as its `rootFolder` is by default.
const KAYENTA: &str = "kayenta";

/// Kayenta's group of canary configurations.
const CANARY_CONFIGS: &str = "canary_config";

/// Where what lies in a bucket, or in a folder that is a copy of one.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// Empty, or ends with a slash.
    root: std::sync::Arc<str>,
}

impl Layout {
    pub(crate) fn new(prefix: &str) -> Self {
        let prefix = prefix.trim_matches('/');
        let root = match prefix {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        Self { root: root.into() }
    }

    /// The key of an object; `None` for an id that no path can hold.
    pub(super) fn path(&self, address: Address<'_>) -> Option<String> {
        let path = match address {
            // Its file is called as the configuration is; see `config`.
            Address::Document(Kind::CanaryConfig, id) => {
                self.config(id, &Map::new()).filter(|_| key::is_id(id))?
            }
            Address::Document(kind, id) => {
                let id = key::fold(id);
                let is_bad = |part: &str| part.is_empty() || part == "." || part == "..";
                if id.split('/').any(is_bad) {
                    return None;
                }
                format!("{}{id}/{}", self.folder(group(kind)), file(kind))
            }
            Address::Name(name) => {
                // A name may be longer than a file system's names, which lie below some servers.
                let hash = Sha256::digest(name.key().as_bytes());
                let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("{}{hash}.json", self.folder(NAMES))
            }
        };
        (path.len() <= KEY_BYTES_MAX).then_some(path)
    }

    /// The folder of a canary configuration; `None` for an id that none can have. Kayenta tells upper case from lower.
    pub(super) fn config_folder(&self, id: &str) -> Option<String> {
        let id = id.trim();
        let is_bad = id.is_empty() || id == "." || id == ".." || id.contains('/');
        (!is_bad).then(|| format!("{}{id}/", self.folder(CANARY_CONFIGS)))
    }

    /// The key of a canary configuration with this body (Kayenta `ObjectType.CANARY_CONFIG`, `S3StorageService.storeObject`).
    pub(super) fn config(&self, id: &str, body: &Map) -> Option<String> {
        let name = body.get("name").and_then(Value::as_str).unwrap_or_default();
        let is_name = !name.is_empty()
            && name
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, ',' | '-' | '_'));
        let file = match is_name {
            true => format!("{name}.json"),
            false => file(Kind::CanaryConfig).to_owned(),
        };
        let path = self.config_folder(id)? + &file;
        (path.len() <= KEY_BYTES_MAX).then_some(path)
    }

    /// The folder of a group, with a slash at its end.
    pub(crate) fn folder(&self, group: &str) -> String {
        if group == CANARY_CONFIGS {
            return format!("{KAYENTA}/{group}/");
        }
        format!("{}{group}/", self.root)
    }

    /// What Front50 looks at to learn that a group changed.
    pub(super) fn last_modified(&self, kind: Kind) -> String {
        format!("{}last-modified.json", self.folder(group(kind)))
    }

    /// The document that an object of a group is, if it is one.
    pub(crate) fn document<'p>(&self, group: &str, path: &'p str) -> Option<(Kind, &'p str)> {
        let (id, name) = path.strip_prefix(&*self.folder(group))?.rsplit_once('/')?;
        if group == CANARY_CONFIGS {
            let is_config = name.ends_with(".json") && !id.is_empty() && !id.contains('/');
            return is_config.then_some((Kind::CanaryConfig, id));
        }
        let kind = Kind::ALL
            .into_iter()
            .find(|kind| self::group(*kind) == group && file(*kind) == name)?;
        (!id.is_empty()).then_some((kind, id))
    }
}

/// The folder of a kind.
pub(crate) const fn group(kind: Kind) -> &'static str {
    match kind {
        Kind::Application | Kind::Permission => "applications",
        Kind::Pipeline => "pipelines",
        Kind::Strategy => "pipeline-strategies",
        Kind::Project => "projects",
        Kind::Notification => "notifications",
        Kind::Template => "pipeline-templates",
        Kind::ServiceAccount => "serviceAccounts",
        Kind::PluginInfo => "pluginInfo",
        Kind::EntityTags => "tags",
        Kind::Snapshot => "snapshots",
        Kind::Delivery => "delivery",
        Kind::PluginVersions => "pluginVersions",
        Kind::CanaryConfig => CANARY_CONFIGS,
    }
}

/// Whether a folder below the root holds documents of ours, or the names that we keep.
pub(crate) fn is_group(folder: &str) -> bool {
    folder == NAMES || Kind::ALL.into_iter().any(|kind| group(kind) == folder)
}

/// The last part of a document's path.
const fn file(kind: Kind) -> &'static str {
    match kind {
        Kind::Application => "application-metadata.json",
        Kind::Permission => "application-permission.json",
        Kind::Pipeline => "pipeline-metadata.json",
        Kind::Strategy => "pipeline-strategy-metadata.json",
        Kind::Project => "project-metadata.json",
        Kind::Notification => "notification-metadata.json",
        Kind::Template => "pipeline-template-metadata.json",
        Kind::ServiceAccount => "serviceAccount-metadata.json",
        Kind::PluginInfo => "plugin-info-metadata.json",
        Kind::EntityTags => "entity-tags-metadata.json",
        Kind::Snapshot => "snapshot.json",
        Kind::Delivery => "delivery-metadata.json",
        Kind::PluginVersions => "plugin-versions-metadata.json",
        // Kayenta's name for one without a name of its own.
        Kind::CanaryConfig => "canary_config.json",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Name;

    #[test]
    fn paths_are_front50s_and_read_back() {
        for root in ["front50", "/front50/", "a/b", ""] {
            let layout = Layout::new(root);
            for kind in Kind::ALL {
                for id in ["mine:latest", "a/b", "x.y@z"] {
                    if kind == Kind::CanaryConfig && id.contains('/') {
                        continue;
                    }
                    let path = layout.path(Address::Document(kind, id)).unwrap();
                    assert_eq!(
                        layout.document(group(kind), &path),
                        Some((kind, id)),
                        "{path}"
                    );
                }
            }
        }
        let layout = Layout::new("front50");
        let path = |kind, id| layout.path(Address::Document(kind, id));
        assert_eq!(
            path(Kind::Application, "MyApp").as_deref(),
            Some("front50/applications/myapp/application-metadata.json")
        );
        assert_eq!(
            path(Kind::CanaryConfig, "0f4c").as_deref(),
            Some("kayenta/canary_config/0f4c/canary_config.json")
        );
        for bad in ["", "..", "a//b", "a/../b", "/a"] {
            assert_eq!(path(Kind::Pipeline, bad), None, "{bad}");
        }
        assert_eq!(
            layout.document("pipelines", "front50/pipelines/last-modified.json"),
            None
        );
        assert_eq!(
            layout.document("pipelines", "front50/pipelines/a/other.json"),
            None
        );
    }

    #[test]
    fn canary_configs_lie_as_kayenta_writes_them() {
        let layout = Layout::new("front50");
        let named = |name: &str| [("name".to_owned(), name.into())].into_iter().collect();
        let path = |id, name| layout.config(id, &named(name));
        assert_eq!(
            path("Ab-1", "my-config").as_deref(),
            Some("kayenta/canary_config/Ab-1/my-config.json")
        );
        assert_eq!(
            path("one", "../x").as_deref(),
            Some("kayenta/canary_config/one/canary_config.json")
        );
        for bad in ["", "..", "a/b"] {
            assert_eq!(path(bad, "x"), None);
        }
        let document = |path| layout.document("canary_config", path);
        assert_eq!(
            document("kayenta/canary_config/Ab-1/my-config.json"),
            Some((Kind::CanaryConfig, "Ab-1"))
        );
        assert_eq!(document("kayenta/canary_config/a/b/c.json"), None);
        assert_eq!(document("kayenta/canary_config/a/notes.txt"), None);
    }

    #[test]
    fn names_of_any_length_have_a_path_outside_the_groups() {
        let name = Name::in_application(Kind::Pipeline, &"é".repeat(100), &"日".repeat(80));
        let path = Layout::new("front50").path(Address::Name(&name)).unwrap();
        assert!(path.starts_with("front50/gennaker-names/"));
        assert!(path.len() < 200);
    }
}
