//! The first generation: whole expansions.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use serde_json::{Value, json};
use support::{World, first, shown, yaml};

const WAITING: &str = r#"
schema: "1"
id: waiting
metadata: {name: n, description: d, scopes: [global]}
variables:
- {name: waitTime, type: int, defaultValue: 3}
configuration:
  concurrentExecutions: {limitConcurrent: false, maxConcurrentExecutions: 4}
  triggers:
  - {name: nightly, type: cron, cronExpression: "0 0 {{ waitTime }} * * ?"}
  parameters:
  - {name: region, default: "{{ application }}-eu"}
  notifications:
  - {name: mail, type: email, address: "{{ application }}@x.io"}
  expectedArtifacts:
  - {id: image, matchArtifact: {type: docker/image}}
stages:
- {id: one, type: wait, config: {waitTime: "{{ waitTime }}"}}
- {id: two, type: wait, name: "Wait {{ waitTime }}", dependsOn: [one], config: {waitTime: "{{ waitTime * 2 }}"}}
"#;

fn using(key: &str, rest: &str) -> String {
    format!(
        "schema: \"1\"\npipeline: {{application: shop, name: My pipe, template: {{source: 'spinnaker://{key}'}}}}\n{rest}"
    )
}

#[test]
fn a_configuration_becomes_a_plain_pipeline() {
    let world = World::with(&[("waiting", WAITING)]);
    let mut pipeline = world.first(&using("waiting", ""));
    let ids: Vec<Value> = pipeline["stages"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .map(|stage| stage["id"].take())
        .collect();
    assert_ne!(ids[0], ids[1]);
    assert_eq!(ids[0].as_str().unwrap().len(), 36);
    assert_eq!(
        pipeline,
        json!({
            "id": "p-1", "application": "shop", "name": "My pipe",
            "source": {"id": "spinnaker://waiting", "type": "templatedPipeline", "version": "v1"},
            "limitConcurrent": true, "maxConcurrentExecutions": 0, "keepWaitingPipelines": false,
            "notifications": [], "parameterConfig": [], "triggers": [], "expectedArtifacts": [],
            "stages": [
                {"id": null, "refId": "one", "type": "wait", "name": "one", "requisiteStageRefIds": [], "waitTime": 3},
                {"id": null, "refId": "two", "type": "wait", "name": "Wait 3", "requisiteStageRefIds": ["one"], "waitTime": 6},
            ],
        })
    );
    // The same again gives the same, ids included.
    let again = world.first(&using("waiting", ""));
    assert_eq!(again["stages"][0]["id"], ids[0]);
}

#[test]
fn a_pipeline_has_the_names_of_its_own_document() {
    let world = World::with(&[("waiting", WAITING)]);
    let mut config = first("{schema: '1', pipeline: {template: {source: 'spinnaker://waiting'}}}");
    config["application"] = json!("mine");
    config["name"] = json!("Mine");
    let pipeline = world.pipeline(&config);
    assert_eq!(
        (&pipeline["application"], &pipeline["name"], &pipeline["id"]),
        (&json!("mine"), &json!("Mine"), &json!("p-1"))
    );
}

#[test]
fn a_configuration_inherits_what_it_names() {
    let world = World::with(&[("waiting", WAITING)]);
    let config = using(
        "waiting",
        r#"
configuration:
  inherit: [triggers, parameters, notifications, expectedArtifacts, concurrentExecutions]
  triggers: [{name: nightly, enabled: false, merge: true}, {name: hook, type: webhook}]
  parameters: [{name: region, remove: true}, {name: size, default: 1}]
  notifications: [{name: mail, type: sms}]
  expectedArtifacts: [{id: image, displayName: mine}, {id: other}]
"#,
    );
    let pipeline = world.first(&config);
    let picked = |key: &str| pipeline[key].clone();
    assert_eq!(
        picked("triggers"),
        json!([{"name": "nightly", "type": "cron", "cronExpression": "0 0 3 * * ?", "enabled": false},
               {"name": "hook", "type": "webhook"}])
    );
    assert_eq!(
        picked("parameterConfig"),
        json!([{"name": "size", "default": 1}])
    );
    assert_eq!(
        picked("notifications"),
        json!([{"name": "mail", "type": "sms"}])
    );
    assert_eq!(
        picked("expectedArtifacts"),
        json!([{"id": "image", "displayName": "mine"}, {"id": "other"}])
    );
    assert_eq!(
        (picked("limitConcurrent"), picked("maxConcurrentExecutions")),
        (json!(false), json!(4))
    );
}

#[test]
fn the_request_says_how_many_may_run_and_who_is_told() {
    let world = World::with(&[("waiting", WAITING)]);
    let mut config = first(&using(
        "waiting",
        "configuration: {notifications: [{name: a, type: x}]}",
    ));
    config["limitConcurrent"] = json!(false);
    config["keepWaitingPipelines"] = json!(true);
    config["notifications"] = json!([{"name": "a", "type": "x"}, {"type": "slack"}]);
    config["expectedArtifacts"] = json!([{"id": "sent"}]);
    let pipeline = world.pipeline(&config);
    assert_eq!(
        (
            &pipeline["limitConcurrent"],
            &pipeline["keepWaitingPipelines"]
        ),
        (&json!(false), &json!(true))
    );
    assert_eq!(
        pipeline["notifications"],
        json!([{"name": "a", "type": "x"}, {"type": "slack"}]),
        "what Orca has stored twice is told once"
    );
    assert_eq!(pipeline["expectedArtifacts"], json!([{"id": "sent"}]));
}

#[test]
fn templates_are_made_from_templates() {
    let root = r#"
schema: "1"
id: root
variables: [{name: t, type: int, description: time}, {name: gone}]
configuration: {parameters: [{name: p, default: 1}], concurrentExecutions: {a: 1}}
stages:
- {id: one, type: wait, config: {waitTime: "{{ t }}", kept: root}}
- {id: two, type: wait, dependsOn: [one], config: {}}
modules: [{id: m, definition: root}]
"#;
    let child = r#"
schema: "1"
id: child
source: spinnaker://root
variables: [{name: t, defaultValue: 9, merge: true}, {name: gone, remove: true}]
configuration: {parameters: [{name: q}], concurrentExecutions: {limitConcurrent: false}}
stages:
- {id: one, type: noop, config: {kept: child, from: "{% module m %}"}}
- {id: three, type: wait, dependsOn: [one], config: {waitTime: "{{ t }}"}}
"#;
    let grandchild = "{schema: '1', id: grandchild, source: 'spinnaker://child', modules: [{id: m, definition: grandchild}]}";
    let world = World::with(&[("root", root), ("child", child), ("grandchild", grandchild)]);
    let config = using(
        "grandchild",
        "configuration: {inherit: [parameters, concurrentExecutions]}",
    );
    let pipeline = world.first(&config);
    assert_eq!(
        shown(&pipeline),
        [
            "one< noop {\"kept\":\"child\",\"from\":\"grandchild\"}",
            "two<one wait {}",
            "three<one wait {\"waitTime\":9}",
        ]
    );
    assert_eq!(
        pipeline["source"]["id"],
        "spinnaker://root,spinnaker://child"
    );
    assert_eq!(
        pipeline["parameterConfig"],
        json!([{"name": "p", "default": 1}, {"name": "q"}])
    );
    assert_eq!(pipeline["limitConcurrent"], false);
}

#[test]
fn a_source_may_depend_on_what_started_it() {
    let world = World::with(&[("waiting", WAITING), ("b.json", WAITING)])
        .triggered(json!({"parameters": {"which": "waiting"}}));
    let pipeline = world.first(&using("{{ trigger.parameters.which }}", ""));
    assert_eq!(pipeline["source"]["id"], "spinnaker://waiting");
    let remote = r#"
schema: "1"
pipeline: {application: shop, template: {source: "https://x.io/a/b.json"}}
"#;
    assert_eq!(world.first(remote)["name"], "Unnamed Execution");
}

#[test]
fn modules_fill_configurations() {
    let template = r#"
schema: "1"
id: t
variables: [{name: regions, type: list}, {name: shared, defaultValue: s}]
stages:
- id: deploy
  type: deploy
  config:
    clusters: |
      {% for region in regions %}
      - {% module cluster region=region, size=2 %}
      {% endfor %}
- {id: whole, type: wait, dependsOn: [deploy], config: "{% module wait %}"}
modules:
- {id: cluster, variables: [{name: region}, {name: size, defaultValue: 1}, {name: stack, defaultValue: main}],
   definition: {region: "{{ region }}", size: "{{ size }}", stack: "{{ stack }}", shared: "{{ shared }}"}}
- {id: wait, definition: {waitTime: 5}}
"#;
    let world = World::with(&[("t", template)]);
    let config = r#"
schema: "1"
pipeline: {application: shop, template: {source: spinnaker://t}, variables: {regions: [eu, us]}}
modules: [{id: wait, definition: {waitTime: 10}}]
"#;
    let cluster = |region: &str| {
        format!("{{\"region\":\"{region}\",\"size\":2,\"stack\":\"main\",\"shared\":\"s\"}}")
    };
    assert_eq!(
        shown(&world.first(config)),
        [
            format!(
                "deploy< deploy {{\"clusters\":[{},{}]}}",
                cluster("eu"),
                cluster("us")
            ),
            "whole<deploy wait {\"waitTime\":10}".to_owned(),
        ]
    );
}

#[test]
fn partials_stand_for_several_stages() {
    let template = r#"
schema: "1"
id: t
stages:
- {id: begin, type: wait, config: {waitTime: 1}}
- {id: chrome, type: partial.build, name: Chrome, dependsOn: [begin], config: {target: chrome}}
- {id: firefox, type: partial.build, dependsOn: [begin], config: {target: firefox}}
- {id: end, type: wait, dependsOn: [chrome, firefox], config: {waitTime: 1}}
partials:
- id: build
  name: Build a browser
  variables: [{name: target}, {name: mode, defaultValue: fast}]
  stages:
  - {id: make, type: jenkins, name: "Build {{ target }}", config: {job: "{{ target }}-{{ mode }}"}}
  - {id: check, type: jenkins, dependsOn: [make], config: {job: check}}
  - {id: skip, type: wait, dependsOn: [make], config: {}, when: ["{{ target == 'firefox' }}"]}
"#;
    let world = World::with(&[("t", template)]);
    let pipeline = world.first(&using("t", ""));
    let mut lines = shown(&pipeline);
    lines.sort();
    assert_eq!(
        lines,
        [
            "begin< wait {\"waitTime\":1}",
            "chrome.check<chrome.make jenkins {\"name\":\"check\",\"group\":\"Build a browser: Chrome\",\"job\":\"check\"}",
            "chrome.make<begin jenkins {\"name\":\"Build chrome\",\"group\":\"Build a browser: Chrome\",\"job\":\"chrome-fast\"}",
            "end<chrome.check,firefox.check,firefox.skip,chrome.make wait {\"waitTime\":1}",
            "firefox.check<firefox.make jenkins {\"name\":\"check\",\"group\":\"Build a browser: firefox\",\"job\":\"check\"}",
            "firefox.make<begin jenkins {\"name\":\"Build firefox\",\"group\":\"Build a browser: firefox\",\"job\":\"firefox-fast\"}",
            "firefox.skip<firefox.make wait {\"name\":\"skip\",\"group\":\"Build a browser: firefox\"}",
        ]
    );
}

#[test]
fn loops_make_a_stage_for_each_element() {
    let template = r#"
schema: "1"
id: t
variables: [{name: times, type: list}]
stages:
- {id: begin, type: wait, config: {}}
- {id: each, type: wait, dependsOn: [begin], loopWith: "{{ times }}", config: {waitTime: "{{ templateLoop.value }}"}}
- {id: "named-{{ templateLoop.value }}", type: wait, name: "N {{ templateLoop.value }}", dependsOn: [each], loopWith: "{{ times }}", config: {}}
- {id: part, type: partial.p, dependsOn: [begin], loopWith: "{{ times }}", config: {t: "{{ templateLoop.value }}"}}
- {id: none, type: wait, dependsOn: [begin], loopWith: "[]", config: {}}
- {id: end, type: wait, dependsOn: [part, none], config: {}}
partials:
- {id: p, stages: [{id: w, type: wait, config: {waitTime: "{{ t }}"}}]}
"#;
    let world = World::with(&[("t", template)]);
    let config = r#"
schema: "1"
pipeline: {application: shop, template: {source: spinnaker://t}, variables: {times: [5, 6]}}
stages: [{id: mine, type: wait, dependsOn: [end], loopWith: "{{ times }}", config: {waitTime: "{{ templateLoop.value }}"}}]
"#;
    let mut lines = shown(&world.first(config));
    lines.sort();
    assert_eq!(
        lines,
        [
            "begin< wait {}",
            "each0<begin wait {\"waitTime\":5}",
            "each1<begin wait {\"waitTime\":6}",
            "end<begin,part0.w,part1.w wait {}",
            "mine0<end wait {\"waitTime\":5}",
            "mine1<end wait {\"waitTime\":6}",
            "named-5<each0,each1 wait {\"name\":\"N 5\"}",
            "named-6<each0,each1 wait {\"name\":\"N 6\"}",
            "part0.w<begin wait {\"name\":\"w\",\"group\":\"p: part0\",\"waitTime\":5}",
            "part1.w<begin wait {\"name\":\"w\",\"group\":\"p: part1\",\"waitTime\":6}",
        ]
    );
}

#[test]
fn a_configuration_replaces_and_injects_stages() {
    let world = World::with(&[("waiting", WAITING)]);
    let config = using(
        "waiting",
        r#"
stages:
- {id: one, type: noop, config: {replaced: true}}
- {id: first, type: wait, inject: {first: true}, config: {}}
- {id: last, type: wait, inject: {last: true}, config: {}}
- {id: between, type: wait, inject: {before: [two]}, config: {}}
- {id: beside, type: wait, dependsOn: [one], config: {}}
"#,
    );
    let mut lines = shown(&world.first(&config));
    lines.sort();
    assert_eq!(
        lines,
        [
            "beside<one wait {}",
            "between<one wait {}",
            "first< wait {}",
            "last<beside,two wait {}",
            "one<first noop {\"replaced\":true}",
            "two<between wait {\"name\":\"Wait 3\",\"waitTime\":6}",
        ]
    );
}

#[test]
fn a_stage_whose_condition_does_not_hold_is_bridged() {
    let template = r#"
schema: "1"
id: t
variables: [{name: extra, defaultValue: false}]
stages:
- {id: a, type: wait, config: {}}
- {id: b, type: wait, dependsOn: [a], when: ["{{ extra }}", "true"], config: {}}
- {id: c, type: wait, dependsOn: [b], when: ["{{ extra }}"], config: {}}
- {id: d, type: wait, dependsOn: [c], when: ["{{ not extra }}", "{{ trigger.type == 'manual' }}"], config: {}}
- {id: e, type: wait, dependsOn: [b, d], config: {}}
"#;
    let world = World::with(&[("t", template)]).triggered(json!({"type": "manual"}));
    assert_eq!(
        shown(&world.first(&using("t", ""))),
        ["a< wait {}", "d<a wait {}", "e<d,a wait {}"]
    );
}

#[test]
fn a_child_changes_what_it_inherits_by_path() {
    let template = r#"
schema: "1"
id: t
stages:
- id: a
  type: deploy
  config: {list: [1], map: {x: 1}, text: t, gone: 1}
  inheritanceControl:
    merge: [{path: $.list, value: [2]}, {path: $.map, value: {y: 2}}]
    replace: [{path: $.text, value: u}]
    remove: [{path: $.gone}]
"#;
    let world = World::with(&[("t", template)]);
    assert_eq!(
        shown(&world.first(&using("t", ""))),
        ["a< deploy {\"list\":[1,2],\"map\":{\"x\":1,\"y\":2},\"text\":\"u\"}"]
    );
}

#[test]
fn a_whole_list_of_stages_may_be_one_text() {
    let template = r#"
schema: "1"
id: t
variables: [{name: clusters, type: list, defaultValue: [a, b]}]
stages: |
  - {id: wait, type: wait, config: {waitTime: 5}}
  {%- for cluster in clusters %}
  - id: deploy-{{ cluster }}
    type: deployManifest
    dependsOn: [wait]
    config: {account: "{{ cluster }}", app: "${ execution['application'] }"}
  {%- endfor %}
"#;
    let world = World::with(&[("t", template)]);
    let mut lines = shown(&world.first(&using("t", "")));
    lines.sort();
    assert_eq!(
        lines,
        [
            "deploy-a<wait deployManifest {\"account\":\"a\",\"app\":\"${ execution['application'] }\"}",
            "deploy-b<wait deployManifest {\"account\":\"b\",\"app\":\"${ execution['application'] }\"}",
            "wait< wait {\"waitTime\":5}",
        ]
    );
}

#[test]
fn rendered_texts_become_what_yaml_makes_of_them() {
    let template = r#"
schema: "1"
id: t
variables:
- {name: n, defaultValue: 5}
- {name: list, defaultValue: [a, b]}
- {name: map, defaultValue: {k: v}}
- {name: derived, defaultValue: "{{ n }}0"}
- {name: nothing, nullable: true}
stages:
- id: a
  type: x
  config:
    number: "{{ n }}"
    text: "noexpand:{{ n }}"
    list: "{{ list }}"
    json: "{{ map|tojson }}"
    derived: "{{ derived }}"
    spel: "${ parameters.x + '{{ n }}' }"
    empty: ""
    nothing: "{{ nothing }}"
    pipe: "{% pipelineid name='Child' %}"
    key-{{ n }}: "yes"
    multi: "a: {{ n }}\nb: [1, {{ n }}]"
    plain: 5
"#;
    let world = World::with(&[("t", template)]);
    let pipeline = world.first(&using("t", ""));
    let mut config = support::map(pipeline["stages"][0].clone());
    for key in ["id", "refId", "type", "name", "requisiteStageRefIds"] {
        config.shift_remove(key);
    }
    assert_eq!(
        Value::Object(config),
        json!({"number": 5, "text": "5", "list": ["a", "b"], "json": {"k": "v"}, "derived": 50,
               "spel": "${ parameters.x + '5' }", "empty": null, "nothing": null, "pipe": "child-id", "key-5": "yes",
               "multi": {"a": 5, "b": [1, 5]}, "plain": 5})
    );
}

#[test]
fn a_plan_may_bring_its_template() {
    let mut config = json!({"type": "templatedPipeline", "config": {"schema": "1", "pipeline": {"application": "shop"}},
                            "template": yaml(WAITING)});
    let world = World::default().planning();
    let pipeline = world.pipeline(&config);
    assert_eq!(shown(&pipeline).len(), 2);
    assert_eq!(pipeline["id"], "unknown");
    assert!(pipeline.get("source").is_none());
    config["config"]["pipeline"]["pipelineConfigId"] = json!("c-1");
    assert_eq!(world.pipeline(&config)["id"], "c-1");
}

#[test]
fn what_others_see_of_it_needs_no_stages() {
    let world = World::with(&[("waiting", WAITING)]);
    let config = first(&using(
        "waiting",
        r#"
configuration:
  inherit: [triggers, parameters, concurrentExecutions]
  triggers: [{name: hook, type: webhook, source: "{{ application }}"}]
  notifications: [{name: own, type: slack}]
stages: [{id: broken, type: "{{ gone }}"}]
"#,
    ));
    let surface = world.surface(&config);
    assert_eq!(
        surface["triggers"],
        json!([{"name": "nightly", "type": "cron", "cronExpression": "0 0 3 * * ?"},
               {"name": "hook", "type": "webhook", "source": "shop"}])
    );
    assert_eq!(
        surface["parameterConfig"],
        json!([{"name": "region", "default": "shop-eu"}])
    );
    assert_eq!(
        surface["notifications"],
        json!([{"name": "own", "type": "slack"}])
    );
    assert_eq!(surface["limitConcurrent"], false);
    assert_eq!(
        surface["config"], config["config"],
        "the rest is as it was written"
    );
    assert_eq!(surface["type"], "templatedPipeline");
}
