//! The one table of routes.
//!
//! It drives the dispatch (`matching`), the OpenAPI document, the page on compatibility and the tests that call every route
//! with bad input. A path of Spinnaker's Gate that is not built yet stands here too and answers 501, so that nobody takes it
//! for a typing error.
//!
//! | file | rows |
//! |---|---|
//! | `pipelines` | pipelines, their executions, ad-hoc tasks |
//! | `documents` | what is stored: applications, pipelines, strategies, projects, templates, notifications |
//! | `people` | sign-in, users, accounts |
//! | `system` | versions, capabilities, administration, plugins |
//! | `outside` | clouds, build systems, registries, canaries: most of it not built |
//! | `kayenta` | Kayenta's own addresses |
//! | `orca` | addresses of Orca that Gate does not have |
//! | `ours` | what Spinnaker does not have |

mod documents;
mod kayenta;
mod orca;
mod ours;
mod outside;
mod people;
mod pipelines;
mod system;

use axum::http::Method;
use futures_util::future::BoxFuture;

use crate::{Gate, access::Needs, answer::Answer, call::Call, problem::Problem};

/// What a handler looks like to the dispatch.
pub(crate) type Handler = fn(Gate, Call) -> BoxFuture<'static, Result<Answer, Problem>>;

/// One method of one path.
pub(crate) struct Route {
    pub(crate) method: Method,
    /// Segments, `{name}` for a parameter, `{*rest}` for everything that follows.
    pub(crate) path: &'static str,
    /// What it is for, as the OpenAPI document and the page on compatibility say it.
    pub(crate) summary: &'static str,
    /// The query parameters that it looks at. A handler that asks for another one fails its tests.
    pub(crate) query: &'static [&'static str],
    /// What it asks of whoever calls it.
    pub(crate) needs: Needs,
    pub(crate) does: Does,
}

/// What a route does.
#[derive(Clone, Copy)]
pub(crate) enum Does {
    /// Runs a handler.
    Run(Handler),
    /// Answers this JSON, which is true for the reason that stands beside it.
    Say(&'static str, &'static str),
    /// Answers 404 with this message: nothing that the path could name can exist.
    Lack(&'static str),
    /// Answers 501, naming this feature.
    Miss(&'static str),
}

/// Which part of Spinnaker has a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Gate, which clients talk to.
    Gate,
    /// Orca, behind Gate; some scripts talk to it.
    Orca,
    /// Kayenta, beside it.
    Kayenta,
    /// None: it is our own.
    Ours,
}

/// Routes of one subject.
pub(crate) struct Group {
    pub(crate) title: &'static str,
    pub(crate) whose: Whose,
    pub(crate) routes: &'static [Route],
}

/// Every group, in the order in which people read them.
pub(crate) const GROUPS: &[&[Group]] = &[
    pipelines::GROUPS,
    documents::GROUPS,
    people::GROUPS,
    system::GROUPS,
    outside::GROUPS,
    kayenta::GROUPS,
    orca::GROUPS,
    ours::GROUPS,
];

/// Every group.
pub(crate) fn groups() -> impl Iterator<Item = &'static Group> {
    GROUPS.iter().copied().flatten()
}

/// Every route. Order does not matter: a literal segment beats a parameter.
pub(crate) fn all() -> impl Iterator<Item = &'static Route> {
    groups().flat_map(|group| group.routes)
}

impl Route {
    /// The names of the path's parameters.
    pub(crate) fn params(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(|segment| {
            let name = segment.strip_prefix('{')?.strip_suffix('}')?;
            Some(name.strip_prefix('*').unwrap_or(name))
        })
    }

    /// Whether anything but an error can be the answer.
    pub(crate) const fn is_built(&self) -> bool {
        match self.does {
            Does::Run(_) | Does::Say(..) => true,
            Does::Lack(_) | Does::Miss(_) => false,
        }
    }
}

/// Rows of a table: method, path, summary, query parameters if there are any, what it needs, what it does.
macro_rules! table {
    ($($method:ident $path:literal $summary:literal $([$($query:literal),* $(,)?])? $needs:ident $does:expr;)*) => {
        &[$($crate::routes::Route {
            method: axum::http::Method::$method,
            path: $path,
            summary: $summary,
            query: &[$($($query),*)?],
            needs: $crate::access::Needs::$needs,
            does: $does,
        }),*]
    };
}

/// A row that runs a handler.
macro_rules! run {
    ($handler:path) => {
        $crate::routes::Does::Run(|gate, call| Box::pin($handler(gate, call)))
    };
}

pub(crate) use {run, table};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_row_is_well_formed_and_stands_once() {
        let mut seen = BTreeSet::new();
        for route in all() {
            let row = format!("{} {}", route.method, route.path);
            assert!(route.path.starts_with('/'), "{row}");
            assert!(
                route.path == "/" || !route.path.ends_with('/'),
                "{row}: a slash at the end"
            );
            assert!(!route.summary.is_empty(), "{row} says not what it is for");
            // `{id}` and `{name}` in the same place are the same path.
            let shape: Vec<&str> = route
                .path
                .split('/')
                .map(|it| if it.starts_with('{') { "{}" } else { it })
                .collect();
            assert!(
                seen.insert((route.method.to_string(), shape.join("/"))),
                "{row} stands twice"
            );
            let mut query = route.query.to_vec();
            query.sort_unstable();
            query.dedup();
            assert_eq!(query.len(), route.query.len(), "{row}: a parameter twice");
            if let Some(rest) = route.path.find("{*") {
                assert!(
                    route.path[rest..].ends_with('}'),
                    "{row}: more after the rest"
                );
            }
            if let Does::Say(json, reason) = route.does {
                assert!(
                    serde_json::from_str::<serde_json::Value>(json).is_ok(),
                    "{row}"
                );
                assert!(!reason.is_empty(), "{row}");
            }
        }
    }

    #[test]
    fn only_what_is_ours_stands_below_our_prefix() {
        for group in groups() {
            for route in group.routes {
                let is_spinnakers = ["/v2/pipelineTemplates", "/v2/canar", "/v2/builds"]
                    .iter()
                    .any(|path| route.path.starts_with(path));
                if route.path.starts_with("/v2/") && !is_spinnakers {
                    let is_orcas = group.whose == Whose::Orca;
                    assert!(
                        group.whose == Whose::Ours || is_orcas,
                        "{} in {}",
                        route.path,
                        group.title
                    );
                }
            }
        }
    }

    #[test]
    fn whatever_changes_something_asks_for_more_than_nothing() {
        // As in Gate: events from outside, answers from chats, and signing in itself.
        let public = [
            "/login",
            "/notifications/callbacks/{source}",
            "/webhooks/{type}/{source}",
        ];
        for route in all().filter(|route| route.method != Method::GET) {
            let is_public = public.contains(&route.path);
            let row = format!("{} {}", route.method, route.path);
            assert_eq!(route.needs == Needs::Nothing, is_public, "{row}");
        }
    }
}
