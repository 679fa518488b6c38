//! The page on compatibility with Spinnaker's Gate, made from the table of routes.

use crate::routes::{self, Does, Group, Route, Whose};

const HEAD: &str = "\
# The HTTP API beside Spinnaker's Gate

Every endpoint of Spinnaker's Gate, and what Gennaker answers there. Made by `cargo xtask generate` from the table that the server
routes by, so it cannot be out of date; an endpoint that is not in it answers 404. The same table is served as an OpenAPI document
under `/v3/api-docs`.

| answer | means |
|---|---|
| yes | as in Spinnaker |
| `[]`, `{}`, empty | 200 with nothing in it, because nothing can exist; the reason stands beside it |
| 404 | in Gate's error envelope: nothing that the path could name can exist |
| 501 | in Gate's error envelope: not built |

*Needs* is what an endpoint will ask of its caller once a sign-in can be configured. Until then everybody is `anonymous` and may do
everything: what clients send to sign in with (basic, bearer, `X-Spinnaker-Token`, the form of `/login`, cookies) is accepted and
counts for nothing. READ, WRITE and EXECUTE are permissions on the application that the request is about.
";

/// Where an answer differs from Gate's on purpose.
const DIFFERENCES: &[(&str, &str)] = &[
    (
        "`POST /pipelines/{application}/{name}`",
        "The trigger may also stand in `{\"trigger\": {…}}`, as newer versions of `spin` send it.",
    ),
    (
        "`POST /pipelines/v2/{application}/{name}`",
        "The execution exists when the answer comes; in Spinnaker it appears later. Of a pipeline that is disabled there is a failed \
         execution that says so; Echo does nothing. A build that `master`, `job` and `buildNumber` name is looked up; when nobody knows \
         it the pipeline starts without it, where Echo makes a failed execution.",
    ),
    (
        "`PUT /pipelines/{id}/cancel`, `pause`, `resume`, `PATCH …/stages/{stageId}`",
        "A refusal is answered as one (404, 405, 409); Orca logs it and answers as if it were done.",
    ),
    (
        "`GET /pipelines/{id}`",
        "Any failure is answered as one; Gate turns all but 404 into an empty 200.",
    ),
    (
        "`GET /applications/{application}/pipelines`, `/executions`, `/applications/{application}/tasks`",
        "Executions of any age are listed, as long as they are kept; Orca leaves out those older than 14 days, but for the \
         newest two of each pipeline.",
    ),
    (
        "lists of executions",
        "One partition that does not answer makes it a 503, not a shorter list. With `?partial=true` the list is answered, and \
         `X-Gennaker-Missing-Partitions` says what it lacks.",
    ),
    (
        "`GET /applications/{application}/executions/search`",
        "Executions of pipelines that are not stored are found, too; `pipelineName` counts also when the application is `*`.",
    ),
    (
        "`POST /v2/pipelineTemplates/create` with another schema",
        "400 instead of 500.",
    ),
    (
        "`DELETE /v2/pipelineTemplates/{id}`",
        "202 instead of 200: `spin` insists on it.",
    ),
    (
        "`POST /pipelineTemplates`, `/pipelineTemplates/{id}`",
        "Answered when the template is written; Terraform reads it straight after.",
    ),
    (
        "`POST /pipelines?staleCheck=true`",
        "A stale `updateTs` is refused, as Spinnaker does since September 2026.",
    ),
    (
        "`PUT /admin/executions/forceCancel`, `POST /admin/executions/hydrate`",
        "The first is a cancel, which cannot be lost; the second answers what the execution waits for, because lost work is \
         found by itself.",
    ),
    ("`GET /search`", "Finds applications and projects only."),
    (
        "`POST /webhooks/{type}/{source}`",
        "The body is kept as it came, so that signatures over it can be checked, and an event is stored before it is answered.",
    ),
    (
        "`POST /webhooks/git/{source}`",
        "Signatures by SHA-256 and GitLab's token are compared with the trigger's secret, too; Echo refuses the first and never sees the \
         second. Merge requests of GitLab are read. The secret does not go into the execution.",
    ),
    (
        "`POST /webhooks/cdevents/{source}`",
        "Stored with the attributes of the CloudEvent, whichever mode it came in; a second delivery of one `source` and `id` starts nothing \
         more. Batches are refused.",
    ),
    (
        "a webhook of a source code system that cannot be read",
        "200 and a verdict that names what is missing; Echo answers 500.",
    ),
    (
        "triggers of the type `pubsub`",
        "A message is acknowledged after its event is stored; Echo acknowledges it before. `pubsubSystem` may also be `nats`. A queue of \
         Amazon is made and subscribed if `topic_arn` is set; one that exists keeps its policy, over which Echo writes its own, and one \
         that is made keeps messages for four days, not two minutes. Keys of S3's objects are decoded.",
    ),
    (
        "artifacts of webhooks and messages",
        "A template of the settings that fails makes no artifacts, and a warning; the event goes on.",
    ),
    (
        "triggers of the type `cron`",
        "Instants that nobody was there to see are made up for within ten minutes (`triggers.cron_catch_up_ms`); Echo drops them. A \
         local time that exists twice fires once, but for schedules of every hour, which fire both times.",
    ),
    (
        "triggers on what is polled",
        "Nothing fires on first sight, of no source: Igor's Jenkins poller fires for all builds that it finds then. More new things than the threshold are a warning and all become events: Igor stops until somebody fast-forwards it. A build's details are asked for when a trigger fits.",
    ),
    (
        "triggers of the types `docker` and `helm/oci`",
        "Webhooks of Docker Hub, Harbor, Quay and the distribution registry make the account of that registry be looked at within a second; what fires is what the registry shows. Digests are those of the index for images of several platforms.",
    ),
    (
        "triggers of the type `nexus`",
        "The webhook's address names the search: `POST /webhooks/nexus/SEARCH`. Igor has one address of its own for all.",
    ),
    (
        "triggers of the type `s3`",
        "Ours: new objects of a bucket that is polled.",
    ),
    (
        "`GET /images/find`, `/images/tags`, `/charts/find`, `/charts/tags`",
        "The registry itself is asked, through a worker of the pool `deploy`; Clouddriver answers from its cache. `q` is found in repository and tag; without `count` at most 1000 images are listed. With `sort_tags_by_date` tags whose images have no date come last; Clouddriver leaves them out.",
    ),
    (
        "`POST /notifications/callbacks/slack`",
        "Buttons decide manual judgements; Echo passes them on to services such as Keel, which is not done. The body is checked as it \
         came, and who pressed must be known to Slack by a mail address.",
    ),
    (
        "`POST /notifications`",
        "Echo's, at the same address as the rest; the receipt stands in the answer. What may have been sent is answered with 502 or 504.",
    ),
    (
        "`POST /tags`, `/batch/tags`",
        "The account's name stands in the id of the tags, unless the entity names the account's number (`accountId`).",
    ),
    (
        "a path that nobody has",
        "The fields of the error envelope stand beside those of Spring's problem detail.",
    ),
    (
        "CORS",
        "An origin that is not configured gets no header instead of `*`.",
    ),
    (
        "every start",
        "`Idempotency-Key`: a repeat within a day answers the execution that the first request started.",
    ),
];

