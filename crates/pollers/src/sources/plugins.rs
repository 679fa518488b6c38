//! Releases of plugins in the document store (igor: `PluginsBuildMonitor`).

use gennaker_model::Map;
use gennaker_store::Store;
use serde_json::Value;

use crate::source::{BoxFuture, Id, Item, Look, Source, Trouble, Wanted};

/// The releases of all plugins.
pub struct Plugins {
    id: Id,
    store: Store,
}

impl Plugins {
    /// Those in this store.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self {
            id: Id {
                kind: "plugin",
                name: "front50".to_owned(),
            },
            store,
        }
    }
}

impl Source for Plugins {
    fn id(&self) -> &Id {
        &self.id
    }

    fn origin(&self) -> String {
        String::new()
    }

    fn look<'a>(&'a self, _wanted: Wanted<'a>) -> BoxFuture<'a, Result<Look, Trouble>> {
        Box::pin(async move {
            let listed = self.store.plugins(None).await;
            let listed = listed.map_err(|error| Trouble(error.to_string()))?;
            let mut items = Vec::new();
            for plugin in listed.iter().map(|document| &document.body) {
                let releases = plugin.get("releases").and_then(Value::as_array);
                let releases = releases.into_iter().flatten().filter_map(Value::as_object);
                items.extend(releases.filter_map(|release| item(plugin, release)));
            }
            Ok(Look {
                items,
                ..Look::default()
            })
        })
    }
}

/// Source: igor `PluginReleaseService`, `PluginRelease`.
fn item(plugin: &Map, release: &Map) -> Option<Item> {
    let id = plugin.get("id")?.as_str()?;
    let version = release.get("version")?.as_str()?;
    let mut content = Map::new();
    content.insert("pluginEventType".to_owned(), "PUBLISHED".into());
    content.insert("pluginId".to_owned(), id.into());
    for (key, from, map) in [
        ("description", "description", plugin),
        ("provider", "provider", plugin),
        ("version", "version", release),
        ("releaseDate", "date", release),
        ("requires", "requires", release),
        ("parsedRequires", "parsedRequires", release),
        ("binaryUrl", "url", release),
        ("sha512sum", "sha512sum", release),
        ("preferred", "preferred", release),
        ("lastModified", "lastModified", release),
    ] {
        if let Some(value) = map.get(from).filter(|value| !value.is_null()) {
            content.insert(key.to_owned(), value.clone());
        }
    }
    Some(Item {
        key: format!("{id}:{version}"),
        content,
        ..Item::default()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_release_is_known_by_plugin_and_version() {
        let map = |value: Value| value.as_object().unwrap().clone();
        let plugin =
            map(json!({"id": "acme.hello", "description": "says hello", "provider": "acme"}));
        let release = map(
            json!({"version": "1.0.1", "date": "2024-01-02T03:04:05Z", "url": "https://x/hello.zip", "requires": null}),
        );
        let item = item(&plugin, &release).unwrap();
        assert_eq!(item.key, "acme.hello:1.0.1");
        assert_eq!(
            Value::from(item.content),
            json!({"pluginEventType": "PUBLISHED", "pluginId": "acme.hello", "description": "says hello", "provider": "acme",
                "version": "1.0.1", "releaseDate": "2024-01-02T03:04:05Z", "binaryUrl": "https://x/hello.zip"})
        );
        assert!(super::item(&plugin, &Map::new()).is_none());
    }
}
