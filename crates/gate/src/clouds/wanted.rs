//! What some questions ask for, read from their query.

use serde_json::Value;

use crate::call::Call;
use crate::problem::Problem;

/// Clusters of a list that shall be shown, from `clusters=account:cluster,…`; none for all.
pub(super) struct WantedClusters(Vec<(String, String)>);

impl WantedClusters {
    pub(super) fn read(call: &Call) -> Result<Self, Problem> {
        let read = |pair: &String| match pair.split_once(':') {
            Some((account, cluster)) => Ok((account.to_owned(), cluster.to_owned())),
            None => Err(Problem::bad_request(format!(
                "Query parameter clusters must be a list of account:cluster, not '{pair}'"
            ))),
        };
        let wanted: Result<Vec<_>, Problem> =
            call.query_list("clusters").iter().map(read).collect();
        Ok(Self(wanted?))
    }

    /// Whether a server group is in one of them.
    pub(super) fn has(&self, group: &Value) -> bool {
        self.0.is_empty()
            || self.0.iter().any(|(account, cluster)| {
                group["account"] == **account
                    && (group["cluster"] == **cluster || group["moniker"]["cluster"] == **cluster)
            })
    }
}
