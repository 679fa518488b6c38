//! A pool at work over the in-memory broker, with a double of a Jenkins.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Duration,
};

use gennaker_builds::jenkins::{Jenkins, JenkinsIdentity, Options as JenkinsOptions};
use gennaker_builds::{Kind, Master, Masters};
use gennaker_outbound::{Client, Policy};
use gennaker_testkit::jenkins::{Jenkins as Double, Job, Parameter, Rules};
use gennaker_worker::testing::Workbench;
pub(crate) use gennaker_worker::testing::{context, error};

use crate::{Config, POOL, registry};

/// A pool at work, with a Jenkins.
pub(crate) struct Fixture {
    pub(crate) double: Double,
    pub(crate) masters: Masters,
    workbench: Workbench,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let double = Double::start(Rules {
            crumbs: true,
            ..Rules::default()
        })
        .await;
        double.job(telling("deploy"));
        double.job(Job {
            name: "plain".to_owned(),
            ..Job::default()
        });
        let masters = masters(double.url());
        let config = Config {
            masters: masters.clone(),
            ui_url: Some("https://spin.example.com/".to_owned()),
            script: Some(("ci".to_owned(), "deploy".to_owned())),
            ..Config::default()
        };
        let workbench = Workbench::new(POOL).await;
        workbench.work(registry(&config));
        Self {
            double,
            masters,
            workbench,
        }
    }
}

impl Deref for Fixture {
    type Target = Workbench;

    fn deref(&self) -> &Workbench {
        &self.workbench
    }
}

impl DerefMut for Fixture {
    fn deref_mut(&mut self) -> &mut Workbench {
        &mut self.workbench
    }
}

/// A job that declares the parameter for the token.
pub(crate) fn telling(name: &str) -> Job {
    Job {
        name: name.to_owned(),
        parameters: vec![
            Parameter::Text("WHO".to_owned(), "nobody".to_owned()),
            Parameter::Text("COMMAND".to_owned(), String::new()),
            Parameter::Text("GENNAKER_TOKEN".to_owned(), String::new()),
        ],
        ..Job::default()
    }
}

fn masters(address: String) -> Masters {
    let options = JenkinsOptions {
        name: "ci".to_owned(),
        address,
        identity: JenkinsIdentity::default(),
        csrf: true,
        token_parameter: "GENNAKER_TOKEN".to_owned(),
        timeout: Duration::from_millis(1_500),
    };
    let client = Client::new(Policy::trusted(), gennaker_outbound::Options::default()).unwrap();
    Masters::new([Master {
        name: "ci".to_owned(),
        kind: Kind::Jenkins,
        zone: None,
        permissions: std::collections::BTreeMap::new(),
        item_upper_threshold: None,
        server: Arc::new(Jenkins::new(options, client).unwrap()),
    }])
}
