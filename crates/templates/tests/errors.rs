//! What is wrong, with Orca's words and shape.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use serde_json::{Value, json};
use support::{World, first};

fn using(rest: &str) -> String {
    format!(
        "schema: \"1\"\npipeline: {{application: shop, template: {{source: 'spinnaker://t'}}}}\n{rest}"
    )
}

fn template(rest: &str) -> String {
    format!("schema: \"1\"\nid: t\n{rest}")
}

fn told(template: &str, config: &str) -> Value {
    let world = World::with(&[("t", template)]);
    world.wrong(config).iter().map(|it| it.to_value()).collect()
}

/// One problem of a template that a bare configuration uses.
fn one(rest: &str) -> Value {
    told(&template(rest), &using(""))[0].clone()
}

fn malformed(cause: &str) -> Value {
    json!({"severity": "FATAL", "message": "malformed template configuration", "cause": cause})
}

fn loading(cause: &str) -> Value {
    json!({"severity": "FATAL", "message": "failed loading template", "cause": cause})
}

#[test]
fn an_unknown_schema_is_refused() {
    for (schema, shown) in [("\"0.1\"", "0.1"), ("v3", "v3"), ("2", "2")] {
        let config = format!("schema: {schema}\npipeline: {{application: shop}}");
        assert_eq!(
            told("{}", &config),
            json!([{"severity": "FATAL", "message": format!("unexpected schema version '{shown}'")}])
        );
    }
    let bare = json!({"type": "templatedPipeline"});
    assert_eq!(
        World::default().problems(&bare)[0].message,
        "unexpected schema version 'null'"
    );
}

#[test]
fn stages_must_say_what_they_are() {
    let stages = r#"
stages:
- {id: good, type: wait, config: {}}
- {type: wait, config: {}}
- {id: one, config: {}}
- {id: two, type: wait}
- {id: three, type: wait, config: {}, dependsOn: [good], inject: {before: [two]}}
- {id: four, type: wait, config: {}, inject: {after: [two], before: [two]}}
"#;
    let fatal = |message: &str, place: &str| json!({"severity": "FATAL", "message": message, "location": format!("template:stages{place}")});
    assert_eq!(
        told(&template(stages), &using("")),
        json!([
            fatal("Stage ID is unset", ""),
            fatal("Stage is missing type", ".one"),
            fatal("Stage configuration is unset", ".two"),
            fatal(
                "A stage cannot have both dependsOn and an inject rule defined simultaneously",
                ".three"
            ),
            fatal("A stage cannot have multiple inject rules defined", ".four"),
        ])
    );
}

#[test]
fn a_configuration_must_name_its_application() {
    let config = "schema: \"1\"\npipeline: {template: {source: 'spinnaker://t'}}";
    assert_eq!(
        told(&template(""), config),
        json!([{"severity": "FATAL", "message": "Missing 'application' pipeline configuration",
                "location": "configuration:pipeline.application"}])
    );
    let none = "schema: \"1\"\npipeline: {application: shop}";
    assert_eq!(
        told("{}", none)[0]["message"],
        "template schema version is unsupported: expected '1', got 'null'"
    );
}

#[test]
fn a_stage_that_is_placed_nowhere_is_a_warning() {
    let config = using("stages: [{id: lost, type: wait, config: {}}]");
    let world = World::with(&[("t", &template("stages: [{id: a, type: wait, config: {}}]"))]);
    assert_eq!(world.first(&config)["stages"].as_array().unwrap().len(), 1);
    let problems = world.planning().wrong(&config);
    assert_eq!(
        problems[0].to_value(),
        json!({"severity": "WARN", "location": "configuration:stages.lost",
               "message": "A configuration-defined stage should have either dependsOn or an inject rule defined"})
    );
}

#[test]
fn a_protected_template_keeps_its_stages() {
    let config = using("stages: [{id: mine, type: wait, dependsOn: [a], config: {}}]");
    assert_eq!(
        told(&template("protect: true"), &config),
        json!([{"severity": "FATAL", "cause": "The template being used has marked itself as protected",
                "message": "Modification of the stage graph (adding, removing, editing) is disallowed"}])
    );
}

#[test]
fn variables_must_be_there_and_of_their_type() {
    let missing = "variables: [{name: a}, {name: b}, {name: c, nullable: true}]";
    assert_eq!(
        one(missing),
        malformed(
            "[Pipeline Config: application='shop', id='p-1'] Missing variable values for: a, b"
        )
    );
    let typed = template("variables: [{name: waitTime, type: int}]");
    let config = "schema: '1'\npipeline: {application: shop, template: {source: 'spinnaker://t'}, variables: {waitTime: HELLO}}";
    assert_eq!(
        told(&typed, config),
        json!([malformed(
            "[Pipeline Config: application='shop', id='p-1'] Incorrectly defined variable(s): waitTime (expected type 'int' found type 'String')"
        )])
    );
}

