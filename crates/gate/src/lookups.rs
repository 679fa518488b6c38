//! What an expression asks of the outside, answered for somebody who tries it.

use gennaker_engine::{Lookup, LookupAnswer};
use gennaker_store::Store;

/// Finds an answer. Failing is one too: the expression then says why.
///
/// Addresses are not fetched here: the API has no business calling what anybody who may read an execution writes down.
/// A stage that runs has its worker do it, from its zone and under its address policy.
pub(crate) async fn answer(store: &Store, lookup: &Lookup) -> LookupAnswer {
    let found = store.look_up(lookup).await;
    found.unwrap_or_else(|| LookupAnswer::Failed {
        exception: None,
        reason: match lookup {
            Lookup::Expression(_) | Lookup::Pipeline(_) => {
                "addresses are fetched only while a pipeline runs"
            }
            Lookup::Execution(_) | Lookup::Artifacts(_) => {
                "other executions are read only while a pipeline runs"
            }
        }
        .to_owned(),
    })
}