/// The page, in Markdown.
#[must_use]
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    page.push_str(&format!("\n{}\n", counted()));
    for group in routes::groups() {
        page.push_str(&section(group));
    }
    page.push_str("\n## Where answers differ on purpose\n\n| where | how |\n|---|---|\n");
    for (place, difference) in DIFFERENCES {
        page.push_str(&format!("| {place} | {difference} |\n"));
    }
    page
}

/// One sentence with the numbers.
fn counted() -> String {
    let theirs = || {
        routes::groups()
            .filter(|group| group.whose == Whose::Gate)
            .flat_map(|group| group.routes)
    };
    let count = |wanted: fn(&Does) -> bool| theirs().filter(|route| wanted(&route.does)).count();
    let answered = count(|does| matches!(does, Does::Run(_)));
    let empty = count(|does| matches!(does, Does::Say(..) | Does::Lack(_)));
    let missing = count(|does| matches!(does, Does::Miss(_)));
    format!(
        "Of {} endpoints of Gate {answered} are built, {empty} truly say that there is nothing, and {missing} answer 501.",
        theirs().count()
    )
}

fn section(group: &Group) -> String {
    let mut section = format!(
        "\n## {}\n\n| endpoint | for | answer | needs |\n|---|---|---|---|\n",
        group.title
    );
    for route in group.routes {
        section.push_str(&format!(
            "| `{} {}` | {} | {} | {} |\n",
            route.method,
            route.path,
            escaped(route.summary),
            answer(route),
            route.needs.words()
        ));
    }
    section
}

fn answer(route: &Route) -> String {
    match route.does {
        Does::Run(_) => "yes".to_owned(),
        Does::Say(json, reason) => format!("`{json}`: {}", escaped(reason)),
        Does::Lack(message) => format!("404: {}", escaped(message)),
        Does::Miss(feature) => format!("501: {} not built", escaped(feature)),
    }
}

/// Text for a cell of a table.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_has_one_row_of_four_cells() {
        let page = page();
        let (tables, _) = page.split_once("\n## Where answers differ").unwrap();
        for route in routes::all() {
            let cell = format!("| `{} {}` |", route.method, route.path);
            let rows: Vec<&str> = tables
                .lines()
                .filter(|line| line.starts_with(&cell))
                .collect();
            assert_eq!(rows.len(), 1, "{cell}");
            assert_eq!(rows[0].matches(" | ").count(), 3, "{}", rows[0]);
        }
        assert!(page.ends_with("|\n"));
    }

    #[test]
    fn reasons_stand_beside_what_is_empty_or_missing() {
        let page = page();
        for line in [
            "| `GET /v2/canaries/{*rest}` | What Kayenta has not | 501: this part of canary analysis not built | sign-in |",
            "| `GET /banners/{id}` | One global banner | 404: Banner not found | sign-in |",
        ] {
            assert!(page.lines().any(|it| it == line), "{line}");
        }
    }
}
