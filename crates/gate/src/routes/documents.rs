//! What is stored, and what is known of it. Source: gate `ApplicationController`, `PipelineConfigController`,
//! `StrategyController`, `ProjectController`, `PipelineTemplatesController`, `V2PipelineTemplatesController`,
//! `NotificationController`, `SnapshotController`.

use super::{Does, Group, Whose, run, table};
use crate::{
    applications, configs, find, messages, notifications, plans, projects, reorder, strategies,
    tags, templates,
};

pub(super) const GROUPS: &[Group] = &[
    Group {
        title: "Applications",
        whose: Whose::Gate,
        routes: table! {
            GET "/applications" "Applications" ["account", "owner"] ReadEach run!(applications::list);
            GET "/applications/{application}" "One application" ["expand"] Read run!(applications::get);
            GET "/applications/{application}/history" "Versions of an application" ["limit"] Read
                run!(applications::history);
            GET "/applications/{application}/snapshots/{account}"
                "The state of its clusters that was saved last; those that a Front50 left, no job saves one yet" Read
                run!(tags::snapshot);
            GET "/applications/{application}/snapshots/{account}/history" "Saved states of its clusters" ["limit"] Read
                run!(tags::snapshots);
            GET "/search" "Applications, projects, and what clouds have, by a part of their names"
                ["q", "type", "platform", "pageSize", "page", "allowShortQuery"] ReadEach run!(find::search);
        },
    },
    Group {
        title: "Stored pipelines and strategies",
        whose: Whose::Gate,
        routes: table! {
            GET "/applications/{application}/pipelineConfigs" "Pipelines of an application"
                ["pipelineNameFilter", "pipelineLimit"] Read run!(configs::list);
            GET "/applications/{application}/pipelineConfigs/{name}" "One pipeline by name or id" Read run!(configs::get);
            GET "/pipelineConfigs" "All pipelines" ReadEach run!(configs::all);
            GET "/pipelineConfigs/{id}/history" "Versions of a pipeline, newest first" ["limit"] Read run!(configs::history);
            GET "/pipelineConfigs/{id}/convertToTemplate" "A pipeline as a template of the first generation, in YAML" Read
                run!(templates::convert);
            POST "/actions/pipelines/reorder" "Put the pipelines of an application in order" Write run!(reorder::pipelines);
            GET "/strategyConfigs" "All strategies" ReadEach run!(strategies::all);
            GET "/strategyConfigs/{id}/history" "Versions of a strategy" ["limit"] Read run!(strategies::history);
            GET "/applications/{application}/strategyConfigs" "Strategies of an application" Read
                run!(strategies::of_application);
            GET "/applications/{application}/strategyConfigs/{name}" "One strategy by name" Read run!(strategies::get);
            POST "/strategies" "Save a strategy" ["staleCheck"] Write run!(strategies::save);
            PUT "/strategies/{id}" "Replace a strategy" ["staleCheck"] Write run!(strategies::update);
            DELETE "/strategies/{application}/{name}" "Delete a strategy" Write run!(strategies::delete);
            POST "/strategies/move" "Move a strategy" Write
                Does::Lack("Strategies cannot be moved: Front50 has no such route any more");
            POST "/actions/strategies/reorder" "Put the strategies of an application in order" Write
                run!(reorder::strategies);
        },
    },
    Group {
        title: "Projects",
        whose: Whose::Gate,
        routes: table! {
            GET "/projects" "Projects" SignIn run!(projects::list);
            GET "/projects/{id}" "One project by name or id" SignIn run!(projects::get);
            GET "/projects/{id}/clusters" "What runs of a project, by its clusters" ReadEach
                run!(projects::clusters);
            GET "/projects/{id}/pipelines" "Executions of a project" ["limit", "statuses", "expand", "partial"] ReadEach
                run!(projects::pipelines);
        },
    },
    Group {
        title: "Pipeline templates",
        whose: Whose::Gate,
        routes: table! {
            GET "/pipelineTemplates" "Templates" ["scopes", "scope"] SignIn run!(templates::list);
            POST "/pipelineTemplates" "Make a template of the first generation" SignIn run!(templates::create_v1);
            GET "/pipelineTemplates/resolve" "A template of the first generation with all that it is made from"
                ["source", "executionId", "pipelineConfigId"] SignIn run!(templates::resolve);
            GET "/pipelineTemplates/{id}" "One template" ["tag", "digest"] SignIn run!(templates::get);
            POST "/pipelineTemplates/{id}" "Replace a template of the first generation" ["skipPlanDependents"] SignIn
                run!(templates::update_v1);
            DELETE "/pipelineTemplates/{id}" "Delete a template of the first generation" ["application"] SignIn
                run!(templates::delete_v1);
            GET "/pipelineTemplates/{id}/dependents" "Pipelines made from a template" ["recursive"] SignIn
                run!(templates::dependents);
            GET "/v2/pipelineTemplates" "Templates, once for every tag and digest" ["scopes", "scope"] SignIn
                run!(templates::list);
            GET "/v2/pipelineTemplates/versions" "Versions of templates by id" ["scopes", "scope"] SignIn
                run!(templates::versions);
            POST "/v2/pipelineTemplates/plan" "The pipeline that a configuration and its template stand for" SignIn
                run!(plans::templated);
            POST "/v2/pipelineTemplates/create" "Make a template" ["tag"] SignIn run!(templates::create_v2);
            POST "/v2/pipelineTemplates/update/{id}" "Replace a template" ["tag", "skipPlanDependents"] SignIn
                run!(templates::update_v2);
            GET "/v2/pipelineTemplates/{id}" "One template by tag or digest" ["tag", "digest"] SignIn run!(templates::get);
            DELETE "/v2/pipelineTemplates/{id}" "Delete a version of a template" ["tag", "digest", "application"] SignIn
                run!(templates::delete_v2);
            GET "/v2/pipelineTemplates/{id}/dependents" "Pipelines made from a template" ["recursive"] SignIn
                run!(templates::dependents);
        },
    },
    Group {
        title: "Notifications and entity tags",
        whose: Whose::Gate,
        routes: table! {
            GET "/notifications/metadata" "Notification types of plugins" Nothing Does::Say("[]", "plugins are not run");
            GET "/notifications/{type}/{application}" "Notifications of an application" Read run!(notifications::get);
            POST "/notifications/{type}/{application}" "Save the notifications of an application" Write
                run!(notifications::save);
            DELETE "/notifications/{type}/{application}" "Delete the notifications of an application" Write
                run!(notifications::delete);
            POST "/notifications/callbacks/{source}" "A button that a person pressed in a chat: `slack`" Nothing
                run!(messages::callback);
            GET "/tags" "Entity tags, also by `tag:<name>=<value>`"
                ["cloudProvider", "application", "entityType", "entityId", "idPrefix", "account", "region", "namespace",
                 "maxResults"] SignIn run!(tags::list);
            GET "/tags/{id}" "The tags of one entity" SignIn run!(tags::get);
            POST "/tags" "Tag an entity"
                ["entityId", "entityType", "account", "region", "cloudProvider", "application", "isPartial"] SignIn
                run!(tags::save);
            DELETE "/tags/{id}/{tag}" "Remove a tag, or several with commas between them" SignIn run!(tags::delete);
            POST "/batch/tags" "Tag several entities" SignIn run!(tags::save_many);
        },
    },
];
