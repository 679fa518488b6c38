//! `cargo xtask fuzz judge`: random requests against both judges. None may panic or answer twice differently, and what is
//! answered must be JSON with a result for each pair.
#![allow(clippy::print_stdout, reason = "a program that prints what it found")]

use gennaker_judge::{JUDGES, Request, Style, to_json};

fn main() {
    let mut options = Options {
        inputs: 1_000_000,
        seed: 0,
        first: 0,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().and_then(|value| value.parse().ok());
        let value: u64 = value.unwrap_or_else(|| panic!("{name} needs a number"));
        match name.as_str() {
            "--inputs" => options.inputs = value,
            "--seed" => options.seed = value,
            "--first" => options.first = value,
            _ => panic!("unknown option {name}"),
        }
    }
    let mut judged = 0_u64;
    for number in options.first..options.first + options.inputs {
        let mut random = Random::of(options.seed, number);
        let text = request(&mut random);
        let Ok(request) = Request::read(&text) else {
            continue;
        };
        for judge in JUDGES {
            let Ok(result) = judge.judge(&request) else {
                continue;
            };
            let written = to_json(&result, Style::Compact).expect("a result is JSON");
            let back: serde_json::Value = serde_json::from_str(&written)
                .unwrap_or_else(|error| panic!("input {number}: {error}: {written}"));
            let pairs = request.pairs.as_ref().map_or(0, Vec::len);
            assert_eq!(
                back["results"].as_array().map_or(0, Vec::len),
                pairs,
                "input {number}"
            );
            let again = judge.judge(&request).expect("it was judged before");
            let again = to_json(&again, Style::Compact).expect("a result is JSON");
            assert_eq!(written, again, "input {number}");
            judged += 1;
        }
    }
    println!("{} inputs, {judged} verdicts", options.inputs);
}

struct Options {
    inputs: u64,
    seed: u64,
    first: u64,
}

/// A small generator: the same seed gives the same requests on every machine (SplitMix64).
struct Random(u64);

impl Random {
    fn of(seed: u64, number: u64) -> Self {
        let mut random = Self(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap_or(0)
    }

    fn one<'t>(&mut self, choices: &[&'t str]) -> &'t str {
        choices[self.below(choices.len())]
    }
}

/// A request, now and then with a few bytes changed.
fn request(random: &mut Random) -> String {
    let metrics = 1 + random.below(3);
    let (mut configs, mut pairs) = (Vec::new(), Vec::new());
    for at in 0..metrics {
        let settings = settings(random, 3);
        let groups = random.one(&[
            "[]",
            "[\"a\"]",
            "[\"a\",\"b\"]",
            "null",
            "[null]",
            "[\"c\",\"c\",\"d\",\"e\",\"f\"]",
        ]);
        configs.push(format!(
            r#"{{"name":"m{at}","groups":{groups},"analysisConfigurations":{{"canary":{settings}}}}}"#
        ));
        let (e, c) = (series(random), series(random));
        pairs.push(format!(
            r#"{{"name":"m{at}","id":"{at}","tags":{{}},"values":{{"experiment":{e},"control":{c}}}}}"#
        ));
    }
    let weights = random.one(&[
        "{}",
        r#"{"groupWeights":{"a":60,"b":40}}"#,
        r#"{"groupWeights":{"a":-1e308,"z":1e308}}"#,
    ]);
    let text = format!(
        r#"{{"canaryConfig":{{"metrics":[{}],"classifier":{weights}}},"scoreThresholds":{{"pass":95,"marginal":75}},"metricSetPairList":[{}]}}"#,
        configs.join(","),
        pairs.join(",")
    );
    if random.below(4) > 0 {
        return text;
    }
    let mut bytes = text.into_bytes();
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len());
        bytes[at] = b"{}[]\",:0-eE.nN"[random.below(14)];
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn series(random: &mut Random) -> String {
    let kind = random.below(4);
    let values: Vec<&str> = (0..random.below(40))
        .map(|_| match kind {
            0 => random.one(&["0", "1", "2", "-0.0", "0.0"]),
            1 => random.one(&[
                "1.5", "2.5", "1e300", "-1e300", "1e-320", "4.9e-324", "1e400",
            ]),
            2 => random.one(&[
                "\"NaN\"",
                "\"Infinity\"",
                "\"-Infinity\"",
                "null",
                "7",
                "\"3.5\"",
                "-2",
            ]),
            _ => "5",
        })
        .collect();
    format!("[{}]", values.join(","))
}

fn settings(random: &mut Random, depth: usize) -> String {
    if depth == 0 || random.below(4) == 0 {
        return random
            .one(&[
                "null",
                "true",
                "false",
                "1",
                "1.1",
                "-1",
                "3000000000",
                "\"remove\"",
                "\"replace\"",
                "\"cles\"",
                "\"count\"",
                "\"increase\"",
                "1e400",
                "0",
                "{}",
                "[]",
            ])
            .to_owned();
    }
    let members: Vec<String> = (0..random.below(5))
        .map(|_| {
            let name = random.one(&[
                "direction",
                "nanStrategy",
                "critical",
                "muted",
                "mustHaveData",
                "outliers",
                "strategy",
                "outlierFactor",
                "effectSize",
                "measure",
                "allowedIncrease",
                "allowedDecrease",
                "criticalIncrease",
                "criticalDecrease",
            ]);
            format!("\"{name}\":{}", settings(random, depth - 1))
        })
        .collect();
    match random.below(8) {
        0 => format!("[{{{}}}]", members.join(",")),
        _ => format!("{{{}}}", members.join(",")),
    }
}
