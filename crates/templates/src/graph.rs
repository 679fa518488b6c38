//! The graph of stages: order, cycles, and stages that are injected into it.
//!
//! Source: orca `ConfigStageInjectionTransform`, and its copy for the second generation. The order of stages comes from the
//! order of a Java `HashMap`, as users see it in Spinnaker.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    fields::{Fields, Read},
    java,
    problem::{Halt, Problem},
};

/// Counts work.
pub(crate) type Charge<'c> = &'c dyn Fn(usize) -> Result<(), Halt>;

/// Units of work of ordering, for each stage.
const ORDER_WORK: usize = 8;

/// Where a stage is put that depends on nothing itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Inject {
    pub first: bool,
    pub last: bool,
    pub before: Option<Vec<String>>,
    pub after: Option<Vec<String>>,
}

impl Inject {
    pub(crate) fn read(fields: Fields<'_>) -> Read<Self> {
        Ok(Self {
            first: fields.flag("first")?,
            last: fields.flag("last")?,
            before: fields.texts("before")?,
            after: fields.texts("after")?,
        })
    }

    fn rules(&self) -> usize {
        let set = [
            self.first,
            self.last,
            self.before.is_some(),
            self.after.is_some(),
        ];
        set.into_iter().filter(|it| *it).count()
    }

    pub(crate) fn has_any(&self) -> bool {
        self.rules() > 0
    }

    pub(crate) fn has_many(&self) -> bool {
        self.rules() > 1
    }
}

/// A stage as the graph sees it.
pub(crate) trait Node: Clone {
    fn id(&self) -> &str;
    /// The stages before it, each once.
    fn needs(&self) -> &Vec<String>;
    fn needs_mut(&mut self) -> &mut Vec<String>;
    fn inject(&self) -> Option<&Inject>;
}

/// Adds what is not there yet.
pub(crate) fn add(list: &mut Vec<String>, id: &str) {
    if !list.iter().any(|it| it == id) {
        list.push(id.to_owned());
    }
}

/// Stages in an order in which each comes after those it needs.
///
/// # Errors
/// A cycle, or an id that two stages have.
pub(crate) fn sorted<N: Node>(stages: Vec<N>) -> Result<Vec<N>, Problem> {
    let order = order(&stages)?;
    let mut slots: Vec<Option<N>> = stages.into_iter().map(Some).collect();
    Ok(order
        .into_iter()
        .filter_map(|place| slots[place].take())
        .collect())
}

/// Ids of the stages that no other needs, in the order of a `HashSet`.
///
/// # Errors
/// As [`sorted`].
pub(crate) fn leaves<N: Node>(stages: &[N]) -> Result<Vec<String>, Problem> {
    let sorted = leaves_in_order(stages)?;
    let order = java::hash_order(sorted.iter().map(String::as_str));
    Ok(order
        .into_iter()
        .filter_map(|place| sorted.get(place).cloned())
        .collect())
}

/// Puts every stage that has a rule where it belongs. `candidates` that stand in `stages` already are moved.
///
/// # Errors
/// A rule that names an unknown stage, or makes a cycle.
pub(crate) fn inject<N: Node>(
    candidates: &[N],
    stages: &mut Vec<N>,
    charge: Charge<'_>,
) -> Result<(), Halt> {
    for candidate in candidates {
        let Some(rule) = candidate.inject().filter(|rule| rule.has_any()) else {
            continue;
        };
        charge(stages.len().saturating_mul(ORDER_WORK))?;
        stages.retain(|it| it.id() != candidate.id());
        let mut stage = candidate.clone();
        let place = if rule.first {
            for other in stages.iter_mut().filter(|it| it.needs().is_empty()) {
                other.needs_mut().push(stage.id().to_owned());
            }
            0
        } else if rule.last {
            for leaf in leaves_in_order(stages)? {
                add(stage.needs_mut(), &leaf);
            }
            stages.len()
        } else if let Some(targets) = &rule.before {
            before(&mut stage, targets, stages)?
        } else {
            let targets = rule.after.clone().unwrap_or_default();
            after(&mut stage, &targets, stages)?
        };
        stages.insert(place, stage);
        order(stages)?;
    }
    Ok(())
}

