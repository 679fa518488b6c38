//! What somebody may write to make an evaluation take long.

use gennaker_model::Execution;
use serde_json::{Map, Value, json};

use crate::{Row, usual};

pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    regular_expressions(&mut rows);
    loops(&mut rows);
    texts(&mut rows);
    growth(&mut rows);
    functions(&mut rows);
    documents(&mut rows);
    rows
}

/// A stage with long lists and texts in its context.
fn large() -> Execution {
    let mut execution = usual::execution(30);
    let stage = std::sync::Arc::make_mut(&mut execution.stages[29]);
    let context = json!({
        "list": (0..9_000).collect::<Vec<_>>(),
        "texts": (0..4_000).map(|at| format!("text number {at}")).collect::<Vec<_>>(),
        "maps": (0..3_000).map(|at| json!({"x": at, "name": format!("n{at}"), "in": {"y": [at]}})).collect::<Vec<_>>(),
        "map": (0..5_000).map(|at| (format!("key{at}"), json!(at))).collect::<Map<_, _>>(),
        "t": "x".repeat(100_000), "long": "ab c".repeat(250_000), "a": 1, "m": {"k": "v"},
        "json": format!("[{}1]", "{\"a\":[1,2,3]},".repeat(20_000)),
        "yaml": "- {a: 1, b: [x, y]}\n".repeat(10_000),
        "as": "a".repeat(28)
    });
    stage.context = std::sync::Arc::new(context.as_object().unwrap().clone());
    execution
}

fn one(rows: &mut Vec<Row>, kind: &str, expression: &str) {
    let mut shown: String = expression.chars().take(60).collect();
    if shown.len() < expression.len() {
        shown.push('…');
    }
    rows.push(Row {
        name: format!("{kind}: `{}`", shown.replace('|', "\\|").replace('\n', " ")),
        execution: large(),
        stage: 29,
        document: json!({"field": format!("${{{expression}}}")}),
    });
}

fn regular_expressions(rows: &mut Vec<Row>) {
    for expression in [
        "as matches '(a+)+b'",
        "as matches '(a|aa)+$(?<=b)'",
        "as matches '(?=(a+))(\\1)+b'",
        "as matches '(a*)*(b*)*c'",
        "t matches '(x+x+)+y'",
        "t matches '(?:x?){500}x{500}(?!x)'",
        "t.replaceAll('(x+x+)+y', 'z')",
        "t.replaceAll('x(?=x*y)', 'z')",
        "t.replaceAll('(?<=x)x', 'yy')",
        "t.split('(?=x)').length",
        "long.split('').length",
        "long.replaceAll('b', 'bb')",
        "long.replaceAll('(a)(b)(?= )', '$2$1')",
        "long matches '.*.*.*.*=.*'",
        "'x' matches '(a{1000}){1000}'",
        "'x' matches '((((a{30}){30}){30}){30})'",
        "'x' matches '[\\p{L}\\p{N}]{400}'",
        "'x' matches '\\p{L}{900}'",
        "'x' matches '(?iu)[\\p{L}&&[^\\p{Lu}]]{300}'",
        "'x' matches '(\\w+\\s*){50}(\\d+\\.?){50}(?i:[a-z]+){50}'",
        "texts.![#this matches '(\\w+ )+\\d+(?!x)']",
        "list.![#root.as matches '(a+)+b']",
        "list.![#root.as matches '\\p{L}{200}']",
        "list.![#root.as.split('(?!a)')]",
        "texts.![replaceAll('(t|te|tex|text)*', '<$0>')]",
    ] {
        one(rows, "pattern", expression);
    }
    for (head, part, count) in [
        ("", "\\X", 490),
        ("(?U)", "\\w", 490),
        ("(?U)", "\\W", 490),
        ("", "\\P{L}", 190),
        ("(?iu)", "[\\p{L}]", 120),
        ("(?iu)", "[a-\u{FFFF}]", 190),
        ("(?iu)", "é", 900),
        ("", "(?:a|b)", 140),
        ("", "[a-z&&[^b]]", 90),
    ] {
        let pattern = format!("{head}{}", part.repeat(count));
        one(rows, "pattern", &format!("'x' matches '{pattern}'"));
    }
    // A pattern of its own for each element: none is kept.
    for pattern in [
        "#this.toString()",
        "'\\b' + #this",
        "'(a+)+' + #this",
        "'\\p{L}' + #this",
        "'(?U)\\w' + #this",
        "'\\X' + #this",
    ] {
        one(
            rows,
            "pattern",
            &format!("list.![#root.as matches {pattern}]"),
        );
    }
    let alternatives: Vec<String> = (0..150).map(|at| format!("w{at}.*")).collect();
    one(
        rows,
        "pattern",
        &format!("t matches '{}'", alternatives.join("|")),
    );
    let nested = format!("{}a{}", "(".repeat(60), ")*".repeat(60));
    one(rows, "pattern", &format!("as.replaceAll('{nested}', '')"));
}

