//! What a search finds in clouds. Source: clouddriver `KubernetesCachingSearchProvider`.

use gennaker_manifests::kind::SpinnakerKind;
use gennaker_manifests::{Kind, Native, views};
use gennaker_model::reads::Ask;
use gennaker_settings::KubernetesAccount;
use serde_json::Value;

use super::custom_kinds;
use crate::Gate;
use crate::problem::Problem;

/// Most objects that one account gives to a search.
const OBJECTS_MAX: u32 = 2_000;

impl Gate {
    /// Objects of a type whose name, account, namespace or application contains a text.
    pub(crate) async fn search_clouds(
        &self,
        result_type: &str,
        text: &str,
        limit: usize,
    ) -> Result<Vec<Value>, Problem> {
        let lower = text.to_lowercase();
        let ask = |account: &KubernetesAccount| {
            // One whose own name contains it has nothing but what is looked for.
            let is_named = account.name.to_lowercase().contains(&lower);
            Ask::Search {
                kinds: kinds_of(account, result_type),
                text: if is_named {
                    String::new()
                } else {
                    text.to_owned()
                },
                limit: OBJECTS_MAX,
            }
        };
        let asked = self
            .kubernetes()
            .iter()
            .filter(|account| !kinds_of(account, result_type).is_empty());
        let all = self.all_of(asked, ask).await?;
        Ok(views::search(&all.inventories, result_type, text, limit))
    }
}

/// The kinds that a type of result means: `serverGroups`, a kind itself, …
fn kinds_of(account: &KubernetesAccount, result_type: &str) -> Vec<String> {
    let custom = custom_kinds(account);
    let shown_as = SpinnakerKind::parse(result_type);
    let all = views::KINDS
        .into_iter()
        .map(Kind::from)
        .chain(custom.iter().map(|(kind, _)| kind.clone()));
    let is_meant = |kind: &Kind| {
        let spinnaker_kind = custom.spinnaker_kind(kind);
        match result_type {
            "clusters" => {
                matches!(
                    spinnaker_kind,
                    SpinnakerKind::ServerGroups | SpinnakerKind::ServerGroupManagers
                )
            }
            _ if shown_as != SpinnakerKind::Unclassified => spinnaker_kind == shown_as,
            _ => *kind == Kind::parse(result_type),
        }
    };
    let found: Vec<String> = all.filter(is_meant).map(|kind| kind.to_string()).collect();
    match (found.is_empty(), Native::parse(result_type)) {
        (true, Some(native)) => vec![native.name().to_owned()],
        _ => found,
    }
}