fn before<N: Node>(stage: &mut N, targets: &[String], stages: &mut [N]) -> Result<usize, Problem> {
    let mut place = None;
    let mut needs = Vec::new();
    for target in targets {
        let at = find(stage.id(), target, stages)?;
        let found = &mut stages[at];
        for need in std::mem::take(found.needs_mut()) {
            add(&mut needs, &need);
        }
        found.needs_mut().push(stage.id().to_owned());
        place = place.max(Some(at));
    }
    for need in needs {
        add(stage.needs_mut(), &need);
    }
    place.ok_or_else(|| aimless(stage.id()))
}

fn after<N: Node>(stage: &mut N, targets: &[String], stages: &mut [N]) -> Result<usize, Problem> {
    let mut place = None;
    for target in targets {
        let at = find(stage.id(), target, stages)?;
        add(stage.needs_mut(), target);
        for other in stages.iter_mut() {
            let count = other.needs().len();
            other.needs_mut().retain(|need| need != target);
            if other.needs().len() < count {
                add(other.needs_mut(), stage.id());
            }
        }
        place = place.max(Some(at + 1));
    }
    place.ok_or_else(|| aimless(stage.id()))
}

fn find<N: Node>(stage: &str, target: &str, stages: &[N]) -> Result<usize, Problem> {
    stages
        .iter()
        .position(|it| it.id() == target)
        .ok_or_else(|| {
            Problem::malformed(format!(
                "could not inject '{stage}' stage: unknown target stage id '{target}'"
            ))
        })
}

fn aimless(stage: &str) -> Problem {
    Problem::malformed(format!(
        "stage did not have any valid injections defined (id: {stage})"
    ))
}

fn leaves_in_order<N: Node>(stages: &[N]) -> Result<Vec<String>, Problem> {
    let needed: BTreeSet<&String> = stages.iter().flat_map(Node::needs).collect();
    let order = order(stages)?;
    Ok(order
        .into_iter()
        .map(|place| stages[place].id().to_owned())
        .filter(|id| !needed.contains(id))
        .collect())
}

/// Where a visit of a stage stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Visit {
    Begun,
    Done,
}

