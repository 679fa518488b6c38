//! Kayenta's own addresses (canary reference 4), below a prefix so that they meet none of Gate's. At a port of their own they stand
//! at the root.

use super::{Does, Group, Whose, run, table};
use crate::kayenta::{self, objects, standalone};
use crate::{canary_configs, canary_runs};

pub(super) const GROUPS: &[Group] = &[Group {
    title: "Kayenta's own API",
    whose: Whose::Kayenta,
    routes: table! {
        GET "/kayenta/canaryConfig" "Canary configurations" ["application", "configurationAccountName"] SignIn
            run!(canary_configs::list);
        POST "/kayenta/canaryConfig" "Make a canary configuration" ["configurationAccountName"] SignIn
            run!(canary_configs::create);
        GET "/kayenta/canaryConfig/{id}" "One canary configuration" ["configurationAccountName"] SignIn
            run!(canary_configs::get);
        PUT "/kayenta/canaryConfig/{id}" "Replace a canary configuration" ["configurationAccountName"] SignIn
            run!(canary_configs::update);
        DELETE "/kayenta/canaryConfig/{id}" "Delete a canary configuration" ["configurationAccountName"] SignIn
            run!(canary_configs::remove);
        POST "/kayenta/canary" "Judge a canary by a configuration that is sent along"
            ["application", "parentPipelineExecutionId", "metricsAccountName", "configurationAccountName", "storageAccountName"]
            SignIn run!(canary_runs::start_given);
        POST "/kayenta/canary/{id}" "Judge a canary by a stored configuration"
            ["application", "parentPipelineExecutionId", "metricsAccountName", "configurationAccountName", "storageAccountName"]
            SignIn run!(canary_runs::start_stored);
        GET "/kayenta/canary/executions" "Canary analyses of an application, newest first"
            ["application", "limit", "page", "statuses", "storageAccountName", "partial"] SignIn run!(canary_runs::list);
        GET "/kayenta/canary/{id}" "What came of a canary analysis" ["storageAccountName"] SignIn run!(canary_runs::get);
        GET "/kayenta/judges" "The judges that a configuration can name" SignIn run!(canary_configs::judges);
        POST "/kayenta/judges/judge" "Judge stored metrics at once"
            ["canaryConfigId", "metricSetPairListId", "passThreshold", "marginalThreshold", "configurationAccountName",
             "metricsAccountName", "storageAccountName"] SignIn run!(kayenta::judge);
        POST "/kayenta/judges/comparison" "Judge stored metrics by two judges"
            ["canaryConfigId", "metricSetPairListId", "passThreshold", "marginalThreshold", "configurationAccountName",
             "metricsAccountName", "storageAccountName", "overrideCanaryJudge1", "overrideCanaryJudge2"] SignIn
            run!(kayenta::compare);
        GET "/kayenta/judges/comparison/{id}" "What two judges said" ["storageAccountName"] SignIn run!(objects::comparison);
        GET "/kayenta/metricSetList" "Lists of series" ["accountName"] SignIn run!(objects::sets);
        POST "/kayenta/metricSetList" "Keep a list of series" ["accountName"] SignIn run!(objects::put_sets);
        GET "/kayenta/metricSetList/{id}" "One list of series" ["accountName"] SignIn run!(objects::set);
        DELETE "/kayenta/metricSetList/{id}" "Delete a list of series" ["accountName"] SignIn run!(objects::delete_sets);
        GET "/kayenta/metricSetPairList" "Lists of pairs of series" ["accountName"] SignIn run!(objects::pairs);
        POST "/kayenta/metricSetPairList" "Keep a list of pairs" ["accountName"] SignIn run!(objects::put_pairs);
        GET "/kayenta/metricSetPairList/{id}" "One list of pairs: the metrics that were judged" ["accountName"] SignIn
            run!(objects::pair_list);
        GET "/kayenta/metricSetPairList/{id}/{pairId}" "One pair" ["accountName"] SignIn run!(objects::pair);
        DELETE "/kayenta/metricSetPairList/{id}" "Delete a list of pairs" ["accountName"] SignIn run!(objects::delete_pairs);
        GET "/kayenta/canaryResultArchive" "Archived analyses" ["accountName"] SignIn run!(objects::archives);
        POST "/kayenta/canaryResultArchive" "Archive an analysis" ["accountName", "pipelineId"] SignIn
            run!(objects::put_archive);
        GET "/kayenta/canaryResultArchive/{id}" "One archived analysis" ["accountName"] SignIn run!(objects::archive);
        PUT "/kayenta/canaryResultArchive/{id}" "Replace an archived analysis" ["accountName"] SignIn
            run!(objects::replace_archive);
        DELETE "/kayenta/canaryResultArchive/{id}" "Delete an archived analysis" ["accountName"] SignIn
            run!(objects::delete_archive);
        GET "/kayenta/credentials" "Accounts of metrics and of storage" SignIn run!(kayenta::credentials);
        DELETE "/kayenta/credentials/{name}" "Remove an account" Admin Does::Miss("removing accounts but by the settings");
        GET "/kayenta/metricsServices" "Accounts of metrics" SignIn run!(kayenta::metrics_services);
        GET "/kayenta/metadata/metricsService" "Metrics that a source knows" ["filter", "metricsAccountName"] SignIn
            run!(kayenta::metadata);
        POST "/kayenta/fetch/{source}/query" "Ask a source once, and keep what it gives"
            ["metricsAccountName", "storageAccountName", "metricSetName", "metricName", "metricType", "resourceType", "project",
             "groupByFields", "fields", "q", "aggregate", "summarization", "crossSeriesReducer", "perSeriesAligner", "scope",
             "location", "start", "end", "startTimeIso", "endTimeIso", "step", "customFilter", "metricIndex", "dryRun"] SignIn
            run!(kayenta::fetch);
        POST "/kayenta/standalone_canary_analysis" "A canary with its intervals, by a configuration that is sent along"
            ["user", "application", "parentPipelineExecutionId", "metricsAccountName", "configurationAccountName",
             "storageAccountName"] SignIn run!(standalone::start_given);
        POST "/kayenta/standalone_canary_analysis/{id}" "A canary with its intervals, by a stored configuration"
            ["user", "application", "parentPipelineExecutionId", "metricsAccountName", "configurationAccountName",
             "storageAccountName"] SignIn run!(standalone::start_stored);
        GET "/kayenta/standalone_canary_analysis/{id}" "What came of it" ["storageAccountName"] SignIn run!(standalone::get);
        GET "/kayenta/pipelines/{id}" "The execution that an analysis is" SignIn run!(kayenta::pipeline);
        PUT "/kayenta/pipelines/{id}/cancel" "Cancel an analysis" ["reason"] SignIn run!(kayenta::cancel);
        POST "/kayenta/pipelines/start" "Start any execution" SignIn
            Does::Miss("executions of Kayenta's own orca: start a pipeline");
    },
}];
