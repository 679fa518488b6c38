//! The OpenAPI document, made from the table of routes: paths, methods, parameters, what each asks of its caller. What it does
//! not say (the documents themselves are Spinnaker's) it leaves open.

mod answers;

use axum::http::Method;
use serde_json::{Map, Value, json};

use crate::routes::{self, Group, Route};

/// The OpenAPI document of the API, as `GET /v3/api-docs` answers it.
#[must_use]
pub fn document(version: &str) -> Value {
    let mut paths = Map::new();
    let mut tags = Vec::new();
    for group in routes::groups() {
        let built = group.routes.iter().filter(|route| route.is_built());
        let mut is_empty = true;
        for route in built {
            is_empty = false;
            let methods = paths.entry(plain(route.path)).or_insert_with(|| json!({}));
            methods[route.method.as_str().to_lowercase()] = operation(group, route);
        }
        if !is_empty {
            tags.push(json!({"name": group.title}));
        }
    }
    json!({
        "openapi": "3.0.3",
        "info": {
            "title": "Gennaker",
            "version": version,
            "description": "Spinnaker's Gate API, and what Gennaker adds to it.",
        },
        "tags": tags,
        "paths": paths,
        "components": {"schemas": {"Error": {
            "type": "object",
            "required": ["timestamp", "status", "error", "exception", "message"],
            "properties": {
                "timestamp": {"type": "string", "format": "date-time"},
                "status": {"type": "integer"},
                "error": {"type": "string"},
                "exception": {"type": "string"},
                "message": {"type": "string"},
            },
        }}},
    })
}

fn operation(group: &Group, route: &Route) -> Value {
    let of_path = route.params().map(
        |name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}),
    );
    let of_query = route
        .query
        .iter()
        .map(|name| json!({"name": name, "in": "query", "schema": {"type": "string"}}));
    let parameters: Vec<Value> = of_path.chain(of_query).collect();
    let failure = json!({"description": "Failure", "content": {"application/json": {
        "schema": {"$ref": "#/components/schemas/Error"},
    }}});
    let mut operation = json!({
        "operationId": operation_id(route),
        "summary": route.summary,
        "tags": [group.title],
        "description": format!("Needs {}.", route.needs.words()),
        "parameters": parameters,
        "responses": {"2XX": {"description": "Success"}, "default": failure},
    });
    if let Some(schema) = answers::schema(route.path) {
        operation["responses"]["2XX"]["content"] = json!({"application/json": {"schema": schema}});
    }
    if [Method::POST, Method::PUT, Method::PATCH].contains(&route.method) {
        operation["requestBody"] = json!({"content": {"application/json": {"schema": {}}}});
    }
    operation
}

/// A path as OpenAPI writes it, which knows no parameter for several segments.
fn plain(path: &str) -> String {
    path.replace("{*", "{")
}

/// A word for the operation, from its method and path: `getApplicationsPipelineConfigsByApplicationAndName`.
fn operation_id(route: &Route) -> String {
    let mut id = route.method.as_str().to_lowercase();
    let mut by = Vec::new();
    for segment in route.path.split('/').filter(|it| !it.is_empty()) {
        match segment
            .strip_prefix('{')
            .and_then(|it| it.strip_suffix('}'))
        {
            Some(name) => by.push(camel(name.trim_start_matches('*'))),
            None => id.push_str(&camel(segment)),
        }
    }
    if !by.is_empty() {
        id.push_str("By");
        id.push_str(&by.join("And"));
    }
    id
}

/// The letters and digits of a text, each word with a capital.
fn camel(text: &str) -> String {
    text.split(|letter: char| !letter.is_ascii_alphanumeric())
        .map(|word| {
            let (first, rest) = word.split_at(word.len().min(1));
            format!("{}{rest}", first.to_ascii_uppercase())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_built_route_is_described_and_no_other() {
        let document = document("1");
        let mut ids = BTreeSet::new();
        for route in routes::all() {
            let described = document["paths"]
                .get(plain(route.path))
                .and_then(|it| it.get(route.method.as_str().to_lowercase()));
            let row = format!("{} {}", route.method, route.path);
            assert_eq!(described.is_some(), route.is_built(), "{row}");
            let Some(described) = described else { continue };
            assert!(!described["summary"].as_str().unwrap().is_empty(), "{row}");
            let id = described["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "{row}: {id} twice");
            let named: Vec<&str> = described["parameters"]
                .as_array()
                .unwrap()
                .iter()
                .map(|it| it["name"].as_str().unwrap())
                .collect();
            for name in route.params().chain(route.query.iter().copied()) {
                assert!(named.contains(&name), "{row}: {name}");
            }
        }
    }

    #[test]
    fn the_answer_for_pictures_is_described() {
        let document = document("1");
        let content =
            &document["paths"]["/v2/canaries/series/{id}"]["get"]["responses"]["2XX"]["content"];
        let metric = &content["application/json"]["schema"]["properties"]["metrics"]["items"];
        assert_eq!(
            metric["properties"]["control"]["properties"]["values"]["type"],
            "array"
        );
    }

    #[test]
    fn operations_have_readable_names() {
        let id = |path: &str| {
            let route = routes::all().find(|it| it.path == path && it.method == Method::GET);
            operation_id(route.unwrap())
        };
        assert_eq!(id("/version"), "getVersion");
        assert_eq!(
            id("/applications/{application}/pipelineConfigs/{name}"),
            "getApplicationsPipelineConfigsByApplicationAndName"
        );
        assert_eq!(
            id("/plugins/deck/plugin-manifest.json"),
            "getPluginsDeckPluginManifestJson"
        );
    }
}
