use super::*;
use crate::sections::LogFormat;

fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn file(text: &str) -> Option<File<'_>> {
    Some(File {
        name: "gennaker.toml",
        text,
    })
}

fn problem(text: &str, pairs: &[(&str, &str)]) -> String {
    load(file(text), env(pairs)).unwrap_err().to_string()
}

#[test]
fn nothing_means_defaults() {
    assert_eq!(load(None, env(&[])).unwrap(), Settings::default());
    assert_eq!(
        load(file(""), env(&[("PATH", "/bin"), ("HOME", "/")])).unwrap(),
        Settings::default()
    );
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
    let text =
        "zone = \"a\"\n[broker]\nreplicas = 3\npartitions = 12\n[broker.tls]\nca_file = \"/ca\"\n";
    let settings = load(
        file(text),
        env(&[
            ("GENNAKER_BROKER__PARTITIONS", "24"),
            ("GENNAKER_BROKER__TLS__REQUIRED", "true"),
            ("GENNAKER_ZONE", "b"),
            ("GENNAKER_TELEMETRY__LOG_FORMAT", "json"),
            ("GENNAKER_GATE__LISTEN", "[::]:80"),
        ]),
    )
    .unwrap();
    assert_eq!(
        (settings.broker.replicas, settings.broker.partitions),
        (3, 24)
    );
    assert_eq!(
        (
            settings.broker.tls.required,
            settings.broker.tls.ca_file.as_deref()
        ),
        (true, Some("/ca"))
    );
    assert_eq!(
        (&*settings.zone, settings.telemetry.log_format),
        ("b", LogFormat::Json)
    );
    assert_eq!(settings.gate.listen, "[::]:80".parse().unwrap());
    assert_eq!(settings.scheduler, Settings::default().scheduler);
}