fn loops(rows: &mut Vec<Row>) {
    for expression in [
        "list.![#root.list.contains(-1)]",
        "list.![#root.list.indexOf(-1)]",
        "list.![#root.list.![1]]",
        "maps.![#root.maps.?[x == -1]]",
        "maps.![in.y.![#root.maps[#this].name]]",
        "list.![#root.map.containsValue(-1)]",
        "list.![#root.map.keySet().contains('none')]",
        "list.![#root.map.?[true].size()]",
        "list.![#root.map.values()]",
        "list.![#root.map.hashCode()]",
        "list.![#root.list.hashCode()]",
        "list.![#root.list == #root.list]",
        "list.![#root.map == {a: 1}]",
        "maps.![#root.maps.containsAll(#root.maps)]",
        "list.![#root.texts.subList(0, 4000)]",
        "list.![#root.texts.toString()]",
        "list.![#root.list + '']",
        "list.![#root.execution.stages]",
        "list.![#root.execution.trigger]",
        "list.![#root.execution.authentication.user]",
        "list.![#root.execution.stages.![context.image]]",
        "execution.stages.![#root.execution.stages.![context.nothing]]",
        "list.![T(String).format('%d %s %05.2f', #this, #root.m, 1.5)]",
        "list.![T(String).join(',', #root.texts)]",
        "list.![new java.text.SimpleDateFormat('yyyy-MM-dd HH:mm:ss.SSS zzzz').format(new java.util.Date(#this))]",
        "list.![new java.text.SimpleDateFormat('EEE, d MMM yyyy HH:mm:ss Z').parse('Fri, 14 Mar 2025 15:09:26 +0000')]",
        "list.![T(java.time.LocalDate).now('America/Los_Angeles').plusDays(#this)]",
        "list.![T(java.util.UUID).randomUUID().toString()]",
        "list.![new java.util.Random(#this).nextInt(5)]",
        "list.![{a: #this, b: {#this}}]",
        "(new int[9000]).![{1,2,3,4,5,6,7,8,9,10}]",
        "(new int[262143]).length",
        "(new int[300][800]).![#this]",
        "list.?[#this > 5].?[#this > 6].?[#this > 7].![#this].size()",
        "list.![#this ^ 1000000]",
    ] {
        one(rows, "loop", expression);
    }
    one(rows, "loop", &format!("1{}", "+1".repeat(4_990)));
    one(rows, "loop", &format!("a{}", " or a".repeat(1_900)));
}

fn texts(rows: &mut Vec<Row>) {
    for expression in [
        "list.![#root.t.indexOf('y')]",
        "list.![#root.t.lastIndexOf('y', 99999)]",
        "list.![#root.t.replace('x', 'y')]",
        "list.![#root.t.toUpperCase()]",
        "list.![#root.t.equalsIgnoreCase(#root.t)]",
        "list.![#root.t == #root.t + '']",
        "list.![#root.t.substring(1)]",
        "list.![#root.t.length()]",
        "list.![#root.long.trim().isBlank()]",
        "list.![#root.t.hashCode()]",
        "list.![#root.t.toCharArray()]",
        "list.![#root.t.getBytes('UTF-8')]",
        "list.![#root.t[99999]]",
        "list.![#root.t.repeat(9)]",
        "list.![#root.t.split(',')]",
        "list.![#root.t.compareTo(#root.t)]",
        "list.![#root.t.lastIndexOf('xxxxxxxxxxxxy')]",
        "list.![#root.t.regionMatches(true, 0, #root.t, 0, 99999)]",
        "t.repeat(11)",
        "long.indent(1000)",
        "long.concat(long)",
        "long.toCharArray()",
        "long.formatted()",
        "T(String).format('%9999s%9999s%9999s%9999s%9999s', 1, 2, 3, 4, 5)",
        "(new int[9000]).![T(String).format('%9999s', 1)]",
        "T(java.net.URLEncoder).encode(long, 'UTF-8')",
        "'x' * 256 * 1",
    ] {
        one(rows, "text", expression);
    }
}

/// Values that hold the same part many times, or grow with each step.
fn growth(rows: &mut Vec<Row>) {
    let doubled = format!(
        "(#x = {{'abcdefgh'}}){}",
        ".add(1) or (#x = {#x, #x}) != null".repeat(20)
    );
    one(rows, "growth", &doubled);
    let steps = |last: &str| {
        let mut text = String::from("{#x = {1, 1}, ");
        for _ in 0..28 {
            text.push_str("(#x = {#x, #x}) == null, ");
        }
        format!("{text}{last}}}")
    };
    for last in [
        "#x.toString().length()",
        "#x.hashCode()",
        "#x == #x.subList(0, 2)",
        "#x + ''",
        "#toJson(#x)",
        "{(#x): 1}.size()",
        "m.containsKey(#x)",
        "m[#x]",
        "(m.x = #x) == null",
        "#x.contains(5)",
        "T(String).format('%s %h', #x, #x)",
        "T(String).valueOf(#x).length()",
        "#x",
        "#x.equals({#x})",
        "{#x, 1}.indexOf({#x})",
    ] {
        one(rows, "growth", &steps(last));
    }
    one(
        rows,
        "growth",
        &format!(
            "(#b = #readJson('[99999999999999999999]')[0]) {}",
            "* #b".repeat(400)
        ),
    );
    let powers = "#b = #readJson('[99999999999999999999]')[0]";
    one(rows, "growth", &format!("{{{powers}, list.![#b ^ 900]}}"));
    one(
        rows,
        "growth",
        &format!("{{{powers}, #c = #b ^ 900, list.![#c * 3 / 7 % 11 + #c]}}"),
    );
    one(
        rows,
        "growth",
        &format!("{{{powers}, #c = #b ^ 900, list.![#c.toString()]}}"),
    );
}

