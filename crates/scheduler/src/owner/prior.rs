//! The execution of a pipeline before the one that starts: expected artifacts may come from it (orchestration reference 8.6).

use gennaker_intake::needs_prior;
use gennaker_model::{
    ExecutionId,
    command::{ListQuery, Start},
};
use gennaker_stages::artifacts::{Artifact, of_execution};

use super::{Owner, Slot, work::Work};

/// What is known of the execution before.
pub(super) enum Prior {
    /// Its artifacts; `None` when the start does not ask for them, and none when there was no execution before.
    Known(Option<Vec<Artifact>>),
    /// It must be loaded first.
    Load(ExecutionId),
    /// Not every execution is known yet.
    Unknown,
}

impl Owner {
    /// The artifacts of the most recent execution of the pipeline, whatever became of it.
    pub(super) fn prior_of(&self, start: &Start) -> Prior {
        let id = start.config.get("id").and_then(serde_json::Value::as_str);
        let Some(config) = id.filter(|_| needs_prior(start)) else {
            return Prior::Known(None);
        };
        if !self.index.complete {
            return Prior::Unknown;
        }
        let query = ListQuery {
            config_ids: vec![config.to_owned()],
            limit: Some(1),
            ..ListQuery::default()
        };
        let Some(newest) = self.index.find(&query).into_iter().next() else {
            return Prior::Known(Some(Vec::new()));
        };
        match self.slots.get(&newest) {
            Some(Slot::Live(live)) => Prior::Known(Some(of_execution(&live.state.doc))),
            Some(Slot::Parked { .. } | Slot::Loading { .. } | Slot::Retiring { .. }) | None => {
                Prior::Load(newest)
            }
        }
    }

    /// Loads the execution before; `work` goes on then.
    pub(super) fn load_prior(&mut self, prior: &ExecutionId, work: Work) {
        match self.slots.get_mut(prior) {
            Some(Slot::Loading { waiting, .. } | Slot::Retiring { waiting }) => waiting.push(work),
            Some(Slot::Parked { sequence }) => {
                let sequence = *sequence;
                self.load(prior, sequence, vec![work]);
            }
            // It is in no memory: either it is in the bucket, or its retention has ended meanwhile.
            Some(Slot::Live(_)) | None => self.load(prior, 0, vec![work]),
        }
    }
}
