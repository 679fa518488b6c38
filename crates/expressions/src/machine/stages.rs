//! Contexts and outputs of stages.

use std::rc::Rc;

use super::Machine;
use crate::error::Result;
use crate::objects;
use crate::value::{MapCell, MapKind, Value, json};

impl<'a> Machine<'a, '_> {
    /// All values that a stage and its ancestors have for a key, nearest first (`StageContext.getAll`).
    pub(crate) fn all_of(&mut self, context: &MapCell<'a>, key: &Value<'a>) -> Result<Value<'a>> {
        let place = match context.kind {
            MapKind::Context(stage) => Some(stage),
            _ => self.current_place(),
        };
        let mut found = Vec::new();
        if let Some(name) = key.as_chars() {
            found.extend(context.get(name));
            let ancestors = place
                .zip(self.execution())
                .map_or_else(Vec::new, |(place, execution)| {
                    execution.stage_ancestors(place)
                });
            for ancestor in ancestors {
                self.charge(16)?;
                if let Value::Map(outputs) = self.stage_map(ancestor, true) {
                    found.extend(outputs.get(name));
                }
            }
        }
        Ok(Value::list(found))
    }

    /// The place of the stage that the root is the context of.
    fn current_place(&self) -> Option<usize> {
        let (id, execution) = (self.root.current_stage_id()?, self.execution()?);
        (0..execution.stage_count()).find(|place| {
            objects::stage_text(execution, *place, "id").is_some_and(|found| &*found == id)
        })
    }

    /// A context (or the outputs) of a stage, the same cell for the whole pass.
    pub(crate) fn stage_map(&mut self, stage: usize, outputs: bool) -> Value<'a> {
        let Some(execution) = self.execution() else {
            return Value::Null;
        };
        let entry = self.contexts.entry((stage, outputs));
        entry
            .or_insert_with(|| match outputs {
                true => json::view_map(execution.stage_outputs(stage)),
                false => Value::Map(Rc::new(MapCell::viewed(
                    MapKind::Context(stage),
                    execution.stage_context(stage),
                ))),
            })
            .clone()
    }
}
