//! Triggers of the type `artifactory` (events reference 4.8): what a search of an Artifactory finds.
//!
//! Source: echo `ArtifactoryEventHandler`.

use gennaker_model::Map;

use super::{Check, Event, equal, text};

pub(super) fn check(event: &Event, trigger: &Map) -> Check {
    let found = text(&event.payload, "name");
    equal("search", found, trigger, "artifactorySearchName")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::matching::{
        Origin,
        testing::{fired, reason, verdict_on},
    };

    #[test]
    fn the_search_is_what_counts() {
        let artifact =
            json!({"type": "maven/file", "name": "g:a", "version": "1", "reference": "g:a:1"});
        let body = json!({"name": "releases", "artifacts": [artifact]});
        let verdict = |search: &str| {
            let trigger =
                json!({"type": "artifactory", "enabled": true, "artifactorySearchName": search});
            verdict_on("artifactory", "releases", Origin::Inside, &body, trigger)
        };
        assert_eq!(fired(verdict("releases"))["artifacts"], json!([artifact]));
        assert_eq!(
            reason(verdict("snapshots")),
            "the search is \"releases\", the trigger wants \"snapshots\""
        );
    }
}
