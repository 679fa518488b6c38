//! The demo's documents: the application and its two pipelines.
//!
//! `release` is one line of stages, whatever it works with: build, test, check, a person, prod. What differs is who builds and where
//! it goes; every stage after the build has the tag from `${tag}`, which is an output of the build.

use serde_json::{Value, json};

/// The application.
pub(super) const APPLICATION: &str = "demo";
/// The pipeline from a commit to prod.
pub(super) const RELEASE: &str = "release";
/// The pipeline that its success starts.
pub(super) const AFTER_RELEASE: &str = "after-release";
/// The repository whose pushes start it.
pub(super) const REPOSITORY: [&str; 2] = ["acme", "shop"];
/// The namespace that it makes in a cluster, and deploys to.
pub(super) const NAMESPACE: &str = "gennaker-demo";
/// The stage that builds.
pub(super) const BUILD: &str = "Build";
/// The stage that waits for a person.
pub(super) const QUESTION: &str = "Release?";
/// Choices of its judgement; the first is taken without a person.
pub(super) const CHOICES: [&str; 2] = ["prod", "rollback"];

/// An image that exists, for clusters with real nodes, and one of its tags.
const REAL_IMAGE: (&str, &str) = ("docker.io/library/nginx", "1.28");
/// The image of the shop, for everything else.
const IMAGE: &str = "registry.example.com/acme/shop";
/// The master and the job of the Jenkins that stands beside the demo.
const JENKINS: (&str, &str) = ("jenkins", "shop");
/// Who is asked: a mail address, and a channel of Slack.
const PEOPLE: (&str, &str) = ("ops@example.com", "#releases");

/// The commit as short as people write it. Who starts the pipeline by hand brings none.
const COMMIT: &str = "${ (trigger['hash'] ?: 'by-hand').substring(0, 7) }";
/// In `after-release`: what `release` has built.
const BUILT: &str =
    "${ trigger['parentExecution']['stages'].?[name == 'Build'][0]['outputs']['tag'] }";

/// What the pipelines work with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pipelines<'a> {
    pub(super) target: Target<'a>,
    /// Whether a Jenkins builds and people get mail and messages; the cluster is a simulated one then.
    pub(super) has_surroundings: bool,
}