#[test]
fn a_template_must_be_had() {
    let world = World::with(&[
        (
            "loop",
            "{schema: '1', id: loop, source: 'spinnaker://pool'}",
        ),
        (
            "pool",
            "{schema: '1', id: pool, source: 'spinnaker://loop'}",
        ),
        ("shape", "{schema: '1', id: shape, stages: {a: 1}}"),
        (
            "deep",
            "{schema: '1', id: deep, stages: [{id: a, type: b, config: {}, dependsOn: a}]}",
        ),
    ]);
    for (source, cause) in [
        ("spinnaker://gone", "Pipeline template not found (id: gone)"),
        (
            "spinnaker://loop",
            "Illegal cycle detected loading pipeline template 'spinnaker://pool'",
        ),
        ("ftp://x/y", "No TemplateSchemeLoader found for 'ftp'"),
        ("nonsense", "No TemplateSchemeLoader found for 'nonsense'"),
        ("https://x.io/gone.yml", "404 at https://x.io/gone.yml"),
        (
            "file:///templates/gone.yml",
            "404 at file:///templates/gone.yml",
        ),
        ("spinnaker://shape", "stages must be a list of objects"),
        (
            "spinnaker://deep",
            "stages[0].dependsOn must be a list of texts",
        ),
    ] {
        let config = format!(
            "{{schema: '1', pipeline: {{application: shop, template: {{source: '{source}'}}}}}}"
        );
        let problems = world.wrong(&config);
        assert_eq!(problems[0].to_value(), loading(cause), "{source}");
    }
}

#[test]
fn a_text_that_cannot_be_rendered_says_where_it_stands() {
    let nested = |location: &str| {
        json!([{"severity": "FATAL", "message": "UnknownTokenException: Unknown token found: gone",
        "location": location, "details": {"lineno": "1", "reason": "SYNTAX_ERROR"}}])
    };
    let stage = |text: &str| one(&format!("stages: [{{id: a, type: wait, {text}}}]"));
    assert_eq!(
        stage("config: {x: '{{ gone }}'}"),
        json!({"severity": "FATAL", "message": "Failed rendering stage", "location": "template:stages.a",
               "nestedErrors": nested("template:stages.a")})
    );
    assert_eq!(
        stage("config: {}, name: '{{ gone }}'"),
        json!({"severity": "FATAL", "message": "Failed rendering stage property", "location": "template:stages.a.name",
               "nestedErrors": nested("template:stages.a")})
    );
    assert_eq!(
        stage("config: 'text'"),
        json!({"severity": "FATAL", "message": "A stage's rendered config must be a map", "cause": "Received type String",
               "location": "template:stages.a"})
    );
    assert_eq!(
        stage("config: {}, loopWith: '{{ gone }}'")["message"],
        "Failed rendering loopWith value"
    );
    assert_eq!(
        stage("config: {}, loopWith: 'word'"),
        json!({"severity": "FATAL", "message": "Rendered loopWith value must be a list", "cause": "Received type String",
               "location": "template:stages.a"})
    );
    let config = using("configuration: {triggers: [{name: t, x: '{{ gone }}'}]}");
    assert_eq!(
        told(&template(""), &config)[0],
        json!({"severity": "FATAL", "message": "Failed rendering configuration property",
               "location": "configuration:configuration.triggers", "nestedErrors": nested("")})
    );
}

#[test]
fn partials_and_modules_must_exist() {
    assert_eq!(
        one("stages: [{id: a, type: partial.gone, config: {}}]"),
        json!({"severity": "FATAL", "message": "Unable to find Partial by ID: gone", "location": "template:stages.a"})
    );
    assert_eq!(
        one(
            "stages: [{id: a, type: partial.p, config: {}}]\npartials: [{id: p, stages: [{id: b, type: partial.p, config: {}}]}]"
        ),
        json!({"severity": "FATAL", "message": "Recursive partials support is not currently implemented",
               "location": "partial:p"})
    );
    let module = one("stages: [{id: a, type: wait, config: {x: '{% module gone %}'}}]");
    assert_eq!(
        module.pointer("/nestedErrors/0/nestedErrors/0/cause"),
        Some(&json!("Module does not exist by ID: gone"))
    );
}