#[test]
fn lists_stand_in_variables_with_commas_or_as_toml() {
    let hosts = |value: &str| {
        load(None, env(&[("GENNAKER_GATE__ALLOWED_HOSTS", value)]))
            .unwrap()
            .gate
            .allowed_hosts
    };
    assert_eq!(
        hosts("a.example.com, b.example.com,"),
        ["a.example.com", "b.example.com"]
    );
    assert_eq!(hosts(r#"["a", "b"]"#), ["a", "b"]);
    assert_eq!(hosts("[::1]"), ["[::1]"]);
    assert_eq!(hosts("[::1],a"), ["[::1]", "a"]);
}

#[test]
fn text_stays_text() {
    let settings = load(
        None,
        env(&[
            ("GENNAKER_BROKER__USERNAME", "123"),
            ("GENNAKER_BROKER__PASSWORD", " true "),
        ]),
    )
    .unwrap();
    assert_eq!(settings.broker.username.as_deref(), Some("123"));
    assert_eq!(settings.broker.password.unwrap().expose(), " true ");
}

#[test]
fn other_variables_are_not_settings() {
    let others = env(&[
        ("GENNAKER_NATS_SERVER", "/bin/nats-server"),
        ("GENNAKER_BIN", "x"),
        ("GENNAKER_URL", "http://x"),
        ("GENNAKER_GATE", "a section, not a setting"),
        ("GENNAKER_BROKER__REPLICAS", ""),
        ("XGENNAKER_A__B", "x"),
    ]);
    assert_eq!(load(None, others).unwrap(), Settings::default());
}

#[test]
fn unknown_keys_name_the_nearest() {
    assert_eq!(
        problem("[broker]\nreplica = 3\n", &[]),
        "gennaker.toml: there is no setting broker.replica; did you mean broker.replicas?"
    );
    assert_eq!(
        problem("[broker.tls]\ncafile = \"x\"\n", &[]),
        "gennaker.toml: there is no setting broker.tls.cafile; did you mean broker.tls.ca_file?"
    );
    assert_eq!(
        problem("[brokr]\n", &[]),
        "gennaker.toml: there is no setting brokr; did you mean broker?"
    );
    assert_eq!(
        problem("wholly-other = 1\n", &[]),
        "gennaker.toml: there is no setting wholly-other"
    );
}

#[test]
fn unknown_variables_name_the_nearest() {
    assert_eq!(
        problem("", &[("GENNAKER_BROKER__URL", "x")]),
        "the environment variable GENNAKER_BROKER__URL is no setting; did you mean GENNAKER_BROKER__URLS?"
    );
    assert_eq!(
        problem("", &[("GENNAKER_broker__urls", "x")]),
        "the environment variable GENNAKER_broker__urls is no setting; did you mean GENNAKER_BROKER__URLS?"
    );
    assert_eq!(
        problem("", &[("GENNAKER_BROKER__TLS", "x")]),
        "the environment variable GENNAKER_BROKER__TLS is no setting; did you mean GENNAKER_BROKER__URLS?"
    );
    assert_eq!(
        problem("", &[("GENNAKER_X__Y", "x")]),
        "the environment variable GENNAKER_X__Y is no setting"
    );
}

#[test]
fn wrong_types_name_place_and_path() {
    for (text, pairs, expected) in [
        (
            "[broker]\nreplicas = \"three\"\n",
            &[][..],
            "gennaker.toml: broker.replicas: ",
        ),
        (
            "[broker]\nurls = [1]\n",
            &[],
            "gennaker.toml: broker.urls[0]: ",
        ),
        (
            "[gate]\nlisten = \"here\"\n",
            &[],
            "gennaker.toml: gate.listen: ",
        ),
        ("gate = 5\n", &[], "gennaker.toml: gate: "),
        (
            "",
            &[("GENNAKER_BROKER__REPLICAS", "three")],
            "GENNAKER_BROKER__REPLICAS: broker.replicas: must be a whole number",
        ),
        (
            "",
            &[("GENNAKER_BROKER__REPLICAS", "300")],
            "GENNAKER_BROKER__REPLICAS: broker.replicas: ",
        ),
        (
            "",
            &[("GENNAKER_BROKER__TLS__REQUIRED", "yes")],
            "GENNAKER_BROKER__TLS__REQUIRED: broker.tls.required: must be true or false",
        ),
        (
            "",
            &[("GENNAKER_GATE__LISTEN", "here")],
            "GENNAKER_GATE__LISTEN: gate.listen: ",
        ),
        (
            "",
            &[("GENNAKER_WORKER__POOLS", "[1]")],
            "GENNAKER_WORKER__POOLS: worker.pools[0]: ",
        ),
        (
            "",
            &[("GENNAKER_TELEMETRY__LOG_FORMAT", "xml")],
            "GENNAKER_TELEMETRY__LOG_FORMAT: telemetry.log_format: ",
        ),
        (
            "gate = 5\n",
            &[("GENNAKER_GATE__LISTEN", "[::]:1")],
            "GENNAKER_GATE__LISTEN: gate.listen: gate is not a section in the file",
        ),
    ] {
        let got = problem(text, pairs);
        assert!(got.starts_with(expected), "{expected:?} but got {got:?}");
        assert!(!got.contains('\n'), "{got:?}");
    }
}

#[test]
fn syntax_errors_name_line_and_column_and_no_secret() {
    let text = "zone = \"a\"\n[broker]\npassword = \"hunter2\nurls = []\n";
    let got = problem(text, &[]);
    assert!(got.starts_with("gennaker.toml:3:"), "{got}");
    assert!(!got.contains("hunter2"), "{got}");
    let twice = problem("zone = \"a\"\nzone = \"b\"\n", &[]);
    assert!(twice.starts_with("gennaker.toml:2:1: "), "{twice}");
}

#[test]
fn secrets_of_the_wrong_type_are_not_quoted() {
    let got = problem("[broker]\nusername = \"u\"\npassword = 12345678\n", &[]);
    assert_eq!(got, "gennaker.toml: broker.password: expected a string");
}

#[test]
fn what_was_loaded_is_checked() {
    let got = problem(
        "[broker]\nreplicas = 2\n",
        &[("GENNAKER_WORKER__CONCURRENCY", "0")],
    );
    assert_eq!(
        got,
        "broker.replicas is 2, must be 1, 3 or 5; worker.concurrency is 0, must be between 1 and 10000"
    );
}

#[test]
fn reads_a_file_and_the_password_file() {
    let folder = std::env::temp_dir().join(format!("gennaker-settings-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let password = folder.join("password");
    fs::write(&password, "hunter2\n").unwrap();
    let settings = folder.join("gennaker.toml");
    let text = format!(
        "[broker]\nusername = \"u\"\npassword_file = {:?}\n",
        password.display().to_string()
    );
    fs::write(&settings, text).unwrap();
    let broker = read(Some(&settings)).unwrap().broker;
    assert_eq!(broker.read_password().unwrap().unwrap().expose(), "hunter2");
    fs::remove_dir_all(&folder).unwrap();
    assert!(broker.read_password().is_err());
    let gone = read(Some(&settings)).unwrap_err();
    assert!(matches!(gone, Error::Read { .. }), "{gone}");
}