/// Where releases go.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target<'a> {
    /// A service that pretends; its address.
    Service(&'a str),
    /// A cluster; its account.
    Account(&'a str),
}

/// The task that makes the application, as Deck does it.
pub(super) fn application() -> Value {
    let application =
        json!({"name": APPLICATION, "email": "demo@example.com", "description": "Gennaker's demo"});
    json!({
        "application": APPLICATION,
        "description": format!("Create Application: {APPLICATION}"),
        "job": [{"type": "createApplication", "application": application, "user": "demo"}],
    })
}

impl Pipelines<'_> {
    /// The pipeline from a commit to prod; pushes that are signed with the secret start it.
    pub(super) fn release(self, secret: &str) -> Value {
        let [project, slug] = REPOSITORY;
        let mut stages = vec![self.build(), self.deploy("2", "1", "test")];
        // A deployment that is pretended has to be measured; of a cluster the stage has told everything.
        let mut tested = "2";
        if let Target::Service(base) = self.target {
            stages.push(measure("3", "2", base, "test"));
            tested = "3";
        }
        stages.extend([
            check("4", &[tested], "Automatic check", &self.test_is_good()),
            self.question(),
            only_if("prod", self.deploy("6", "5", "prod")),
            only_if("rollback", self.undo("7", "5")),
            // What was taken back is no success, so that nothing follows it.
            check(
                "8",
                &["6", "7"],
                "Prod runs what was tested",
                &self.prod_is_as_tested(),
            ),
        ]);
        json!({
            "application": APPLICATION,
            "name": RELEASE,
            "spelEvaluator": "v4",
            "description": "A pushed commit is built, goes to test and is checked; a person decides: prod or rollback.",
            "keepWaitingPipelines": false,
            "limitConcurrent": false,
            "triggers": [{"type": "git", "enabled": true, "source": "github", "project": project, "slug": slug,
                "branch": "main", "secret": secret}],
            "stages": stages,
        })
    }

    /// The pipeline that a success of the other one starts.
    pub(super) fn after_release(self, release_id: &str) -> Value {
        let tag = json!({"refId": "1", "requisiteStageRefIds": [], "type": "evaluateVariables", "name": "Which tag",
            "variables": [{"key": "tag", "value": BUILT}]});
        let test = match self.target {
            Target::Service(base) => measure("2", "1", base, "prod"),
            Target::Account(account) => {
                json!({"refId": "2", "requisiteStageRefIds": ["1"], "type": "runJobManifest",
                "name": "Smoke test", "cloudProvider": "kubernetes", "account": account, "source": "text",
                "application": APPLICATION, "stageTimeoutMs": 300_000, "manifest": self.job()})
            }
        };
        let mut pipeline = json!({
            "application": APPLICATION,
            "name": AFTER_RELEASE,
            "spelEvaluator": "v4",
            "description": "What comes after every release that succeeded.",
            "keepWaitingPipelines": false,
            "limitConcurrent": false,
            "triggers": [{"type": "pipeline", "enabled": true, "application": APPLICATION, "pipeline": release_id,
                "status": ["successful"]}],
            "stages": [tag, test],
        });
        if self.has_surroundings {
            let said =
                json!({"text": format!("shop {BUILT} is in prod and has passed its smoke test.")});
            pipeline["notifications"] = json!([{"type": "slack", "level": "pipeline", "address": PEOPLE.1,
                "when": ["pipeline.complete"], "message": {"pipeline.complete": said}}]);
        }
        pipeline
    }

    /// The name of the image.
    pub(super) fn image(self) -> &'static str {
        match (self.target, self.has_surroundings) {
            (Target::Account(_), false) => REAL_IMAGE.0,
            (Target::Account(_), true) | (Target::Service(_), _) => IMAGE,
        }
    }

    fn build(self) -> Value {
        if self.has_surroundings {
            return json!({"refId": "1", "requisiteStageRefIds": [], "type": "jenkins", "name": BUILD,
                "master": JENKINS.0, "job": JENKINS.1, "parameters": {"COMMIT": COMMIT},
                "propertyFile": "build.properties"});
        }
        let tag = match self.target {
            Target::Service(_) => format!("1.7-{COMMIT}"),
            Target::Account(_) => REAL_IMAGE.1.to_owned(),
        };
        json!({"refId": "1", "requisiteStageRefIds": [], "type": "evaluateVariables", "name": BUILD,
            "variables": [{"key": "tag", "value": tag}]})
    }

    fn deploy(self, reference: &str, after: &str, place: &str) -> Value {
        let mut stage = match self.target {
            Target::Service(base) => {
                let image = format!("{}:${{ tag }}", self.image());
                call(
                    &format!("{base}/deployments"),
                    &json!({"environment": place, "image": image}),
                )
            }
            Target::Account(account) => {
                json!({"type": "deployManifest", "cloudProvider": "kubernetes",
                "account": account, "source": "text", "moniker": {"app": APPLICATION}, "stageTimeoutMs": 300_000,
                "manifests": [
                    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
                    self.deployment(place),
                ]})
            }
        };
        stage["refId"] = reference.into();
        stage["requisiteStageRefIds"] = json!([after]);
        stage["name"] = format!("Deploy to {place}").into();
        stage
    }

    fn undo(self, reference: &str, after: &str) -> Value {
        let mut stage = match self.target {
            Target::Service(base) => call(
                &format!("{base}/rollbacks"),
                &json!({"environment": "test"}),
            ),
            Target::Account(account) => {
                json!({"type": "deleteManifest", "cloudProvider": "kubernetes",
                "account": account, "mode": "static", "location": NAMESPACE, "kind": "deployment",
                "manifestName": format!("deployment {}", deployed("test")), "options": {"cascading": true}})
            }
        };
        stage["refId"] = reference.into();
        stage["requisiteStageRefIds"] = json!([after]);
        stage["name"] = match self.target {
            Target::Service(_) => "Roll test back",
            Target::Account(_) => "Take test away",
        }
        .into();
        stage
    }

    fn question(self) -> Value {
        let undo = match self.target {
            Target::Service(_) => "roll test back",
            Target::Account(_) => "take it away from test",
        };
        let asked = |kind: &str, address: &str| json!({"type": kind, "level": "stage", "address": address, "when": ["manualJudgment"]});
        let mut stage = json!({"refId": "5", "requisiteStageRefIds": ["4"], "type": "manualJudgment", "name": QUESTION,
            "instructions": format!("Test runs shop ${{ tag }} and the automatic check is content. Release it to prod, or {undo}?"),
            "judgmentInputs": CHOICES.map(|choice| json!({"value": choice})), "failPipeline": true});
        if self.has_surroundings {
            stage["sendNotifications"] = true.into();
            stage["notifications"] = json!([asked("email", PEOPLE.0), asked("slack", PEOPLE.1)]);
        }
        stage
    }

    fn test_is_good(self) -> String {
        let image = format!("'{}:' + tag", self.image());
        match self.target {
            Target::Service(_) => format!(
                "#stage('Measure test')['context']['webhook']['body']['image'] == {image} \
                 && #stage('Measure test')['context']['webhook']['body']['errorsPerThousand'] < 5"
            ),
            Target::Account(_) => format!("{} == {image}", image_in("test")),
        }
    }

    fn prod_is_as_tested(self) -> String {
        let same = match self.target {
            Target::Service(_) => {
                let image = |place: &str| {
                    format!(
                        "#stage('Deploy to {place}')['context']['webhook']['monitor']['body']['image']"
                    )
                };
                format!("{} == {}", image("prod"), image("test"))
            }
            Target::Account(_) => format!("{} == {}", image_in("prod"), image_in("test")),
        };
        format!("#judgment('{QUESTION}') == '{}' && {same}", CHOICES[0])
    }

    fn deployment(self, place: &str) -> Value {
        let name = deployed(place);
        json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": {"app": name}},
                "template": {
                    "metadata": {"labels": {"app": name}},
                    "spec": {"containers": [{"name": "shop", "image": format!("{}:${{ tag }}", self.image())}]},
                },
            },
        })
    }

    fn job(self) -> Value {
        let container = json!({"name": "smoke-test", "image": format!("{}:${{ tag }}", self.image()), "command": ["true"]});
        json!({
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "smoke-test", "namespace": NAMESPACE},
            "spec": {"backoffLimit": 0, "template": {"spec": {"restartPolicy": "Never", "containers": [container]}}},
        })
    }
}

