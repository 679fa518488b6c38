//! How an evaluation went: which names were looked up, and where their values came from.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::summary::Entry;

/// Names of one text that are remembered; more would tell nobody anything.
const USES_MAX: usize = 200;

/// What came of one text that holds `${`.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// The text as written.
    pub text: String,
    /// The parsed form of each of its expressions, with all brackets written out; none if the text cannot be parsed.
    pub parsed: Vec<String>,
    /// What was looked up on the way, each once, in the order of first use.
    pub uses: Vec<Use>,
    /// What the text became.
    pub value: Json,
    /// The entry of the summary, if there is one.
    pub entry: Option<Entry>,
}

/// One name that an expression looked up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    /// The name; a function's begins with `#`.
    pub name: String,
    /// Where its value came from.
    pub origin: Origin,
}

/// Where the value of a name came from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The own keys of the root: the context of the stage.
    Context,
    /// The outputs of an ancestor of the stage.
    Ancestor,
    /// What the root holds beside its own keys: `execution`, `trigger`, `trigger.parameters`, `templateVariables`, or the
    /// build of the trigger.
    Derived(&'static str),
    /// The context of a stage that the expression found, by its place in the list of stages.
    ContextOf(usize),
    /// The outputs of an ancestor of such a stage.
    AncestorOf(usize),
    /// A function.
    Function,
    /// There is no such name.
    Nowhere,
}

/// Collects uses while one text is evaluated.
#[derive(Debug, Default)]
pub(crate) struct Tracer {
    known: BTreeSet<Use>,
    uses: Vec<Use>,
}

impl Tracer {
    pub fn note(&mut self, name: String, origin: Origin) {
        let used = Use { name, origin };
        if self.uses.len() < USES_MAX && self.known.insert(used.clone()) {
            self.uses.push(used);
        }
    }

    /// Hands over what was collected and begins anew.
    pub fn take(&mut self) -> Vec<Use> {
        self.known.clear();
        std::mem::take(&mut self.uses)
    }
}
