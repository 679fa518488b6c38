//! What changes in Artifactory (igor: `ArtifactoryBuildMonitor`).
//!
//! Igor moves its cursor before it asks, and loses what a failed search would have found. Here the cursor is the latest change that
//! was found, and moves when the events are stored; the search looks a little further back, and what it finds again is known.

use gennaker_model::Map;
use gennaker_registries::artifactory::Search;
use serde_json::json;

use crate::source::{BoxFuture, Id, Item, Look, Source, Trouble, Wanted};

/// Under which name the time of the latest change is kept.
const CURSOR: &str = "modified";

/// How far the search looks back behind it, in milliseconds: changes may become visible out of order.
const OVERLAP_MS: i64 = 600_000;

/// One search.
pub struct Artifactory {
    id: Id,
    search: Search,
}

impl Artifactory {
    /// A search.
    #[must_use]
    pub fn new(search: Search) -> Self {
        Self {
            id: Id {
                kind: "artifactory",
                name: search.settings().name.clone(),
            },
            search,
        }
    }
}

impl Source for Artifactory {
    fn id(&self) -> &Id {
        &self.id
    }

    fn origin(&self) -> String {
        let settings = self.search.settings();
        format!("{} {}", settings.base_url, settings.repo)
    }

    fn scope(&self) -> String {
        let settings = self.search.settings();
        json!([
            settings.repo_type,
            settings.group_id,
            settings.artifact_extension
        ])
        .to_string()
    }

    /// The cursor has passed it long before.
    fn forget_after_days(&self) -> u32 {
        28
    }

    fn look<'a>(&'a self, wanted: Wanted<'a>) -> BoxFuture<'a, Result<Look, Trouble>> {
        Box::pin(async move {
            let cursor = wanted.known.mark(CURSOR);
            let cursor_ms = cursor.and_then(|ms| i64::try_from(ms).ok());
            // What is older than the first sight is not new.
            let since_ms = wanted.since_ms.unwrap_or(wanted.now_ms);
            let after_ms = cursor_ms.unwrap_or(since_ms).max(since_ms) - OVERLAP_MS;
            let files = self.search.changed(Some(after_ms)).await;
            let files = files.map_err(|error| Trouble(error.to_string()))?;
            let latest = files.iter().map(|file| file.modified_ms).max();
            let mark = latest.or(cursor_ms).unwrap_or(since_ms).max(1);
            let name = &self.id.name;
            let items = files.into_iter().filter_map(|file| {
                let artifact = file.artifact?;
                let mut content = Map::new();
                content.insert("name".to_owned(), json!(name));
                content.insert("artifact".to_owned(), artifact.clone());
                content.insert("artifacts".to_owned(), json!([artifact]));
                Some(Item {
                    key: file.path,
                    value: Some(file.modified_ms.to_string()),
                    at_ms: Some(file.modified_ms),
                    content,
                    ..Item::default()
                })
            });
            Ok(Look {
                items: items.collect(),
                marks: vec![(CURSOR.to_owned(), u64::try_from(mark).unwrap_or(1))],
                ..Look::default()
            })
        })
    }
}
