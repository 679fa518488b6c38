//! The OpenAPI document, made from the table of routes: paths, methods, parameters. It is modest and true.

use serde_json::{Map, Value, json};

use crate::routes::{Does, ROUTES, Route};

/// The OpenAPI document of the API, as `GET /v3/api-docs` answers it.
#[must_use]
pub fn document(version: &str) -> Value {
    let mut paths = Map::new();
    let built = ROUTES
        .iter()
        .filter(|route| !matches!(route.does, Does::Miss(_)));
    for route in built {
        let methods = paths.entry(route.path).or_insert_with(|| json!({}));
        methods[route.method.as_str().to_lowercase()] = operation(route);
    }
    json!({
        "openapi": "3.0.3",
        "info": {"title": "Gennaker", "version": version},
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

fn operation(route: &Route) -> Value {
    let parameters: Vec<Value> = route
        .path
        .split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
        .collect();
    let failure = json!({"description": "Failure", "content": {"application/json": {
        "schema": {"$ref": "#/components/schemas/Error"},
    }}});
    json!({
        "summary": route.summary,
        "parameters": parameters,
        "responses": {"2XX": {"description": "Success"}, "default": failure},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_route_is_described_and_no_other() {
        let document = document("1");
        for route in ROUTES {
            let described = document["paths"]
                .get(route.path)
                .and_then(|it| it.get(route.method.as_str().to_lowercase()));
            assert_eq!(
                described.is_some(),
                !matches!(route.does, Does::Miss(_)),
                "{} {}",
                route.method,
                route.path
            );
            if let Some(described) = described {
                assert!(
                    !described["summary"].as_str().unwrap().is_empty(),
                    "{}",
                    route.path
                );
            }
        }
    }
}
