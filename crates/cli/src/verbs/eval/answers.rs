//! Answers to what functions ask, as far as Gate has them.

use std::collections::BTreeMap;

use gennaker_expressions::{Lookup, LookupAnswer};

use crate::{Exit, Failure, gate::Gate, text::encode};

/// What was asked so far.
pub(super) struct Answers<'g> {
    gate: Option<&'g Gate>,
    known: BTreeMap<Lookup, LookupAnswer>,
}

impl<'g> Answers<'g> {
    /// Without a server nothing is known.
    pub(super) fn new(gate: Option<&'g Gate>) -> Self {
        Self {
            gate,
            known: BTreeMap::new(),
        }
    }

    pub(super) fn get(&self, lookup: &Lookup) -> Option<LookupAnswer> {
        self.known.get(lookup).cloned()
    }

    /// Asks what can be asked, and says whether more is known than before.
    pub(super) async fn ask(&mut self, needs: &[Lookup]) -> bool {
        let before = self.known.len();
        if let Some(gate) = self.gate {
            for lookup in needs {
                if let Some(answer) = ask(gate, lookup).await {
                    self.known.insert(lookup.clone(), answer);
                }
            }
        }
        self.known.len() > before
    }
}

/// Addresses are not fetched: only the installation's workers know which ones pipelines may fetch.
async fn ask(gate: &Gate, lookup: &Lookup) -> Option<LookupAnswer> {
    let path = match lookup {
        Lookup::Pipeline { application, name } => format!(
            "/applications/{}/pipelineConfigs/{}",
            encode(application),
            encode(name)
        ),
        Lookup::Application { name } => format!("/applications/{}", encode(name)),
        Lookup::Url { .. } | Lookup::CanaryConfig { .. } | Lookup::Reference { .. } => return None,
    };
    Some(match gate.get("the answer to a function", &path).await {
        Ok(mut found) => LookupAnswer::Found {
            value: match lookup {
                // The function gives what Front50 knows of the application, without clusters.
                Lookup::Application { .. } => found["attributes"].take(),
                _ => found,
            },
        },
        Err(Failure {
            exit: Exit::NotFound,
            ..
        }) => LookupAnswer::Missing,
        Err(failure) => LookupAnswer::Failed {
            exception: None,
            reason: failure.sentence,
        },
    })
}