/// Places of the stages, each after those it needs, as Orca's depth-first search finds them.
fn order<N: Node>(stages: &[N]) -> Result<Vec<usize>, Problem> {
    let mut places = BTreeMap::new();
    for (place, stage) in stages.iter().enumerate() {
        if places.insert(stage.id(), place).is_some() {
            let id = stage.id();
            return Err(Problem::malformed(format!(
                "more than one stage has the id '{id}'"
            )));
        }
    }
    let mut visits: Vec<Option<Visit>> = vec![None; stages.len()];
    let mut order = Vec::with_capacity(stages.len());
    for begin in java::hash_order(stages.iter().map(Node::id)) {
        if visits[begin].is_some() {
            continue;
        }
        // Each entry: a stage, and which of its needs is looked at next.
        let mut path = vec![(begin, 0)];
        visits[begin] = Some(Visit::Begun);
        while let Some((place, next)) = path.last_mut() {
            let Some(need) = stages[*place].needs().get(*next) else {
                visits[*place] = Some(Visit::Done);
                order.push(*place);
                path.pop();
                continue;
            };
            *next += 1;
            let Some(&need) = places.get(need.as_str()) else {
                continue;
            };
            match visits[need] {
                None => {
                    visits[need] = Some(Visit::Begun);
                    path.push((need, 0));
                }
                Some(Visit::Done) => {}
                Some(Visit::Begun) => {
                    let id = stages[*place].id();
                    return Err(Problem::malformed(format!(
                        "Cycle detected in graph (discovered on stage: {id})"
                    )));
                }
            }
        }
    }
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Simple(&'static str, Vec<String>, Option<Inject>);

    impl Node for Simple {
        fn id(&self) -> &str {
            self.0
        }
        fn needs(&self) -> &Vec<String> {
            &self.1
        }
        fn needs_mut(&mut self) -> &mut Vec<String> {
            &mut self.1
        }
        fn inject(&self) -> Option<&Inject> {
            self.2.as_ref()
        }
    }

    fn stage(id: &'static str, needs: &[&str]) -> Simple {
        Simple(id, needs.iter().map(|it| (*it).to_owned()).collect(), None)
    }

    fn injected(id: &'static str, inject: Inject) -> Simple {
        Simple(id, Vec::new(), Some(inject))
    }

    fn shown(stages: &[Simple]) -> Vec<String> {
        let line = |it: &Simple| format!("{}<{}", it.0, it.1.join(","));
        stages.iter().map(line).collect()
    }

    fn texts(ids: &[&str]) -> Option<Vec<String>> {
        Some(ids.iter().map(|it| (*it).to_owned()).collect())
    }

    #[test]
    fn a_stage_is_put_where_its_rule_says() {
        let line = vec![stage("a", &[]), stage("b", &["a"]), stage("c", &["a"])];
        for (rule, expected) in [
            (
                Inject {
                    first: true,
                    ..Inject::default()
                },
                ["x<", "a<x", "b<a", "c<a"],
            ),
            (
                Inject {
                    last: true,
                    ..Inject::default()
                },
                ["a<", "b<a", "c<a", "x<b,c"],
            ),
            (
                Inject {
                    before: texts(&["b", "c"]),
                    ..Inject::default()
                },
                ["a<", "b<x", "x<a", "c<x"],
            ),
            (
                Inject {
                    after: texts(&["a"]),
                    ..Inject::default()
                },
                ["a<", "x<a", "b<x", "c<x"],
            ),
        ] {
            let mut stages = line.clone();
            inject(&[injected("x", rule)], &mut stages, &|_| Ok(())).unwrap();
            assert_eq!(shown(&stages), expected);
        }
    }

    #[test]
    fn what_cannot_be_put_anywhere_says_why() {
        let mut stages = vec![stage("a", &[])];
        let cause =
            |rule, stages: &mut Vec<Simple>| match inject(&[injected("x", rule)], stages, &|_| {
                Ok(())
            }) {
                Err(Halt::Wrong(mut problems)) => String::from(problems.remove(0).cause.unwrap()),
                other => panic!("{other:?}"),
            };
        let unknown = Inject {
            after: texts(&["z"]),
            ..Inject::default()
        };
        assert_eq!(
            cause(unknown, &mut stages),
            "could not inject 'x' stage: unknown target stage id 'z'"
        );
        let nowhere = Inject {
            before: texts(&[]),
            ..Inject::default()
        };
        assert_eq!(
            cause(nowhere, &mut stages),
            "stage did not have any valid injections defined (id: x)"
        );
    }

    #[test]
    fn cycles_and_repeated_ids_are_refused() {
        let cycle = sorted(vec![stage("a", &["b"]), stage("b", &["a"])]).unwrap_err();
        assert_eq!(
            cycle.cause.as_deref(),
            Some("Cycle detected in graph (discovered on stage: b)")
        );
        let twice = sorted(vec![stage("a", &[]), stage("a", &[])]).unwrap_err();
        assert_eq!(
            twice.cause.as_deref(),
            Some("more than one stage has the id 'a'")
        );
        let long: Vec<Simple> = (0..3).map(|_| stage("a", &["gone"])).take(1).collect();
        assert_eq!(shown(&sorted(long).unwrap()), ["a<gone"]);
    }
}
