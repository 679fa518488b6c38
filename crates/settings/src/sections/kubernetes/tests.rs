use super::*;

fn account(name: &str) -> KubernetesAccount {
    KubernetesAccount {
        name: name.to_owned(),
        kubeconfig_file: Some("/etc/kubeconfig".to_owned()),
        ..KubernetesAccount::default()
    }
}

#[test]
fn an_account_that_cannot_be_used_is_named_and_the_others_load() {
    let strings = |list: &[&str]| list.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    let settings = Kubernetes {
        accounts: vec![
            account("prod"),
            KubernetesAccount {
                namespaces: strings(&["a"]),
                omit_namespaces: strings(&["b"]),
                ..account("both")
            },
            KubernetesAccount {
                kubeconfig_file: None,
                ..account("none")
            },
            account("prod"),
            account(""),
            KubernetesAccount {
                zone: Some("any".to_owned()),
                ..account("zoned")
            },
            account("test"),
        ],
        ..Kubernetes::default()
    };
    let found = settings.read_accounts();
    let names: Vec<_> = found.accounts.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["prod", "test"]);
    let skipped: Vec<_> = found
        .skipped
        .iter()
        .map(|it| (it.name.as_str(), it.reason.as_str()))
        .collect();
    assert_eq!(
        skipped,
        [
            (
                "both",
                "At most one of 'namespaces' and 'omitNamespaces' can be specified"
            ),
            (
                "none",
                "it has neither kubeconfig_file nor kubeconfig_contents nor service_account"
            ),
            ("prod", "another account has the same name"),
            (
                "account 5 of kubernetes.accounts",
                "Account name for Kubernetes provider missing."
            ),
            (
                "zoned",
                "zone \"any\" must be 1 to 63 letters, digits, - or _, and not \"any\""
            ),
        ]
    );
}

#[test]
fn files_of_spinnakers_shape_are_read() {
    let folder = std::env::temp_dir().join(format!("gennaker-accounts-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write(
        "1.yml",
        r#"
kubernetes:
  enabled: true
  accounts:
  - name: prod
    requiredGroupMembership: []
    providerVersion: V2
    permissions: {READ: [everyone], WRITE: [ops]}
    dockerRegistries: [{accountName: x}]
    namespaces: []
    omitNamespaces: [kube-system]
    kinds: []
    customResources:
    - {kubernetesKind: Rollout.argoproj.io, versioned: true, deployPriority: 50}
    kubeconfigFile: /etc/prod
    kubectlRequestTimeoutSeconds: 20
    rawResourcesEndpointConfig: {kindExpressions: [], omitKindExpressions: ["pod"]}
    somethingOfAPlugin: 1
  - {name: broken, kubeconfigFile: [secret-text]}
  - {name: oauth, oAuthServiceAccount: /x}
  - {name: google, kubeconfigFile: /etc/gke, oAuthServiceAccount: /etc/key.json, oAuthScopes: [one, two]}
"#,
    );
    write(
        "2.yaml",
        "name: single\nserviceAccount: true\nzone: z1\nallowExec: true\n",
    );
    write(
        "3.json",
        r#"[{"name": "listed", "kubeconfigContents": "apiVersion: v1"}]"#,
    );
    write("4.yml", "a: [secret-text");
    write("readme.txt", "no accounts");
    let settings = Kubernetes {
        accounts_folder: Some(folder.display().to_string()),
        ..Kubernetes::default()
    };
    let found = settings.read_accounts();
    std::fs::remove_dir_all(&folder).unwrap();

    let names: Vec<_> = found.accounts.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["prod", "google", "single", "listed"]);
    let google = &found.accounts[1];
    assert_eq!(
        google.oauth_service_account.as_deref(),
        Some("/etc/key.json")
    );
    assert_eq!(google.oauth_scopes, ["one", "two"]);
    let prod = &found.accounts[0];
    assert_eq!(prod.omit_namespaces, ["kube-system"]);
    assert_eq!(prod.request_timeout_ms, 20_000);
    assert_eq!(prod.raw_omit_kinds, ["pod"]);
    assert_eq!(prod.permissions["WRITE"], ["ops"]);
    assert_eq!(prod.custom_resources[0].deploy_priority, "50");
    assert!(prod.custom_resources[0].versioned && prod.custom_resources[0].namespaced);
    assert_eq!(found.accounts[2].zone.as_deref(), Some("z1"));
    assert!(found.accounts[2].allow_exec);

    let skipped = format!("{:?}", found.skipped);
    for part in ["broken", "kubeconfig_file", "oauth", "4.yml", "no YAML"] {
        assert!(skipped.contains(part), "{part} is missing in {skipped}");
    }
    assert!(!skipped.contains("secret-text"), "{skipped}");
    let ignored = found.ignored.join(" ");
    for key in [
        "providerVersion",
        "dockerRegistries",
        "something_of_a_plugin",
    ] {
        assert!(ignored.contains(key), "{key} is missing in {ignored}");
    }
}
