//! Addresses of Orca that Gate does not have, for scripts that talk to Orca. Source: orca `OperationsController`,
//! `TaskController`.

use super::{Group, Whose, run, table};
use crate::{executions, ops, search, start};

pub(super) const GROUPS: &[Group] = &[Group {
    title: "Orca's addresses",
    whose: Whose::Orca,
    routes: table! {
        POST "/ops" "Run a task: an object as for /tasks, or a list of jobs" ["application"] Jobs run!(ops::submit);
        POST "/orchestrate" "Start a pipeline that need not be stored" Execute run!(start::ad_hoc);
        POST "/orchestrate/{id}" "Start a stored pipeline; the body is the trigger" Execute run!(start::by_id);
        POST "/fail" "Record an execution that failed, with errorMessage" Execute run!(start::failed);
        GET "/pipelines" "Executions by pipeline or id"
            ["pipelineConfigIds", "executionIds", "limit", "statuses", "expand", "partial"] ReadEach
            run!(executions::by_ids);
        GET "/v2/applications/{application}/pipelines" "Executions of an application"
            ["limit", "statuses", "expand", "pipelineNameFilter", "pipelineLimit", "partial"] Read
            run!(executions::of_application);
        GET "/applications/{application}/pipelines/search" "Executions by trigger; the application may be *"
            ["triggerTypes", "pipelineName", "eventId", "trigger", "triggerTimeStartBoundary", "triggerTimeEndBoundary",
             "statuses", "startIndex", "size", "reverse", "expand", "partial"] ReadEach run!(search::search);
    },
}];
