//! `canary calibrate`: how often a configuration fails a canary that is no different, and the smallest change that it sees. Ours.

use gennaker_judge::{
    CanaryConfig, MetricSetPair, Request, Thresholds,
    calibrate::{Calibration, SEEN, calibrate},
};
use serde_json::{Value, json};

use super::{Done, Said, Spin, args::canary::CalibrateArgs, flags};
use crate::{
    Exit, Failure, Global, Io,
    io::{read_file, reason},
    output::Format,
    text::{clean, encode, table},
};

/// Calibrates on metrics of a file, without a server, and gives the exit code.
pub(super) fn run(args: &CalibrateArgs, file: &str, global: &Global, io: &mut Io) -> u8 {
    match on_file(args, file, global, io) {
        Ok(()) => Exit::Succeeded.code(),
        Err(failure) => {
            for line in failure.lines() {
                io.note(&line);
            }
            failure.exit.code()
        }
    }
}

fn on_file(args: &CalibrateArgs, file: &str, global: &Global, io: &mut Io) -> Result<(), Failure> {
    let format = Format::of_verb(global.output.as_deref())?;
    let config = contents(&args.file, io)?;
    let metrics = contents(file, io)?;
    let calibration = calibrated(args, &config, &metrics).map_err(Failure::command)?;
    match format {
        Format::Human => {
            for line in lines(&calibration) {
                io.say(&line);
            }
        }
        format => io.say(
            format
                .render(&document(&calibration))
                .map_err(Failure::command)?
                .trim_end(),
        ),
    }
    Ok(())
}

impl Spin<'_> {
    /// Calibrates on metrics that the server has, or fetches.
    pub(super) async fn calibrate(&mut self, args: &CalibrateArgs) -> Done {
        let config = self.required_document(&args.file)?;
        let id = match &args.analysis {
            Some(id) => id.clone(),
            None => self.fetched(&config, args).await?,
        };
        let result = self
            .complete(&id, &args.storage_account, usize::MAX)
            .await?;
        let list = ["metricSetPairListId", "result.metricSetPairListId"]
            .iter()
            .find_map(|path| {
                path.split('.')
                    .try_fold(&result, |at, key| at.get(key))?
                    .as_str()
            });
        let list = list.ok_or_else(|| {
            let status = result["status"].as_str().unwrap_or("unknown");
            Said::new(format!(
                "canary execution {id} has kept no metrics (status {status})"
            ))
        })?;
        let path = format!("/v2/canaries/metricSetPairList/{}", encode(list));
        let pairs = self.document("GET", &path, None).await?;
        let calibration =
            calibrated(args, &config.to_string(), &pairs.to_string()).map_err(Said::new)?;
        if self.ui.has_format() {
            self.ui.document(&document(&calibration));
        } else {
            for line in lines(&calibration) {
                self.ui.io.say(&line);
            }
        }
        Ok(())
    }

    /// Has the server fetch the metrics of one population for both sides.
    async fn fetched(&mut self, config: &Value, args: &CalibrateArgs) -> Result<String, Said> {
        let parameters = match args.extended_scope_params.as_slice() {
            [] => Value::Null,
            given => {
                Value::Object(flags::pairs("extended-scope-params", given).map_err(Said::new)?)
            }
        };
        let side = json!({"scope": args.scope, "location": args.location, "start": args.start, "end": args.end,
            "step": args.step, "extendedScopeParams": parameters});
        let request = json!({
            "scopes": {"default": {"controlScope": side, "experimentScope": side}},
            "thresholds": {"pass": args.thresholds.pass_score, "marginal": args.thresholds.marginal_score},
        });
        self.start_canary(
            config,
            &request,
            &args.metrics_account,
            &args.storage_account,
        )
        .await
    }
}

fn calibrated(args: &CalibrateArgs, config: &str, metrics: &str) -> Result<Calibration, String> {
    let config = CanaryConfig::read(config).map_err(|error| format!("{}: {error}", args.file))?;
    let pairs =
        MetricSetPair::read_list(metrics).map_err(|error| format!("the metrics: {error}"))?;
    let judge = args.judge.as_deref().or(config.judge.as_deref());
    let judge = gennaker_judge::find(judge).map_err(|error| error.to_string())?;
    let request = Request {
        config: Some(config),
        thresholds: Some(Thresholds {
            pass: args.thresholds.pass_score,
            marginal: args.thresholds.marginal_score,
        }),
        pairs: Some(pairs),
    };
    calibrate(judge, &request, args.window).map_err(|error| error.to_string())
}

