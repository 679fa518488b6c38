//! Finding a route: by method first and path second, as Spring does, because a pipeline may be called `cancel`.
//!
//! `POST /pipelines/demo/cancel` starts the pipeline *cancel* although `PUT /pipelines/{id}/cancel` exists; a router that
//! settles on a path before it looks at the method answers 405 there.

use axum::http::Method;
use percent_encoding::percent_decode_str;

use crate::{
    problem::Problem,
    routes::{self, Route},
};

/// What a path and method lead to.
pub(crate) enum Found {
    /// A route, and its decoded parameters.
    Route(&'static Route, Vec<(&'static str, String)>),
    /// The path exists with these methods only.
    OtherMethods(Vec<&'static str>),
    /// No route has this path.
    Nothing,
}

/// Looks the route up; a trailing slash does not count, HEAD is taken as GET.
pub(crate) fn find(method: &Method, path: &str) -> Result<Found, Problem> {
    let wanted = if *method == Method::HEAD {
        &Method::GET
    } else {
        method
    };
    let segments = segments(path);
    let fits = |route: &&Route| fits(route, &segments);
    let best = routes::all()
        .filter(|route| route.method == *wanted)
        .filter(fits)
        .max_by_key(|route| literals(route));
    if let Some(route) = best {
        return Ok(Found::Route(route, params(route, &segments)?));
    }
    let mut methods: Vec<&str> = routes::all()
        .filter(fits)
        .map(|route| route.method.as_str())
        .collect();
    methods.sort_unstable();
    methods.dedup();
    Ok(if methods.is_empty() {
        Found::Nothing
    } else {
        Found::OtherMethods(methods)
    })
}

/// The segments of a path, without the empty ones at its ends.
fn segments(path: &str) -> Vec<&str> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    path.split('/').collect()
}

fn fits(route: &Route, segments: &[&str]) -> bool {
    let mut wanted = route.path[1..].split('/');
    let mut given = segments.iter();
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some("{*rest}"), Some(_)) => return true,
            (Some(wanted), Some(given)) => {
                let is_param = wanted.starts_with('{');
                if (is_param && given.is_empty()) || (!is_param && wanted != *given) {
                    return false;
                }
            }
            (Some(_), None) | (None, Some(_)) => return false,
        }
    }
}

/// Orders routes that fit the same path: a literal segment beats a parameter, the leftmost difference decides.
fn literals(route: &Route) -> Vec<bool> {
    route.path[1..]
        .split('/')
        .map(|segment| !segment.starts_with('{'))
        .collect()
}

fn params(
    route: &'static Route,
    segments: &[&str],
) -> Result<Vec<(&'static str, String)>, Problem> {
    let names = route.path[1..].split('/').enumerate();
    names
        .filter_map(|(place, name)| {
            let name = name.strip_prefix('{')?.strip_suffix('}')?;
            // The rest keeps its slashes.
            Some(match name.strip_prefix('*') {
                Some(name) => (name, segments.get(place..)?.join("/")),
                None => (name, (*segments.get(place)?).to_owned()),
            })
        })
        .map(|(name, value)| {
            let value = percent_decode_str(&value)
                .decode_utf8()
                .map_err(|_| Problem::bad_request("The path is not UTF-8"))?;
            Ok((name, value.into_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: Method, path: &str) -> String {
        match find(&method, path).unwrap() {
            Found::Route(route, params) => {
                let params: Vec<String> = params
                    .into_iter()
                    .map(|(n, v)| format!("{n}={v}"))
                    .collect();
                format!("{} {}", route.path, params.join(" "))
                    .trim()
                    .to_owned()
            }
            Found::OtherMethods(methods) => methods.join(","),
            Found::Nothing => "nothing".to_owned(),
        }
    }

    #[test]
    fn names_do_not_collide_with_words_of_other_routes() {
        for (method, path, expected) in [
            (Method::GET, "/version/", "/version"),
            (Method::HEAD, "/version", "/version"),
            (Method::DELETE, "/version", "GET"),
            (Method::GET, "/nowhere", "nothing"),
            (Method::GET, "/", "/"),
            (Method::GET, "//version", "nothing"),
            (
                Method::PUT,
                "/pipelines/X/cancel",
                "/pipelines/{id}/cancel id=X",
            ),
            (
                Method::POST,
                "/pipelines/demo/cancel",
                "/pipelines/{application}/{name} application=demo name=cancel",
            ),
            (Method::POST, "/pipelines/start", "/pipelines/start"),
            (Method::GET, "/pipelines/start", "/pipelines/{id} id=start"),
            (
                Method::POST,
                "/pipelines/v2/demo/a%2Fb.json",
                "/pipelines/v2/{application}/{name} application=demo name=a/b.json",
            ),
            (
                Method::PUT,
                "/applications/%7Bapplication%7D/pipelines/X/cancel",
                "/applications/{application}/pipelines/{id}/cancel application={application} id=X",
            ),
            (
                Method::GET,
                "/applications/a.b/pipelineConfigs/gr%C3%B6%C3%9Fe%20%22q%22",
                "/applications/{application}/pipelineConfigs/{name} application=a.b name=größe \"q\"",
            ),
            (Method::GET, "/pipelines//", "nothing"),
        ] {
            assert_eq!(found(method.clone(), path), expected, "{method} {path}");
        }
        assert!(find(&Method::GET, "/pipelines/%FF").is_err());
    }
}
