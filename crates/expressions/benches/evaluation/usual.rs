//! The usual: a pipeline of 30 stages, and a stage context with 200 texts of which 40 hold an expression.

use gennaker_model::Execution;
use serde_json::{Map, Value, json};

use crate::Row;

const EXPRESSIONS: [&str; 20] = [
    "${parameters.env}",
    "${parameters[\"version\"] ?: \"latest\"}",
    "registry.example.com/shop/web:${trigger.buildInfo.number}",
    "${trigger.buildInfo.scm[0].branch}",
    "${trigger[\"artifacts\"].?[type == \"docker/image\"][0].reference}",
    "${#stage(\"Stage 3\")[\"outputs\"][\"image\"]}",
    "${#stage(\"Stage 4\").status == \"SUCCEEDED\"}",
    "${execution.stages.?[type == \"wait\"].![name]}",
    "${execution.id}",
    "${#toInt(parameters.replicas) * 2}",
    "${image17}",
    "${new java.text.SimpleDateFormat(\"yyyyMMddHHmm\").format(new java.util.Date())}",
    "${parameters.env == 'prod' ? 'shop-prod' : 'shop-test'}-${parameters.region}",
    "${trigger.payload.repository.name.toUpperCase().replaceAll('[^A-Z]', '-')}",
    "${#toJson(parameters)}",
    "${deploy.replicas > 3 && parameters.env != 'test'}",
    "${labels.?[#this.length() > 4]}",
    "${T(java.time.Instant).now().toEpochMilli()}",
    "${missing ?: 'default'}",
    "${execution[\"authentication\"][\"user\"]}",
];

pub fn row() -> Row {
    Row {
        name: "usual: 30 stages, 200 texts, 40 expressions".to_owned(),
        execution: execution(30),
        stage: 29,
        document: context(true),
    }
}

pub fn without_expressions() -> Value {
    context(false)
}

/// A pipeline whose stages follow one another.
pub fn execution(stages: usize) -> Execution {
    let stages: Vec<Value> = (0..stages)
        .map(|at| {
            let requires = if at == 0 { json!([]) } else { json!([at.to_string()]) };
            let mut outputs = Map::new();
            outputs.insert(format!("image{at}"), json!(format!("web-{at}")));
            outputs.insert("image".to_owned(), json!("web"));
            json!({
                "id": format!("S{at}"), "refId": (at + 1).to_string(), "type": if at % 3 == 0 { "wait" } else { "webhook" },
                "name": format!("Stage {at}"), "status": "SUCCEEDED", "requisiteStageRefIds": requires, "tasks": [],
                "context": {"account": "prod", "region": "eu", "waitTime": at}, "outputs": outputs
            })
        })
        .collect();
    let document = json!({
        "type": "PIPELINE", "id": "01JUSUAL", "application": "shop", "name": "Deploy", "status": "RUNNING",
        "buildTime": 1_735_689_600_000_i64, "authentication": {"user": "ann@example.com"}, "spelEvaluator": "v4",
        "trigger": {
            "type": "jenkins", "user": "ann@example.com",
            "parameters": {"env": "prod", "replicas": "3", "region": "eu", "version": "", "team": "shop"},
            "buildInfo": {"number": 17, "scm": [{"name": "git", "branch": "main", "sha1": "aaa"}]},
            "payload": {"repository": {"name": "shop-web"}},
            "artifacts": [{"type": "docker/image", "name": "web", "reference": "registry/web:17"}]
        },
        "stages": stages
    });
    serde_json::from_value(document).unwrap()
}

fn context(with_expressions: bool) -> Value {
    let mut groups = Map::new();
    for group in 0..10 {
        let mut fields = Map::new();
        for at in 0..20 {
            let text = match at % 5 {
                0 if with_expressions => EXPRESSIONS[(group * 4 + at / 5) % 20].to_owned(),
                _ => {
                    format!("a usual text number {at} of group {group}, as long as such texts are")
                }
            };
            fields.insert(format!("field{at}"), json!(text));
        }
        groups.insert(format!("group{group}"), Value::Object(fields));
    }
    groups.insert("deploy".to_owned(), json!({"replicas": 5}));
    groups.insert("labels".to_owned(), json!(["a", "longer"]));
    Value::Object(groups)
}
