//! `GET /credentials`. Source: gate `CredentialsController`, clouddriver `KubernetesCredentials`.

use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use gennaker_manifests::views;
use gennaker_model::reads::Ask;
use gennaker_settings::KubernetesAccount;
use serde_json::{Value, json};

use super::{PROVIDER, custom_kinds};
use crate::{Gate, answer::Answer, call::Call, problem::Problem};

/// Longest wait for an account's namespaces: the web interface starts with this list.
const NAMESPACES_WAIT: Duration = Duration::from_secs(3);
/// Accounts that are asked at the same time.
const AT_ONCE: usize = 32;

/// All accounts; with `expand` with everything that is known of each.
pub(crate) async fn list(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let shown = match call.query_bool("expand", false)? {
        false => gate.kubernetes().iter().map(short).collect(),
        true => {
            let mut questions: Vec<BoxFuture<'_, Value>> = Vec::new();
            for account in gate.kubernetes() {
                questions.push(details(&gate, account).boxed());
            }
            stream::iter(questions).buffered(AT_ONCE).collect().await
        }
    };
    Ok(Answer::json(Value::Array(shown)))
}

/// One account; one that does not exist is an empty answer, as in Gate.
pub(crate) async fn one(gate: Gate, call: Call) -> Result<Answer, Problem> {
    match gate.kubernetes_account(call.param("account")) {
        Ok(account) => Ok(Answer::json(details(&gate, account).await)),
        Err(_) => Ok(Answer::empty()),
    }
}

fn short(account: &KubernetesAccount) -> Value {
    json!({
        "name": account.name, "accountId": account.name, "type": PROVIDER,
        "requiredGroupMembership": account.required_group_membership, "permissions": account.permissions,
        "authorized": true,
    })
}

async fn details(gate: &Gate, account: &KubernetesAccount) -> Value {
    let mut shown = short(account);
    let or_name = |text: &Option<String>| text.clone().unwrap_or_else(|| account.name.clone());
    let more = json!({
        "accountType": or_name(&account.account_type), "environment": or_name(&account.environment),
        "cloudProvider": PROVIDER, "primaryAccount": false, "challengeDestructiveActions": false, "skin": "v2",
        "providerVersion": "v2", "dockerRegistries": [], "namespaces": namespaces(gate, account).await,
        "spinnakerKindMap": views::spinnaker_kind_map(&custom_kinds(account)),
    });
    if let (Value::Object(shown), Value::Object(more)) = (&mut shown, more) {
        shown.extend(more);
    }
    shown
}

/// The namespaces of an account: its own list, or what its cluster says. Nothing when nobody says it in time, so that one cluster
/// that does not answer hides no account.
async fn namespaces(gate: &Gate, account: &KubernetesAccount) -> Value {
    if !account.namespaces.is_empty() {
        return json!(account.namespaces);
    }
    match gate
        .asked(account, Ask::Namespaces, Some(NAMESPACES_WAIT))
        .await
    {
        Ok(namespaces) => namespaces,
        Err(problem) => {
            tracing::debug!(
                account = account.name,
                "the namespaces of account {} are not known: {}",
                account.name,
                problem.message
            );
            json!([])
        }
    }
}
