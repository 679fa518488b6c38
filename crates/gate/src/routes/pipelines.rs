//! Pipelines that run: starts, executions, ad-hoc tasks. Source: gate `PipelineController`, `ExecutionsController`,
//! `TaskController`.

use super::{Does, Group, Whose, run, table};
use crate::{evaluate, executions, failed_stages, pipelines, restart, search, start, tasks};

pub(super) const GROUPS: &[Group] = &[
    Group {
        title: "Pipelines: saving, starting, controlling",
        whose: Whose::Gate,
        routes: table! {
            POST "/pipelines" "Save a pipeline" ["staleCheck"] Write run!(pipelines::save);
            POST "/pipelines/bulksave" "Save several pipelines" ["application", "staleCheck"] Write run!(pipelines::bulk_save);
            PUT "/pipelines/{id}" "Replace a pipeline" ["staleCheck"] Write run!(pipelines::update);
            DELETE "/pipelines/{application}/{name}" "Delete a pipeline" Write run!(pipelines::delete);
            POST "/pipelines/start" "Start a pipeline that need not be stored" Execute run!(start::ad_hoc);
            POST "/pipelines/{application}/{name}" "Start a pipeline" Execute run!(start::by_name);
            POST "/pipelines/v2/{application}/{name}" "Start a pipeline, with the id of the event" Execute run!(start::v2);
            POST "/applications/{application}/pipelineConfigs/{name}" "Start a pipeline (older address)" Execute
                run!(start::by_name);
            PUT "/pipelines/{id}/cancel" "Cancel an execution" ["reason", "force"] Execute run!(executions::cancel);
            PUT "/applications/{application}/pipelines/{id}/cancel" "Cancel an execution; the application does not count"
                ["reason", "force"] Execute run!(executions::cancel);
            PUT "/pipelines/{id}/pause" "Pause an execution" Execute run!(executions::pause);
            PUT "/pipelines/{id}/resume" "Resume an execution" Execute run!(executions::resume);
            PATCH "/pipelines/{id}/stages/{stageId}" "Change a stage's context: judge, skip a wait" Execute
                run!(executions::patch_stage);
            PUT "/pipelines/{id}/stages/{stageId}/restart" "Begin a stage that has ended anew" Execute run!(restart::stage);
            GET "/pipelines/{id}/evaluateExpression" "Try an expression on an execution" ["expression"] Read
                run!(evaluate::expression);
            POST "/pipelines/{id}/evaluateExpression" "Try an expression on an execution" Read
                run!(evaluate::posted_expression);
            GET "/pipelines/{id}/{stageId}/evaluateExpression" "Try an expression in a stage" ["expression"] Read
                run!(evaluate::expression);
            POST "/pipelines/{id}/evaluateVariables" "Try the variables of an Evaluate variables stage"
                ["executionId", "requisiteStageRefIds", "spelVersion"] Read run!(evaluate::variables);
            POST "/pipelines/move" "Move a pipeline" Write
                Does::Lack("Pipelines cannot be moved: Front50 has no such route any more");
        },
    },
    Group {
        title: "Executions",
        whose: Whose::Gate,
        routes: table! {
            GET "/pipelines/{id}" "One execution" Read run!(executions::get);
            DELETE "/pipelines/{id}" "Delete a complete execution" Write run!(executions::delete);
            GET "/executions" "Executions by pipeline or id"
                ["pipelineConfigIds", "executionIds", "limit", "statuses", "expand", "partial"] ReadEach
                run!(executions::by_ids);
            GET "/applications/{application}/pipelines" "Executions of an application"
                ["limit", "statuses", "expand", "pipelineNameFilter", "pipelineLimit", "partial"] Read
                run!(executions::of_application);
            GET "/applications/{application}/executions/search" "Executions by trigger; the application may be *"
                ["triggerTypes", "pipelineName", "eventId", "trigger", "triggerTimeStartBoundary", "triggerTimeEndBoundary",
                 "statuses", "startIndex", "size", "reverse", "expand", "partial"] ReadEach run!(search::search);
            GET "/executions/failedStages" "The stages that failed, through the pipelines that they started"
                ["executionId", "deckOrigin", "limit"] Read run!(failed_stages::list);
        },
    },
    Group {
        title: "Ad-hoc tasks",
        whose: Whose::Gate,
        routes: table! {
            POST "/tasks" "Run a task" Jobs run!(tasks::submit);
            GET "/tasks/{id}" "One task" Nothing run!(tasks::get);
            DELETE "/tasks/{id}" "Delete a complete task" Write run!(tasks::delete);
            PUT "/tasks/{id}/cancel" "Cancel a task" ["reason"] Execute run!(tasks::cancel);
            PUT "/tasks/cancel" "Cancel several tasks" ["ids", "reason"] Execute run!(tasks::cancel_many);
            GET "/tasks/{id}/details/{taskDetailsId}" "What a cloud operation did" SignIn
                Does::Miss("details of cloud operations");
            GET "/applications/{application}/tasks" "Tasks of an application" ["page", "limit", "statuses", "partial"] Read
                run!(tasks::list);
            POST "/applications/{application}/tasks" "Run a task (older address)" Jobs run!(tasks::submit);
            GET "/applications/{application}/tasks/{id}" "One task (older address)" Nothing run!(tasks::get);
            PUT "/applications/{application}/tasks/{id}/cancel" "Cancel a task (older address)" ["reason"] Execute
                run!(tasks::cancel);
            GET "/applications/{application}/tasks/{id}/details/{taskDetailsId}" "What a cloud operation did (older address)"
                SignIn Does::Miss("details of cloud operations");
        },
    },
];
