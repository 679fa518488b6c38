//! `checkClusterSize`: how many server groups a cluster has in its namespaces (orchestration reference 6.3). Source: orca
//! `ClusterSizePreconditionTask`; what a server group is and whether it is disabled, clouddriver's views say.

use gennaker_kubernetes::List;
use gennaker_manifests::{Kind, Native, views};
use gennaker_model::{Map, work::TaskMessage};
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, Task};
use serde_json::Value;

use super::{Base, input, trouble};

/// Most namespaces of one precondition.
const REGIONS_MAX: usize = 100;

/// Kinds that are server groups and can make a cluster that is deployed anew.
const KINDS: [Native; 3] = [Native::ReplicaSet, Native::StatefulSet, Native::DaemonSet];

/// The task.
pub(super) struct CheckClusterSize(pub Base);

impl Task for CheckClusterSize {
    fn kind(&self) -> &'static str {
        "checkClusterSize"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        Effect::None
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let cluster = self.0.cluster(ctx)?;
            let none = Map::new();
            let wanted = ctx.input().get("context").and_then(Value::as_object);
            let wanted = wanted.unwrap_or(&none);
            let name = input::text(wanted, "cluster")
                .ok_or_else(|| trouble::illegal(ctx, "the precondition names no cluster"))?;
            let app = wanted.get("moniker").and_then(|it| it.get("app")?.as_str());
            let app = app.unwrap_or(&ctx.message().application);
            let expected = input::integer(wanted, "expected").unwrap_or(1);
            let comparison = input::text(wanted, "comparison").unwrap_or("==");
            let only_enabled = input::boolean(wanted, "onlyEnabledServerGroups") == Some(true);
            let mut failures = Vec::new();
            for region in input::texts(wanted, "regions")
                .into_iter()
                .take(REGIONS_MAX)
            {
                let mut objects = Vec::new();
                let services = only_enabled.then_some(Native::Service);
                for kind in KINDS.into_iter().chain(services) {
                    let list = List::of(Kind::from(kind), Some(region));
                    let what = format!("the server groups of {name} cannot be counted: ");
                    let listed = cluster.must(&what, cluster.account.list(&list)).await?;
                    objects.extend(listed.items);
                }
                let custom = cluster.account.custom_kinds().clone();
                let inventory = views::Inventory::new(cluster.account.name(), objects, custom);
                let groups = views::server_groups(&[inventory], app, false);
                let names: Vec<&str> = groups
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter(|group| group["cluster"] == name)
                    .filter(|group| !only_enabled || group["isDisabled"] != true)
                    .filter_map(|group| group["name"].as_str())
                    .collect();
                let actual = i64::try_from(names.len()).unwrap_or(i64::MAX);
                if !holds(comparison, actual, expected) {
                    let names = names.join(", ");
                    failures.push(format!(
                        "{region} - expected {comparison} {expected} server groups but found {actual}: [{names}]"
                    ));
                }
            }
            if failures.is_empty() {
                let mut context = Map::new();
                trouble::settled(ctx, &mut context);
                return Ok(Done {
                    context,
                    ..Done::default()
                });
            }
            let message = format!("Precondition check failed: {}", failures.join(", "));
            Err(trouble::give_up(ctx, "IllegalStateException", &message))
        })
    }
}

fn holds(comparison: &str, actual: i64, expected: i64) -> bool {
    match comparison {
        "<" => actual < expected,
        "<=" => actual <= expected,
        ">=" => actual >= expected,
        ">" => actual > expected,
        _ => actual == expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons() {
        for (comparison, holding) in [
            ("<", [1].as_slice()),
            ("<=", &[1, 2]),
            ("==", &[2]),
            (">=", &[2, 3]),
            (">", &[3]),
        ] {
            let found: Vec<i64> = (1..4)
                .filter(|actual| holds(comparison, *actual, 2))
                .collect();
            assert_eq!(found, holding, "{comparison}");
        }
    }
}
