//! Texts against what Jinjava makes of them.

use std::rc::Rc;

use gennaker_expressions::Limits;
use serde_json::{Value, json};

use crate::{
    need::{Answer, Need},
    problem::{Halt, Problem},
    render::{Context, Module, ModuleVariable, Renderer},
};

fn answers(need: &Need) -> Option<Answer> {
    match need {
        Need::Pipeline { application, name } if application == "myApp" && name == "Deploy" => {
            Some(Answer::Id("id-1".to_owned()))
        }
        Need::Strategy { name, .. } if name == "Custom" => Some(Answer::Id("id-2".to_owned())),
        Need::Pipeline { name, .. } if name == "later" => None,
        _ => Some(Answer::Missing),
    }
}

fn context() -> Context {
    let trigger = json!({"job": "myJob", "buildNumber": 1234, "artifacts": [{"name": "a"}, {"name": "b"}], "otherKey": "Key"});
    let mut context = Context::new(&json!("myApp"), &Rc::new(trigger));
    let variables = json!({
        "text": "myStringValue", "regions": ["us-east-1", "us-west-2"], "bare": [],
        "map": {"key1": "value1", "key2": "value2"}, "no": false, "yes": true, "n": 5, "nothing": null,
        "nested": "{{ text }}", "self": "{{ self }}", "unknownInside": "a {{ gone }}", "f": 2.5, "csv": "a, b,,c",
        "items": [{"n": 2, "t": "x"}, {"n": 1, "t": "y"}, {"n": 3, "t": "x"}],
    });
    context.variables = variables.as_object().cloned().unwrap();
    context
}

fn modules() -> Vec<Module> {
    let variable = |name: &str, default: Value| ModuleVariable {
        name: name.to_owned(),
        default,
    };
    vec![
        Module {
            id: "greet".to_owned(),
            variables: vec![
                variable("who", Value::Null),
                variable("word", json!("hello")),
            ],
            definition: json!("{{ word }} {{ who }}"),
        },
        Module {
            id: "cluster".to_owned(),
            variables: vec![variable("region", Value::Null)],
            definition: json!({"provider": "aws", "region": "{{ region }}"}),
        },
        Module {
            id: "endless".to_owned(),
            variables: Vec::new(),
            definition: json!("{% module endless %}"),
        },
    ]
}

fn render(text: &str) -> Result<String, Halt> {
    let limits = Limits::default();
    let mut renderer = Renderer::new(&answers, &limits);
    renderer.know(
        modules(),
        json!({"d": "default"}).as_object().cloned().unwrap(),
    );
    renderer.text(text, &context())
}

fn printed(text: &str) -> String {
    render(text).unwrap_or_else(|halt| panic!("{text}: {halt:?}"))
}