#[test]
fn a_graph_must_have_an_order() {
    for (stages, cause) in [
        (
            "stages: [{id: a, type: w, config: {}, dependsOn: [b]}, {id: b, type: w, config: {}, dependsOn: [a]}]",
            "Cycle detected in graph (discovered on stage: b)",
        ),
        (
            "stages: [{id: a, type: w, config: {}}, {id: a, type: w, config: {}}]",
            "more than one stage has the id 'a'",
        ),
        (
            "stages: [{id: a, type: w, config: {}, inject: {after: [z]}}]",
            "could not inject 'a' stage: unknown target stage id 'z'",
        ),
    ] {
        assert_eq!(one(stages), malformed(cause), "{stages}");
    }
}

#[test]
fn too_much_is_refused() {
    let loops = "variables: [{name: n, defaultValue: '{{ range(1000) }}'}]\nstages: [{id: a, type: w, config: {}, loopWith: '{{ n + n + n }}'}]";
    assert_eq!(
        one(loops),
        malformed("loops and partials make more than 2000 stages (at stage 'a')")
    );
    let endless = "stages: [{id: a, type: w, config: {x: '{% module m %}'}}]\nmodules: [{id: m, definition: '{% module m %}'}]";
    assert_eq!(one(endless), {
        let mut problem = malformed("modules name each other deeper than 10");
        problem["location"] = json!("module:m");
        problem
    });
    let work = "stages: [{id: a, type: w, config: {x: '{% for i in range(1000) %}{% for j in range(1000) %}{% for k in range(9) %}x{% endfor %}{% endfor %}{% endfor %}'}}]";
    assert_eq!(one(work)["message"], "unexpected error");
}

#[test]
fn the_second_generation_says_the_same() {
    let pipeline = |reference: &str, more: Value| {
        let mut config = json!({"schema": "v2", "application": "shop", "name": "p", "template": {"reference": reference}});
        config
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().cloned().unwrap());
        config
    };
    let world = World::with(&[
        (
            "t",
            "{schema: v2, id: t, protect: true, variables: [{name: a, type: int}], pipeline: {stages: [{refId: '1', type: w}]}}",
        ),
        ("old", "{schema: '1', id: old}"),
        (
            "free",
            "{schema: v2, id: free, pipeline: {stages: [{refId: '1', type: w}]}}",
        ),
    ]);
    let first = |config: &Value| world.problems(config)[0].to_value();
    assert_eq!(
        first(&pipeline("spinnaker://gone", json!({}))),
        loading("Pipeline template not found (id: gone)")
    );
    assert_eq!(
        first(&pipeline("spinnaker://t", json!({}))),
        malformed("[Pipeline Config: application='shop', name='p'] Missing variable values for: a")
    );
    assert_eq!(
        first(&pipeline("spinnaker://t", json!({"variables": {"a": "x"}}))),
        malformed(
            "[Pipeline Config: application='shop', name='p'] Incorrectly defined variable(s): a (expected type 'int' found type 'String')"
        )
    );
    assert_eq!(
        first(&pipeline(
            "spinnaker://t",
            json!({"variables": {"a": 1}, "stages": [{"refId": "1"}]})
        ))["message"],
        "Modification of the stage graph (adding, removing, editing) is disallowed"
    );
    assert_eq!(
        first(&pipeline("spinnaker://old", json!({})))["message"],
        "template schema version is unsupported: expected 'v2', got '1'"
    );
    assert_eq!(
        first(&pipeline(
            "spinnaker://free",
            json!({"stages": [{"refId": "2", "inject": {"before": ["9"]}}]})
        )),
        malformed("could not inject '2' stage: unknown target stage id '9'")
    );
    assert_eq!(
        first(&pipeline("https://x.io/gone.json", json!({})))["message"],
        "failed loading template"
    );
    assert_eq!(
        first(&pipeline("gs://bucket/t.json", json!({})))["message"],
        "unexpected error"
    );
}

#[test]
fn documents_of_the_wrong_shape_are_told() {
    for (config, cause) in [
        (
            json!({"schema": "1", "pipeline": 1}),
            "pipeline must be an object",
        ),
        (
            json!({"schema": "1", "pipeline": {"application": []}}),
            "pipeline.application must be a text",
        ),
        (
            json!({"schema": "1", "configuration": {"inherit": "x"}}),
            "configuration.inherit must be a list of texts",
        ),
        (
            json!({"schema": "1", "stages": [1]}),
            "stages must be a list of objects",
        ),
    ] {
        let mut pipeline = first("{}");
        pipeline["config"] = config;
        assert_eq!(
            World::default().problems(&pipeline)[0].to_value(),
            malformed(cause)
        );
    }
}
