//! What Spinnaker's Gate does not have.

use super::{Does, Group, Whose, run, table};
use crate::{events, freezes, live, pollers, search, switches, warnings};

pub(super) const GROUPS: &[Group] = &[Group {
    title: "Gennaker's own",
    whose: Whose::Ours,
    routes: table! {
        GET "/executions/search" "Executions of all applications by trigger"
            ["triggerTypes", "pipelineName", "eventId", "trigger", "triggerTimeStartBoundary", "triggerTimeEndBoundary",
             "statuses", "startIndex", "size", "reverse", "expand", "partial"] ReadEach run!(search::search);
        GET "/v2/events" "What became of events: the verdict on each trigger, newest first"
            ["type", "source", "application", "pipeline", "outcome", "limit", "before"] ReadEach run!(events::list);
        GET "/v2/events/{id}" "What became of one event" ReadEach run!(events::one);
        GET "/v2/pollers" "How it goes with registries, build servers and what else is polled" ["type", "source", "state"] ReadEach
            run!(pollers::list);
        GET "/v2/pollers/{type}/{source}" "How it goes with one source" ReadEach run!(pollers::one);
        POST "/admin/pollers/fastforward/{monitorName}" "Skip what is new of a source (Igor's)" ["partition"] Admin
            Does::Say("{}", "a threshold warns and never blocks, so there is nothing to skip");
        GET "/v2/freezes" "Applications and pipelines of which nothing new is started" SignIn run!(freezes::list);
        PUT "/v2/applications/{application}/freeze" "Start nothing new of an application" Write
            run!(freezes::application);
        DELETE "/v2/applications/{application}/freeze" "Start executions of an application again" Write
            run!(freezes::thaw_application);
        PUT "/v2/pipelineConfigs/{id}/freeze" "Start nothing new of a pipeline" Write run!(freezes::pipeline);
        DELETE "/v2/pipelineConfigs/{id}/freeze" "Start a pipeline again" Write run!(freezes::thaw_pipeline);
        GET "/v2/switches" "Triggers that are switched off, by type" SignIn run!(switches::list);
        PUT "/v2/switches/{name}" "Switch triggers off: those of a type, or all (`triggers`)" Admin run!(switches::off);
        DELETE "/v2/switches/{name}" "Switch triggers on again" Admin run!(switches::on);
        GET "/v2/feed" "Changes as server-sent events" ["topics", "lastEventId"] ReadEach run!(live::feed);
        POST "/v2/feed/{id}/topics" "Other topics for an open stream" ReadEach run!(live::change_topics);
        GET "/v2/feed/snapshot" "What the feed continues" ["topics"] ReadEach run!(live::snapshot);
        GET "/v2/executions" "Pipelines and tasks, newest first"
            ["application", "statuses", "limit", "expand", "partial"] ReadEach run!(live::list);
        GET "/v2/executions/{id}" "A pipeline or a task" Read run!(live::execution);
        GET "/v2/executions/{id}/history" "Every decision about an execution, oldest first" Read run!(live::history);
        GET "/v2/executions/{id}/why" "What an execution waits for" Read run!(live::why);
        POST "/v2/pipelines/lint" "What is wrong with the expressions of a pipeline" SignIn run!(warnings::lint);
    },
}];