fn problem(text: &str) -> Problem {
    match render(text) {
        Err(Halt::Render(mut problems) | Halt::Wrong(mut problems)) => problems.remove(0),
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn expressions_print_what_jinjava_prints() {
    for (text, expected) in [
        ("{{ text }}", "myStringValue"),
        ("a{{text}}b", "amyStringValueb"),
        ("{{ application }}-{{ trigger.buildNumber }}", "myApp-1234"),
        (
            "{{ trigger['job'] }}{{ trigger.artifacts[1].name }}{{ regions[-1] }}",
            "myJobbus-west-2",
        ),
        ("{{ regions }}", "[us-east-1, us-west-2]"),
        ("{{ map }}", "{key1=value1, key2=value2}"),
        ("{{ no }} {{ yes }} {{ 1.0 }} {{ 3 }}", "false true 1.0 3"),
        (
            "{{ 1 + 2 }} {{ 'a' + 1 }} {{ 1 ~ 'b' }} {{ n - 1 }} {{ n * 2 }}",
            "3 a1 1b 4 10",
        ),
        (
            "{{ 4 / 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ 2 ** 3 }}",
            "2.0 3 -4 1 8",
        ),
        (
            "{{ regions + ['x'] }} {{ regions + 'y' }}",
            "[us-east-1, us-west-2, x] [us-east-1, us-west-2, y]",
        ),
        (
            "{{ n == 5 }} {{ n == '5' }} {{ n > 4 && n < 6 }} {{ not no }} {{ !yes }}",
            "true true true true false",
        ),
        (
            "{{ n gt 4 and n le 5 or no }} {{ 'a' < 'b' }} {{ n ne 5 }}",
            "true true false",
        ),
        (
            "{{ 'us-east-1' in regions }} {{ 'x' not in regions }} {{ 'key1' in map }} {{ 'tring' in text }}",
            "true true true true",
        ),
        (
            "{{ 'a' if n == 5 else 'b' }} {{ n == 6 ? 'a' : 'b' }} {{ 'x' if yes }}",
            "a b x",
        ),
        ("{{ gone or text }} {{ no || 'x' }}", "myStringValue x"),
        (
            "{{ text is defined }} {{ gone is defined }} {{ gone is not defined }}",
            "true false true",
        ),
        (
            "{{ n is divisibleby 5 }} {{ n is even }} {{ n is equalto 5 }} {{ regions is iterable }}",
            "true false true true",
        ),
        (
            "{{ text|upper|lower }} {{ text | length }} {{ n|string ~ 'x' }}",
            "mystringvalue 13 5x",
        ),
        (
            "{{ gone|default('d') }} {{ gone.deeper.still|default(trigger.gone)|default('e') }}",
            "d e",
        ),
        (
            "{{ no|default('d', true) }} {{ '' | default('d', truthy=True) }} {{ gone|default(regions) }}",
            "d d [us-east-1, us-west-2]",
        ),
        (
            "{{ regions|join('/') }} {{ regions|first }} {{ regions|last }} {{ map|length }}",
            "us-east-1/us-west-2 us-east-1 us-west-2 2",
        ),
        (
            "{{ csv|split(',') }} {{ csv|split(',')|length }}",
            "[a, b, c] 3",
        ),
        (
            "{{ items|map(attribute='n')|join }} {{ items|map('n')|sum }} {{ regions|map('upper')|first }}",
            "213 6 US-EAST-1",
        ),
        (
            "{{ items|selectattr('t', 'equalto', 'x')|map(attribute='n') }} {{ items|rejectattr('t','==','x')|length }}",
            "[2, 3] 1",
        ),
        (
            "{{ items|sort(false, false, 'n')|map(attribute='n') }} {{ [3,1,2]|sort(true) }}",
            "[1, 2, 3] [3, 2, 1]",
        ),
        (
            "{{ [1,5,3]|max }} {{ [1,5,3]|min }} {{ [1.5,2]|max }}",
            "5 1 2",
        ),
        (
            "{{ 'a-b'|replace('-', '_') }} {{ 'a1b2'|regex_replace('[0-9]', '') }} {{ ' x '|trim }}",
            "a_b ab x",
        ),
        (
            "{{ '5'|int + 1 }} {{ 'x'|int }} {{ '2.5'|float }} {{ 2.567|round(2) }} {{ -3|abs }}",
            "6 0 2.5 2.57 -3",
        ),
        ("{{ map|tojson }}", r#"{"key1":"value1","key2":"value2"}"#),
        (
            "{{ 'app-stack-detail-v001'|frigga('stack') }} {{ 'app-v002'|frigga('sequence') }}",
            "stack 2",
        ),
        (
            "{{ 'a'|base64 }} {{ nested|base64 }}",
            "YQ== bXlTdHJpbmdWYWx1ZQ==",
        ),
        (
            "{{ text.toUpperCase() }} {{ text.substring(0, 2) }} {{ 'a,b'.split(',')[1] }} {{ text.contains('x') }}",
            "MYSTRINGVALUE my b false",
        ),
        (
            "{{ regions.size() }} {{ map.keys() }} {{ map.get('key1') }} {{ regions.contains('x') }}",
            "2 [key1, key2] value1 false",
        ),
        (
            "{{ text[0:2] }} {{ text[-5:] }} {{ regions[0:1] }}",
            "my Value [us-east-1]",
        ),
        (
            "{{ [1, 'a', [2]] }} {{ {'a': 1, b: [2]} }} {{ (1, 2) }}",
            "[1, a, [2]] {a=1, b=[2]} [1, 2]",
        ),
        (
            "{{ range(3) }} {{ range(1, 4) }} {{ range(4, 0, -2) }} {{ type(n) }}",
            "[0, 1, 2] [1, 2, 3] [4, 2] int",
        ),
        ("{{ nested }}", "myStringValue"),
        ("{{ unknownInside }}", "a {{ gone }}"),
        ("{{ 'it\\'s' }} {{ \"q\" }}", "it's q"),
        ("${ {{no}} }", "${ false }"),
        ("{# nothing #}x", "x"),
        ("plain { text }", "plain { text }"),
        ("{% raw %}{{ gone }}{% endraw %}", "{{ gone }}"),
        (
            "{{ True }} {{ False }} {{ null|default('n') }} {{ empty bare }}",
            "true false n true",
        ),
    ] {
        assert_eq!(printed(text), expected, "{text}");
    }
}

#[test]
fn tags_do_what_jinjava_does() {
    for (text, expected) in [
        ("{% if n > 4 %}a{% elif yes %}b{% else %}c{% endif %}", "a"),
        ("{% if no %}a{% elif yes %}b{% else %}c{% endif %}", "b"),
        (
            "{% if no %}a{% else %}c{% endif %}{% unless no %}d{% endunless %}",
            "cd",
        ),
        (
            "{% for r in regions %}{{ loop.index }}{{ r }}{% if not loop.last %},{% endif %}{% endfor %}",
            "1us-east-1,2us-west-2",
        ),
        (
            "{% for k, v in map.items() %}{{ k }}={{ v }};{% endfor %}",
            "key1=value1;key2=value2;",
        ),
        (
            "{% for v in map %}{{ v }}{% endfor %}{% for x in bare %}y{% endfor %}",
            "value1value2",
        ),
        (
            "{% for a, b in [[1, 2], [3, 4]] %}{{ a }}{{ b }}{% endfor %}",
            "1234",
        ),
        (
            "{% for i in range(5) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}",
            "02",
        ),
        (
            "{% set a = 1 %}{% set b, c = 2, a + 2 %}{{ a }}{{ b }}{{ c }}",
            "123",
        ),
        (
            "{% set a %}x{{ n }}{% endset %}{{ a }}{% set b|upper %}y{% endset %}{{ b }}",
            "x5Y",
        ),
        (
            "{% set l = [] %}{% for r in regions %}{% do l.append(r) %}{% endfor %}{{ l }}",
            "[us-east-1, us-west-2]",
        ),
        (
            "{% set ns = namespace(n=0) %}{% for r in regions %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}",
            "2",
        ),
        (
            "{% macro m(a, b='x') %}[{{ a }}{{ b }}]{% endmacro %}{{ m(1) }}{{ m(1, b=2) }}",
            "[1x][12]",
        ),
        ("a\n{%- if yes %}\n  b\n{%- endif %}\nc", "a\n  b\nc"),
        ("{% module greet who=text %}", "hello myStringValue"),
        (
            "{% module greet who=world, word='good day' %}",
            "good day world",
        ),
        (
            "{% module greet who=trigger.gone|default(map['key' + '1'])|default('1') %}",
            "hello value1",
        ),
        (
            "{% module cluster region='x' %}",
            r#"{"provider":"aws","region":"x"}"#,
        ),
        ("{% pipelineid name='Deploy' %}", "id-1"),
        (
            "{% pipelineId application='myApp' name=\"Deploy\" %}",
            "id-1",
        ),
        ("{% strategyId name='Custom' %}", "id-2"),
    ] {
        assert_eq!(printed(text), expected, "{text}");
    }
}

#[test]
fn a_variable_that_may_be_null_prints_nothing() {
    assert_eq!(printed("{{ nothing }}"), "");
    assert_eq!(printed("a{{ nothing.deeper }}b"), "ab");
    assert_eq!(printed("{% if nothing %}a{% else %}b{% endif %}"), "b");
    assert_eq!(
        problem("{{ missing }}").message,
        "UnknownTokenException: Unknown token found: missing"
    );
}

#[test]
fn what_is_wrong_is_told_as_orca_tells_it() {
    let unknown = problem("\n{{ gone }}");
    assert_eq!(
        unknown.to_value(),
        json!({"severity": "FATAL", "message": "UnknownTokenException: Unknown token found: gone", "location": "",
               "details": {"lineno": "2", "reason": "SYNTAX_ERROR"}})
    );
    for (text, message) in [
        (
            "{{ a b }}",
            "Syntax error in 'b': Error parsing 'a b': expected the end, found 'b'",
        ),
        (
            "{% if yes %}a",
            "Syntax error in '{% if yes %}': Missing end tag: endif",
        ),
        (
            "{% endif %}",
            "Syntax error in '{% endif %}': Unexpected end tag: endif",
        ),
        ("{% foo %}", "Syntax error in '{% foo %}': Unknown tag: foo"),
        (
            "{% include 'x' %}",
            "Syntax error in '{% include 'x' %}': 'include' is disabled in this context",
        ),
        (
            "{% for x %}{% endfor %}",
            "Syntax error in '{% for x %}': Tag 'for' expects valid 'in' clause, got: x",
        ),
        ("{{ text|nofilter }}", "there is no filter 'nofilter'"),
        ("{{ text is notest }}", "there is no test 'notest'"),
        (
            "{{ nofunction(1) }}",
            "Could not resolve function 'nofunction' (called with '1')",
        ),
        ("{{ 1 // 0 }}", "/ by zero"),
        (
            "{{ text - 1 }}",
            "Cannot coerce 'myStringValue' from String to a number",
        ),
        (
            "{{ text|max }}",
            "max filter can only be used with a list type object",
        ),
    ] {
        assert_eq!(problem(text).message, message, "{text}");
    }
    let module = problem("{% module greet %}");
    assert_eq!(module.message, "InterpretException: Error rendering tag");
    assert_eq!(
        module.nested[0].message,
        "Missing required variables in module"
    );
    assert_eq!(
        module.nested[0].cause.as_deref(),
        Some("'who' must be defined")
    );
    assert_eq!(module.nested[0].location.as_deref(), Some("module:greet"));
    let missing = problem("{% module gone %}");
    assert_eq!(
        missing.nested[0].cause.as_deref(),
        Some("Module does not exist by ID: gone")
    );
    let id = problem("{% pipelineid name='Gone' %}");
    assert_eq!(
        id.nested[0].message,
        "Failed to find pipeline ID with name 'Gone' in application 'myApp'"
    );
}

#[test]
fn what_must_be_known_first_is_asked() {
    let need = Need::Pipeline {
        application: "myApp".to_owned(),
        name: "later".to_owned(),
    };
    match render("{% if yes %}{% pipelineid name='later' %}{% endif %}") {
        Err(Halt::Needs(asked)) => assert_eq!(asked, need),
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_runs_away() {
    for text in [
        "{{ self }}".to_owned(),
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}".to_owned(),
        "{% for a in range(1000) %}{% for b in range(1000) %}{% for c in range(1000) %}x{% endfor %}{% endfor %}{% endfor %}".to_owned(),
        "{% set a = 'xxxxxxxxxxxxxxxx' %}{% for i in range(100) %}{% set a = a ~ a %}{% endfor %}{{ a }}".to_owned(),
        "{% set a = [1] %}{% for i in range(100) %}{% set a = a + a %}{% endfor %}{{ a }}".to_owned(),
        "{% if yes %}".repeat(5_000),
        "{{ ".repeat(5_000),
        format!("{{{{ {}1{} }}}}", "(".repeat(5_000), ")".repeat(5_000)),
        format!("{{{{ 'x'|{} }}}}", "upper|".repeat(5_000)),
        "{% module endless %}".to_owned(),
        "{{ text|center(100000000000) }}{{ text|indent(99999999999) }}".to_owned(),
        "{{ [1]|batch(1000000000, 0) }}".to_owned(),
    ] {
        let begun = text.len();
        // A result or a problem: that it ends is the point.
        let ended = render(&text).map(|it| it.len());
        assert!(ended.is_err() || begun > 0);
    }
}
