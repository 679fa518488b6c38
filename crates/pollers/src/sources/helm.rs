//! Charts in repositories (igor: `HelmMonitor`). A chart in a version is known by its digest: a version that is pushed again with
//! another one is new.

use gennaker_artifacts::{Accounts, Artifact};
use gennaker_model::Map;
use serde_json::{Value, json};

use crate::source::{BoxFuture, Id, Item, Look, Source, Trouble, Wanted};

/// The charts of one repository.
pub struct Helm {
    id: Id,
    repository: String,
    accounts: Accounts,
}

impl Helm {
    /// The repository of this account of artifacts, at this address.
    #[must_use]
    pub fn new(account: &str, repository: &str, accounts: Accounts) -> Self {
        Self {
            id: Id {
                kind: "helm",
                name: account.to_owned(),
            },
            repository: repository.to_owned(),
            accounts,
        }
    }
}

impl Source for Helm {
    fn id(&self) -> &Id {
        &self.id
    }

    fn origin(&self) -> String {
        self.repository.clone()
    }

    fn look<'a>(&'a self, _wanted: Wanted<'a>) -> BoxFuture<'a, Result<Look, Trouble>> {
        Box::pin(async move {
            let account = &self.id.name;
            let index = json!({"type": "helm/index", "artifactAccount": account});
            let index = Artifact::read(&index).map_err(|error| Trouble(error.to_string()))?;
            let index = self.accounts.fetch(&index).await;
            let index = index.map_err(|error| Trouble(error.to_string()))?;
            let charts = gennaker_registries::helm::charts(&index);
            let charts = charts.map_err(|error| Trouble(error.to_string()))?;
            let item = |chart: gennaker_registries::helm::Chart| {
                let mut artifact = Map::new();
                for (key, value) in [
                    ("type", json!("helm/chart")),
                    ("name", json!(chart.name)),
                    ("version", json!(chart.version)),
                    ("reference", json!(account)),
                    ("metadata", json!({"digest": chart.digest})),
                ] {
                    artifact.insert(key.to_owned(), value);
                }
                let mut content = Map::new();
                for (key, value) in [
                    ("account", json!(account)),
                    ("chart", json!(chart.name)),
                    ("version", json!(chart.version)),
                    ("digest", json!(chart.digest)),
                    ("artifacts", Value::Array(vec![artifact.into()])),
                ] {
                    content.insert(key.to_owned(), value);
                }
                Item {
                    key: format!("{}:{}", chart.name, chart.version),
                    value: Some(chart.digest),
                    at_ms: chart.created_ms,
                    content,
                    ..Item::default()
                }
            };
            let mut items: Vec<Item> = charts.into_iter().map(item).collect();
            items.sort_by_key(|item| item.at_ms);
            Ok(Look {
                items,
                ..Look::default()
            })
        })
    }
}