fn functions(rows: &mut Vec<Row>) {
    for expression in [
        "#readJson(json)",
        "list.![#readJson(#root.json)]",
        "#readYaml(yaml)",
        "list.![#readYaml(#root.yaml)]",
        "#toJson(maps)",
        "list.![#toJson(#root.maps)]",
        "#toBase64(long).length()",
        "list.![#toBase64(#root.t)]",
        "list.![#fromBase64('aGVsbG8=')]",
        "list.![#alphanumerical(#root.t)]",
        "list.![#stage('Stage 29')]",
        "list.![#stage('none')]",
        "list.![#stageExists('none')]",
        "list.![#deployedServerGroups('none')]",
        "list.![#resolvedArtifacts()]",
        "list.![#judgment('none')]",
        "execution",
        "execution.stages",
        "{execution, execution, execution}",
        "list.![#root.execution]",
        "#readYaml('a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d,*d]') + ''",
    ] {
        one(rows, "function", expression);
    }
    let deep = format!("#readJson('{}{}')", "[".repeat(3_000), "]".repeat(3_000));
    one(rows, "function", &deep);
    let nested = format!("#readYaml('{}')", "[".repeat(3_000));
    one(rows, "function", &nested);
}

fn documents(rows: &mut Vec<Row>) {
    let mut whole = |name: &str, execution: Execution, document: Value| {
        let stage = execution.stages.len() - 1;
        rows.push(Row {
            name: format!("document: {name}"),
            execution,
            stage,
            document,
        });
    };
    let many = |count: usize, text: &dyn Fn(usize) -> String| -> Value {
        let fields = (0..count).map(|at| (format!("field{at}"), json!(text(at))));
        Value::Object(fields.collect())
    };
    whole(
        "10,000 expressions that succeed",
        large(),
        many(10_000, &|_| "${a + 1}".to_owned()),
    );
    whole(
        "10,000 names that are not there",
        large(),
        many(10_000, &|at| format!("${{none{at}}}")),
    );
    whole(
        "10,000 times the same failure",
        large(),
        many(10_000, &|_| "${none.x}".to_owned()),
    );
    whole(
        "10,000 expressions that cannot be parsed",
        large(),
        many(10_000, &|at| format!("${{a b {at}}}")),
    );
    whole(
        "2,000 times the most work",
        large(),
        many(2_000, &|_| "${list.![#root.list.contains(-1)]}".to_owned()),
    );
    whole(
        "2,000 large results",
        large(),
        many(2_000, &|_| "${list}".to_owned()),
    );
    whole(
        "200 patterns",
        large(),
        many(200, &|at| format!("${{t matches '(x+x+)+y{at}'}}")),
    );
    whole(
        "one text of 20,000 expressions",
        large(),
        json!({"field": "${a}".repeat(20_000)}),
    );
    whole(
        "one text of 1 MB that cannot be cut",
        large(),
        json!({"field": format!("${{{}", "(".repeat(1_000_000))}),
    );
    whole(
        "1 MB of text around an expression",
        large(),
        json!({"field": format!("{}${{a}}", "x".repeat(1_000_000))}),
    );
    whole(
        "20,000 texts without expressions",
        large(),
        many(20_000, &|at| format!("a text {at}")),
    );
    let mut deep = json!({"field": "${none.x}"});
    for _ in 0..100 {
        deep = json!({"in": deep, "field": "${none.x}"});
    }
    whole("100 maps in each other that fail", large(), deep);
    let chain = usual::execution(2_000);
    whole(
        "2,000 stages, inherited names",
        chain.clone(),
        many(200, &|at| format!("${{image{at}}}")),
    );
    whole(
        "2,000 stages, contexts of all",
        chain.clone(),
        json!({"f": "${execution.stages.![context.image0]}"}),
    );
    whole(
        "2,000 stages, ancestors of all",
        chain.clone(),
        json!({"f": "${execution.stages.![ancestors().size()]}"}),
    );
    whole(
        "2,000 stages, below all",
        chain.clone(),
        json!({"f": "${execution.stages.![allDownstreamStages().size()]}"}),
    );
    whole(
        "2,000 stages, found by name",
        chain,
        json!({"f": "${execution.stages.![#root.execution.stages.?[name == 'x']]}"}),
    );
}