fn lines(calibration: &Calibration) -> Vec<String> {
    let of = |count: usize| {
        format!(
            "{count} ({})",
            percent(share(count, calibration.comparisons))
        )
    };
    let change = |seen: Option<f64>| match seen {
        Some(share) => format!("from {}", percent(share)),
        None => "not seen".to_owned(),
    };
    let mut lines = vec![
        format!(
            "{} windows of {} points, each compared with the one before it in the same population",
            calibration.comparisons, calibration.points
        ),
        format!(
            "failed: {}, marginal: {}",
            of(calibration.failed),
            of(calibration.marginal)
        ),
        String::new(),
    ];
    let rows: Vec<Vec<String>> = calibration
        .metrics
        .iter()
        .map(|metric| {
            let tags: Vec<String> = metric
                .tags
                .iter()
                .map(|(key, value)| format!(" {key}={value}"))
                .collect();
            vec![
                clean(&format!("{}{}", metric.name, tags.concat())),
                of(metric.alarms),
                change(metric.increase),
                change(metric.decrease),
            ]
        })
        .collect();
    lines.extend(table(
        &["METRIC", "FALSE ALARMS", "INCREASE", "DECREASE"],
        &rows,
    ));
    lines.push(String::new());
    lines.push(format!(
        "An increase or decrease is seen when at least {} of the windows are classified as high or low.",
        percent(SEEN)
    ));
    lines
}

fn document(calibration: &Calibration) -> Value {
    let metrics = calibration.metrics.iter().map(|metric| {
        json!({"name": metric.name, "tags": metric.tags, "falseAlarms": metric.alarms, "increase": metric.increase,
            "decrease": metric.decrease})
    });
    json!({
        "points": calibration.points,
        "comparisons": calibration.comparisons,
        "failed": calibration.failed,
        "marginal": calibration.marginal,
        "falseAlarmRate": share(calibration.failed, calibration.comparisons),
        "metrics": metrics.collect::<Vec<_>>(),
    })
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn share(count: usize, of: usize) -> f64 {
    count as f64 / of.max(1) as f64
}

fn percent(share: f64) -> String {
    let percent = (share * 1000.0).round() / 10.0;
    format!("{percent} %")
}

fn contents(file: &str, io: &mut Io) -> Result<String, Failure> {
    match file {
        "-" => io.read_input(),
        file => read_file(file)
            .map_err(|error| Failure::command(format!("cannot read {file}: {}", reason(&error)))),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::{Tools, Verb, testing::Screen};

    #[derive(Parser)]
    struct Line {
        #[command(subcommand)]
        verb: Verb,
    }

    fn said(arguments: &[&str]) -> (u8, String, String) {
        let mut screen = Screen::pipe();
        let line =
            Line::try_parse_from(["gennaker", "canary", "calibrate"].iter().chain(arguments));
        let code = crate::run_blocking(line.unwrap().verb, &Tools::default(), &mut screen.io);
        (code.unwrap(), screen.out(), screen.err())
    }

    #[test]
    fn on_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let (config, metrics) = (path("config.json"), path("pairs.json"));
        std::fs::write(
            &config,
            r#"{"metrics": [{"name": "errors", "groups": ["g"], "analysisConfigurations": {"canary": {"direction": "increase"}}}],
                "classifier": {"groupWeights": {"g": 100}}}"#,
        )
        .unwrap();
        // A saw: every window has the same values.
        let values: Vec<String> = (0..400).map(|at| (100 + at % 10).to_string()).collect();
        let values = values.join(",");
        std::fs::write(
            &metrics,
            format!(r#"[{{"name": "errors", "tags": {{"pod": "a"}}, "values": {{"experiment": [], "control": [{values}]}}}}]"#),
        )
        .unwrap();
        let (code, out, err) = said(&["-f", &config, "--metrics", &metrics, "--window", "50"]);
        assert_eq!((code, err.as_str()), (0, ""));
        assert_eq!(
            out,
            "7 windows of 50 points, each compared with the one before it in the same population\n\
             failed: 0 (0 %), marginal: 0 (0 %)\n\n\
             METRIC        FALSE ALARMS  INCREASE  DECREASE\n\
             errors pod=a  0 (0 %)       from 2 %  not seen\n\n\
             An increase or decrease is seen when at least 80 % of the windows are classified as high or low.\n"
        );
        let (_, out, _) = said(&["-f", &config, "--metrics", &metrics, "-o", "json"]);
        let document: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(document["comparisons"], 5);
        assert_eq!(document["metrics"][0]["tags"]["pod"], "a");

        let (code, _, err) = said(&["-f", &config, "--metrics", &metrics, "--window", "200"]);
        assert_eq!(code, 1);
        assert!(
            err.contains("comparisons of windows of 200 need 800"),
            "{err}"
        );
        let (code, _, err) = said(&["-f", &path("none"), "--metrics", &metrics]);
        assert!(code == 1 && err.contains("cannot read"), "{err}");
        let (code, _, err) = said(&["-f", &config, "--metrics", &metrics, "--judge", "x"]);
        assert!(
            code == 1 && err.contains("Unable to resolve canary judge 'x'."),
            "{err}"
        );
    }
}
