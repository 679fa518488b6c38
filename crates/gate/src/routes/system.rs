//! The server itself. Source: gate `VersionController`, `RootController`, `CapabilitiesController`, `AdminController`,
//! `PluginInfoController`, `CronController`, `WebhookController`, …

use super::{Does, Group, Whose, run, table};
use crate::{admin, capabilities, cron, health, plugins, webhooks};

/// Why there is nothing of plugins.
const NO_PLUGINS: &str = "plugins are not run";

pub(super) const GROUPS: &[Group] = &[
    Group {
        title: "Versions, capabilities, administration",
        whose: Whose::Gate,
        routes: table! {
            GET "/" "Go to the web interface: the first of gate.allowed_origins that is no pattern" Nothing run!(health::root);
            GET "/version" "Version of the server" Nothing run!(health::version);
            GET "/health" "Whether the system can do its work" Nothing run!(health::health);
            GET "/v3/api-docs" "This document" Nothing run!(health::api_docs);
            GET "/capabilities/expressions" "Functions of expressions" SignIn run!(capabilities::expressions);
            GET "/capabilities/deploymentMonitors" "Deployment monitors" SignIn
                Does::Say("[]", "monitored deployments are not built");
            GET "/capabilities/quietPeriod" "Quiet period" SignIn run!(capabilities::quiet_period);
            GET "/admin" "Whether the user is an administrator" SignIn run!(admin::whoami);
            PUT "/admin/executions/forceCancel" "Cancel an execution that does not end" ["executionId", "executionType", "reason"]
                Admin run!(admin::force_cancel);
            POST "/admin/executions/hydrate" "What holds an execution that seems stuck" ["executionId", "dryRun"] Admin
                run!(admin::hydrate);
            GET "/banners" "Global banners" Nothing Does::Say("[]", "banners are not built");
            GET "/banners/all" "Global banners, also those that are not shown" Admin
                Does::Say("[]", "banners are not built");
            GET "/banners/{id}" "One global banner" SignIn Does::Lack("Banner not found");
            PUT "/banners" "Save a global banner" Admin Does::Miss("banners");
            POST "/banners/{id}" "Change a global banner" Admin Does::Miss("banners");
            DELETE "/banners/{id}" "Delete a global banner" Admin Does::Miss("banners");
        },
    },
    Group {
        title: "Events and schedules",
        whose: Whose::Gate,
        routes: table! {
            POST "/webhooks/{type}/{source}" "An event from outside; triggers of the types webhook, git and cdevents look at it" Nothing
                run!(webhooks::receive);
            GET "/cron/validate" "Whether a schedule is valid, and what it says" ["expression"] SignIn run!(cron::validate);
            GET "/pubsub/subscriptions" "Subscriptions" SignIn run!(capabilities::subscriptions);
            GET "/slack/channels" "Slack channels" SignIn Does::Say("[]", "Slack is not asked");
            GET "/pagerDuty/services" "PagerDuty services" SignIn Does::Miss("PagerDuty");
            GET "/pagerDuty/oncalls" "Who is on call" SignIn Does::Miss("PagerDuty");
        },
    },
    Group {
        title: "Plugins and extensions",
        whose: Whose::Gate,
        routes: table! {
            GET "/plugins/deck/plugin-manifest.json" "Plugins of the web interface" Nothing Does::Say("[]", NO_PLUGINS);
            GET "/plugins/deck/{id}/{version}/{*asset}" "A file of a plugin of the web interface" Nothing
                Does::Lack("Plugin not found: plugins are not run");
            GET "/plugins/info" "What is known of plugins" ["service"] SignIn run!(plugins::list);
            POST "/plugins/info" "Save what is known of a plugin" Admin run!(plugins::save);
            PUT "/plugins/info" "Save what is known of a plugin" Admin run!(plugins::save);
            DELETE "/plugins/info/{id}" "Forget a plugin" Admin run!(plugins::delete);
            GET "/plugins/installed" "Plugins that run, by service" ["service"] SignIn Does::Say("{}", NO_PLUGINS);
            POST "/plugins/publish/{id}/{version}" "Upload a plugin" Admin Does::Miss("plugins");
            GET "/proxies" "Configured proxies" SignIn Does::Say("[]", "none can be configured");
            GET "/proxies/{proxy}/{*rest}" "A request through a proxy" SignIn Does::Miss("proxies");
            POST "/proxies/{proxy}/{*rest}" "A request through a proxy" SignIn Does::Miss("proxies");
            PUT "/proxies/{proxy}/{*rest}" "A request through a proxy" SignIn Does::Miss("proxies");
            DELETE "/proxies/{proxy}/{*rest}" "A request through a proxy" SignIn Does::Miss("proxies");
            GET "/extensions/{id}/{*rest}" "The API of a plugin" SignIn Does::Miss("plugins");
            POST "/extensions/{id}/{*rest}" "The API of a plugin" SignIn Does::Miss("plugins");
            PUT "/extensions/{id}/{*rest}" "The API of a plugin" SignIn Does::Miss("plugins");
            DELETE "/extensions/{id}/{*rest}" "The API of a plugin" SignIn Does::Miss("plugins");
        },
    },
];
