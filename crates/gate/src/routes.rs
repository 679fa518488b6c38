//! The one table of routes.
//!
//! It drives the dispatch (`matching`), the OpenAPI document and the test that calls every route with bad input. A path of
//! Spinnaker's Gate that is not built yet stands here too and answers 501, so that nobody takes it for a typing error.

use axum::http::Method;
use futures_util::future::BoxFuture;

use crate::{
    Gate, answer::Answer, applications, call::Call, capabilities, configs, evaluate, executions,
    freezes, health, live, notifications, pipelines, plugins, problem::Problem, projects, reorder,
    restart, search, start, strategies, tasks, templates, warnings, webhooks,
};

/// What a handler looks like to the dispatch.
pub(crate) type Handler = fn(Gate, Call) -> BoxFuture<'static, Result<Answer, Problem>>;

/// One method of one path.
pub(crate) struct Route {
    pub(crate) method: Method,
    /// Segments, `{name}` for a parameter, `{*rest}` for everything that follows.
    pub(crate) path: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) does: Does,
}

/// What a route does.
#[derive(Clone, Copy)]
pub(crate) enum Does {
    /// Runs a handler.
    Run(Handler),
    /// Answers this JSON, which is true as long as the feature behind it is not built.
    Say(&'static str),
    /// Answers 200 without a body.
    SayNothing,
    /// Answers 501, naming this feature.
    Miss(&'static str),
}

macro_rules! table {
    ($($method:ident $path:literal $summary:literal $does:expr;)*) => {
        &[$(Route { method: Method::$method, path: $path, summary: $summary, does: $does }),*]
    };
}

macro_rules! run {
    ($handler:path) => {
        Does::Run(|gate, call| Box::pin($handler(gate, call)))
    };
}

/// `/auth/user` without logins. Source: gate `AuthController`, `User`.
const ANONYMOUS: &str = r#"{"username": "anonymous", "email": "anonymous", "firstName": "", "lastName": "",
    "roles": [], "allowedAccounts": [], "authorities": [], "accountNonExpired": true, "accountNonLocked": true,
    "credentialsNonExpired": true, "enabled": true, "isAdmin": false, "canMintApiTokens": false}"#;

/// Every route. Order does not matter: a literal segment beats a parameter.
pub(crate) const ROUTES: &[Route] = table! {
    GET "/version" "Version of the server" run!(health::version);
    GET "/health" "Whether the system can do its work" run!(health::health);
    GET "/v3/api-docs" "This document" run!(health::api_docs);

    GET "/applications" "Applications" run!(applications::list);
    GET "/applications/{application}" "One application" run!(applications::get);
    GET "/applications/{application}/history" "Versions of an application" run!(applications::history);
    GET "/applications/{application}/pipelines" "Executions of an application" run!(executions::of_application);
    GET "/applications/{application}/executions/search" "Executions by trigger" run!(search::search);
    GET "/applications/{application}/pipelineConfigs" "Pipelines of an application" run!(configs::list);
    GET "/applications/{application}/pipelineConfigs/{name}" "One pipeline by name or id" run!(configs::get);
    POST "/applications/{application}/pipelineConfigs/{name}" "Start a pipeline (older address)" run!(start::by_name);
    PUT "/applications/{application}/pipelines/{id}/cancel" "Cancel an execution" run!(executions::cancel);
    GET "/applications/{application}/tasks" "Tasks of an application" run!(tasks::list);
    POST "/applications/{application}/tasks" "Run a task (older address)" run!(tasks::submit);
    GET "/applications/{application}/tasks/{id}" "One task (older address)" run!(tasks::get);
    PUT "/applications/{application}/tasks/{id}/cancel" "Cancel a task (older address)" run!(tasks::cancel);

    POST "/tasks" "Run a task" run!(tasks::submit);
    GET "/tasks/{id}" "One task" run!(tasks::get);
    DELETE "/tasks/{id}" "Delete a complete task" run!(tasks::delete);
    PUT "/tasks/{id}/cancel" "Cancel a task" run!(tasks::cancel);
    PUT "/tasks/cancel" "Cancel several tasks" run!(tasks::cancel_many);

    POST "/pipelines" "Save a pipeline" run!(pipelines::save);
    POST "/pipelines/bulksave" "Save several pipelines" run!(pipelines::bulk_save);
    POST "/pipelines/start" "Start a pipeline that need not be stored" run!(start::ad_hoc);
    PUT "/pipelines/{id}" "Replace a pipeline" run!(pipelines::update);
    GET "/pipelines/{id}" "One execution" run!(executions::get);
    DELETE "/pipelines/{id}" "Delete a complete execution" run!(executions::delete);
    POST "/pipelines/{application}/{name}" "Start a pipeline" run!(start::by_name);
    DELETE "/pipelines/{application}/{name}" "Delete a pipeline" run!(pipelines::delete);
    POST "/pipelines/v2/{application}/{name}" "Start a pipeline, with the id of the event" run!(start::v2);
    PUT "/pipelines/{id}/cancel" "Cancel an execution" run!(executions::cancel);
    PUT "/pipelines/{id}/pause" "Pause an execution" run!(executions::pause);
    PUT "/pipelines/{id}/resume" "Resume an execution" run!(executions::resume);
    PATCH "/pipelines/{id}/stages/{stageId}" "Change a stage's context: judge, skip a wait" run!(executions::patch_stage);
    PUT "/pipelines/{id}/stages/{stageId}/restart" "Begin a stage that has ended anew" run!(restart::stage);

    GET "/pipelines/{id}/evaluateExpression" "Try an expression on an execution" run!(evaluate::expression);
    POST "/pipelines/{id}/evaluateExpression" "Try an expression on an execution" run!(evaluate::posted_expression);
    GET "/pipelines/{id}/{stageId}/evaluateExpression" "Try an expression in a stage" run!(evaluate::expression);
    POST "/pipelines/{id}/evaluateVariables" "Try the variables of an Evaluate variables stage" run!(evaluate::variables);
    POST "/actions/pipelines/reorder" "Put the pipelines of an application in order" run!(reorder::pipelines);

    GET "/pipelineConfigs" "All pipelines" run!(configs::all);
    GET "/pipelineConfigs/{id}/history" "Versions of a pipeline" run!(configs::history);
    GET "/strategyConfigs" "All strategies" run!(strategies::all);
    GET "/strategyConfigs/{id}/history" "Versions of a strategy" run!(strategies::history);
    GET "/applications/{application}/strategyConfigs" "Strategies of an application" run!(strategies::of_application);
    GET "/applications/{application}/strategyConfigs/{name}" "One strategy by name" run!(strategies::get);
    POST "/strategies" "Save a strategy" run!(strategies::save);
    PUT "/strategies/{id}" "Replace a strategy" run!(strategies::update);
    DELETE "/strategies/{application}/{name}" "Delete a strategy" run!(strategies::delete);
    POST "/actions/strategies/reorder" "Put the strategies of an application in order" run!(reorder::strategies);

    GET "/projects" "Projects" run!(projects::list);
    GET "/projects/{id}" "One project by name or id" run!(projects::get);
    GET "/projects/{id}/clusters" "Clusters of a project" run!(projects::clusters);
    GET "/projects/{id}/pipelines" "Executions of a project" run!(projects::pipelines);

    GET "/notifications/{type}/{application}" "Notifications of an application" run!(notifications::get);
    POST "/notifications/{type}/{application}" "Save the notifications of an application" run!(notifications::save);
    DELETE "/notifications/{type}/{application}" "Delete the notifications of an application" run!(notifications::delete);
    GET "/auth/user/serviceAccounts" "Service accounts of the user" run!(notifications::service_accounts);

    GET "/pipelineTemplates" "Templates" run!(templates::list);
    POST "/pipelineTemplates" "Make a template of the first generation" run!(templates::create_v1);
    GET "/pipelineTemplates/{id}" "One template" run!(templates::get);
    POST "/pipelineTemplates/{id}" "Replace a template of the first generation" run!(templates::update_v1);
    DELETE "/pipelineTemplates/{id}" "Delete a template of the first generation" run!(templates::delete_v1);
    GET "/pipelineTemplates/{id}/dependents" "Pipelines made from a template" run!(templates::dependents);
    GET "/v2/pipelineTemplates" "Templates, once for every tag and digest" run!(templates::list);
    GET "/v2/pipelineTemplates/versions" "Versions of templates by id" run!(templates::versions);
    POST "/v2/pipelineTemplates/create" "Make a template" run!(templates::create_v2);
    POST "/v2/pipelineTemplates/update/{id}" "Replace a template" run!(templates::update_v2);
    GET "/v2/pipelineTemplates/{id}" "One template by tag or digest" run!(templates::get);
    DELETE "/v2/pipelineTemplates/{id}" "Delete a version of a template" run!(templates::delete_v2);
    GET "/v2/pipelineTemplates/{id}/dependents" "Pipelines made from a template" run!(templates::dependents);

    GET "/plugins/info" "What is known of plugins" run!(plugins::list);
    POST "/plugins/info" "Save what is known of a plugin" run!(plugins::save);
    PUT "/plugins/info" "Save what is known of a plugin" run!(plugins::save);
    DELETE "/plugins/info/{id}" "Forget a plugin" run!(plugins::delete);

    GET "/executions" "Executions by pipeline or id" run!(executions::by_ids);
    POST "/webhooks/{type}/{source}" "An event from outside" run!(webhooks::receive);

    GET "/v2/freezes" "Applications and pipelines of which nothing new is started" run!(freezes::list);
    PUT "/v2/applications/{application}/freeze" "Start nothing new of an application" run!(freezes::application);
    DELETE "/v2/applications/{application}/freeze" "Start executions of an application again" run!(freezes::thaw_application);
    PUT "/v2/pipelineConfigs/{id}/freeze" "Start nothing new of a pipeline" run!(freezes::pipeline);
    DELETE "/v2/pipelineConfigs/{id}/freeze" "Start a pipeline again" run!(freezes::thaw_pipeline);

    GET "/v2/feed" "Changes as server-sent events" run!(live::feed);
    POST "/v2/feed/{id}/topics" "Other topics for an open stream" run!(live::change_topics);
    GET "/v2/feed/snapshot" "What the feed continues" run!(live::snapshot);
    GET "/v2/executions" "Pipelines and tasks, newest first" run!(live::list);
    GET "/v2/executions/{id}" "A pipeline or a task" run!(live::execution);
    GET "/v2/executions/{id}/history" "Every decision about an execution, oldest first" run!(live::history);
    GET "/v2/executions/{id}/why" "What an execution waits for" run!(live::why);
    POST "/v2/pipelines/lint" "What is wrong with the expressions of a pipeline" run!(warnings::lint);

    GET "/capabilities/expressions" "Functions of expressions" run!(capabilities::expressions);

    // What Deck, spin and Terraform ask for and would fail without; true as long as the features are not built.
    GET "/auth/user" "Who asks" Does::Say(ANONYMOUS);
    GET "/banners" "Global banners" Does::Say("[]");
    GET "/capabilities/deploymentMonitors" "Deployment monitors" Does::Say("[]");
    GET "/capabilities/quietPeriod" "Quiet period" Does::Say(r#"{"enabled": false, "inQuietPeriod": false}"#);
    GET "/credentials" "Accounts" Does::Say("[]");
    GET "/credentials/{account}" "One account" Does::SayNothing;
    GET "/jobs/preconfigured" "Preconfigured job stages" Does::Say("[]");
    GET "/webhooks/preconfigured" "Preconfigured webhook stages" Does::Say("[]");
    GET "/notifications/metadata" "Notification types of plugins" Does::Say("[]");
    GET "/plugins/deck/plugin-manifest.json" "Plugins of the web interface" Does::Say("[]");
    GET "/pubsub/subscriptions" "Subscriptions" Does::Say("[]");
    GET "/securityGroups" "Security groups" Does::Say("[]");
    GET "/slack/channels" "Slack channels" Does::Say("[]");
    GET "/search" "Search in clouds" Does::Say("[]");
    GET "/applications/{application}/clusters" "Clusters" Does::Say("{}");
    GET "/applications/{application}/loadBalancers" "Load balancers" Does::Say("[]");
    GET "/applications/{application}/serverGroups" "Server groups" Does::Say("[]");
    GET "/applications/{application}/serverGroupManagers" "Server group managers" Does::Say("[]");
    GET "/applications/{application}/rawResources" "Raw resources" Does::Say("[]");
    GET "/applications/{application}/functions" "Functions" Does::Say("[]");

    // What Spinnaker's Gate has and this one does not have yet.
    POST "/pipelines/move" "" Does::Miss("moving pipelines");
    GET "/executions/failedStages" "" Does::Miss("the list of failed stages");
    GET "/pipelineConfigs/{id}/convertToTemplate" "" Does::Miss("pipeline templates");
    POST "/strategies/move" "" Does::Miss("strategies");
    GET "/tasks/{id}/details/{taskDetailsId}" "" Does::Miss("details of cloud operations");
    GET "/applications/{application}/tasks/{id}/details/{taskDetailsId}" "" Does::Miss("details of cloud operations");
    GET "/applications/{application}/snapshots/{*rest}" "" Does::Miss("snapshots");
    GET "/applications/{application}/jobs/{*rest}" "" Does::Miss("cloud jobs");
    GET "/applications/{application}/clusters/{*rest}" "" Does::Miss("clusters");
    GET "/applications/{application}/serverGroups/{*rest}" "" Does::Miss("server groups");
    GET "/pipelineTemplates/resolve" "" Does::Miss("the expansion of pipeline templates");
    POST "/v2/pipelineTemplates/plan" "" Does::Miss("the expansion of pipeline templates");
    GET "/v2/canaryConfig" "" Does::Miss("canary analysis");
    POST "/v2/canaryConfig" "" Does::Miss("canary analysis");
    GET "/v2/canaryConfig/{*rest}" "" Does::Miss("canary analysis");
    PUT "/v2/canaryConfig/{*rest}" "" Does::Miss("canary analysis");
    DELETE "/v2/canaryConfig/{*rest}" "" Does::Miss("canary analysis");
    GET "/v2/canaries/{*rest}" "" Does::Miss("canary analysis");
    POST "/v2/canaries/{*rest}" "" Does::Miss("canary analysis");
    POST "/notifications/callbacks/{source}" "" Does::Miss("interactive notifications");
    GET "/cron/validate" "" Does::Miss("cron triggers");
    GET "/v2/builds" "" Does::Miss("build systems");
    GET "/v2/builds/{*rest}" "" Does::Miss("build systems");
    GET "/v3/builds/{*rest}" "" Does::Miss("build systems");
    GET "/builds" "" Does::Miss("build systems");
    GET "/builds/{*rest}" "" Does::Miss("build systems");
    GET "/artifacts/{*rest}" "" Does::Miss("artifacts");
    PUT "/artifacts/{*rest}" "" Does::Miss("artifacts");
    GET "/images/{*rest}" "" Does::Miss("images");
    GET "/charts/{*rest}" "" Does::Miss("charts");
    GET "/manifests/{*rest}" "" Does::Miss("Kubernetes manifests");
    GET "/instances/{*rest}" "" Does::Miss("instances");
    GET "/loadBalancers" "" Does::Miss("load balancers");
    GET "/loadBalancers/{*rest}" "" Does::Miss("load balancers");
    GET "/networks" "" Does::Miss("networks");
    GET "/networks/{*rest}" "" Does::Miss("networks");
    GET "/subnets/{*rest}" "" Does::Miss("subnets");
    GET "/securityGroups/{*rest}" "" Does::Miss("security groups");
    GET "/serverGroups" "" Does::Miss("server groups");
    GET "/tags" "" Does::Miss("entity tags");
    GET "/pagerDuty/{*rest}" "" Does::Miss("PagerDuty");
    GET "/managed/{*rest}" "" Does::Miss("managed delivery");
    POST "/managed/{*rest}" "" Does::Miss("managed delivery");
    GET "/admin" "" Does::Miss("administration");
    PUT "/admin/{*rest}" "" Does::Miss("administration");
    POST "/admin/{*rest}" "" Does::Miss("administration");
    GET "/plugins/installed" "" Does::Miss("plugins");
    GET "/login" "" Does::Miss("logins");
    POST "/login" "" Does::Miss("logins");
    GET "/auth/redirect" "" Does::Miss("logins");
    GET "/auth/logout" "" Does::Miss("logins");
    GET "/auth/loggedOut" "" Does::Miss("logins");
    GET "/auth/apiTokens" "" Does::Miss("API tokens");
    POST "/auth/apiTokens" "" Does::Miss("API tokens");
};