/// The Deployment of a place.
pub(super) fn deployed(place: &str) -> String {
    format!("shop-{place}")
}

/// The image that a stage has deployed to a cluster.
fn image_in(place: &str) -> String {
    format!(
        "#stage('Deploy to {place}')['outputs']['outputs.manifests'].?[kind == 'Deployment'][0]\
         ['spec']['template']['spec']['containers'][0]['image']"
    )
}

/// Runs only if this was chosen.
fn only_if(choice: &str, mut stage: Value) -> Value {
    stage["stageEnabled"] = json!({"type": "expression", "expression": format!("#judgment('{QUESTION}') == '{choice}'")});
    stage
}

fn check(reference: &str, after: &[&str], name: &str, expression: &str) -> Value {
    let expression = format!("${{ {expression} }}");
    json!({"refId": reference, "requisiteStageRefIds": after, "type": "checkPreconditions", "name": name,
        "preconditions": [{"type": "expression", "failPipeline": true, "context": {"expression": expression}}]})
}

fn measure(reference: &str, after: &str, base: &str, place: &str) -> Value {
    json!({"refId": reference, "requisiteStageRefIds": [after], "type": "webhook", "name": format!("Measure {place}"),
        "method": "GET", "url": format!("{base}/environments/{place}")})
}

/// A webhook stage that waits until what it has asked for is done.
fn call(url: &str, payload: &Value) -> Value {
    json!({"type": "webhook", "method": "POST", "url": url, "payload": payload, "idempotent": true,
        "waitForCompletion": true, "statusUrlResolution": "webhookResponse", "statusUrlJsonPath": "$.statusUrl",
        "statusJsonPath": "$.status", "progressJsonPath": "$.progress", "successStatuses": "SUCCEEDED",
        "terminalStatuses": "FAILED"})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pipeline_is_sound() {
        let service = Target::Service("http://127.0.0.1:1");
        let account = Target::Account("here");
        for (target, has_surroundings) in [
            (service, false),
            (service, true),
            (account, false),
            (account, true),
        ] {
            let pipelines = Pipelines {
                target,
                has_surroundings,
            };
            for pipeline in [pipelines.release("s"), pipelines.after_release("r")] {
                assert_eq!(
                    gennaker_cli::check_graph(&pipeline),
                    Vec::new(),
                    "{pipeline}"
                );
            }
        }
    }
}
