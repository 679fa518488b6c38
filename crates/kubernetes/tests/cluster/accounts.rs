//! Credentials from everywhere.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use gennaker_kubernetes::{Class, Error};
use gennaker_settings::{KubernetesAccount, Secret};
use gennaker_testkit::kube::Cluster;

use crate::support::{account_of, at, settings};

/// A kubeconfig that trusts the shared cluster and names a user in its own words.
fn kubeconfig(folder: &Path, user: &str) -> std::path::PathBuf {
    let cluster = Cluster::shared();
    let authority = cluster.folder().join("pki/ca.crt");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{{name: c, context: {{cluster: c, user: u, namespace: home}}}}]\n\
         clusters: [{{name: c, cluster: {{server: \"{}\", certificate-authority: {}}}}}]\nusers:\n- name: u\n  user: {user}\n",
        cluster.url(),
        authority.display(),
    );
    let file = folder.join("kubeconfig");
    std::fs::write(&file, text).unwrap();
    file
}

fn token(name: &str) -> String {
    let cluster = Cluster::shared();
    let _ = cluster.kubectl(&["create", "serviceaccount", name, "-n", "default"]);
    let _ = cluster.kubectl(&[
        "create",
        "clusterrolebinding",
        name,
        "--clusterrole",
        "view",
        "--serviceaccount",
        &format!("default:{name}"),
    ]);
    cluster
        .kubectl(&["create", "token", name, "-n", "default"])
        .unwrap()
        .trim()
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_a_kubeconfig_is_read_again_when_the_file_changes() {
    let folder = tempfile::tempdir().unwrap();
    let file = kubeconfig(folder.path(), "{token: nonsense}");
    let account = account_of(settings("token", &file));
    let where_ = at("namespace", "", "default");
    let refused = account.get(&where_).await.unwrap_err();
    assert_eq!(refused.class(), Class::Unauthorized, "{refused}");
    kubeconfig(folder.path(), &format!("{{token: {}}}", token("changing")));
    // The refusal makes it look again at once.
    account.get(&where_).await.unwrap();
    assert_eq!(account.default_namespace().await.unwrap(), "home");
}

#[tokio::test(flavor = "multi_thread")]
async fn contents_in_the_settings_do_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(kubeconfig(
        folder.path(),
        &format!("{{token: {}}}", token("inline")),
    ))
    .unwrap();
    let account = account_of(KubernetesAccount {
        kubeconfig_file: None,
        kubeconfig_contents: Some(Secret::new(text)),
        ..settings("inline", folder.path())
    });
    account.get(&at("namespace", "", "default")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_for_credentials_runs_only_when_it_may() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("plugin");
    let credential = format!(
        "{{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{{\"token\":\"{}\"}}}}",
        token("plugin")
    );
    std::fs::write(&program, format!("#!/bin/sh\necho '{credential}'\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let user = format!(
        "{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: {}, interactiveMode: Never}}}}",
        program.display()
    );
    let file = kubeconfig(folder.path(), &user);
    let where_ = at("namespace", "", "default");
    let refused = account_of(settings("plugin", &file))
        .get(&where_)
        .await
        .unwrap_err();
    assert!(matches!(refused, Error::Credentials { .. }), "{refused}");
    assert!(refused.to_string().contains("allow_exec"), "{refused}");
    let allowed = account_of(KubernetesAccount {
        allow_exec: true,
        ..settings("plugin", &file)
    });
    allowed.get(&where_).await.unwrap();

    std::fs::write(
        &program,
        "#!/bin/sh\necho secret-token; echo 'no session' >&2; exit 3\n",
    )
    .unwrap();
    let failed = account_of(KubernetesAccount {
        allow_exec: true,
        ..settings("plugin", &file)
    });
    let failed = failed.get(&where_).await.unwrap_err().to_string();
    assert!(
        failed.contains("no session") && !failed.contains("secret-token"),
        "{failed}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kubeconfig_that_is_none_is_named_and_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kubeconfig");
    let account = account_of(settings("broken", &file));
    let where_ = at("namespace", "", "default");
    let missing = account.get(&where_).await.unwrap_err().to_string();
    assert!(
        missing.contains("account broken has no credentials") && missing.contains("kubeconfig"),
        "{missing}"
    );
    std::fs::write(&file, "users: [secret-text").unwrap();
    let broken = account.get(&where_).await.unwrap_err().to_string();
    assert!(
        broken.contains("is no kubeconfig") && !broken.contains("secret-text"),
        "{broken}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_takes_its_time_runs_once() {
    let folder = tempfile::tempdir().unwrap();
    let (program, runs) = (folder.path().join("plugin"), folder.path().join("runs"));
    let text = format!(
        "#!/bin/sh\necho run >> {}\nsleep 4\nexit 1\n",
        runs.display()
    );
    std::fs::write(&program, text).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let user = format!(
        "{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: {}, interactiveMode: Never}}}}",
        program.display()
    );
    let account = account_of(KubernetesAccount {
        allow_exec: true,
        request_timeout_ms: 1_000,
        ..settings("slow", &kubeconfig(folder.path(), &user))
    });
    for _ in 0..3 {
        let late = account
            .get(&at("namespace", "", "default"))
            .await
            .unwrap_err();
        assert_eq!(late.class(), Class::Timeout, "{late}");
    }
    assert_eq!(std::fs::read_to_string(&runs).unwrap(), "run\n");
}
