//! Texts for the expression language: most are built after its grammar, some are such a text with a few characters changed,
//! some are symbols in a row.

/// A small generator: the same seed gives the same texts on every machine (SplitMix64).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn of(seed: u64, number: u64) -> Self {
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

    fn one<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// One input: a text in which an expression stands, alone or among other characters.
pub(crate) fn text(random: &mut Random) -> String {
    let body = expression_text(random);
    match random.below(10) {
        0..=6 => format!("${{{body}}}"),
        7 | 8 => format!("a ${{{body}}} b ${{mine}}"),
        _ => body,
    }
}

fn expression_text(random: &mut Random) -> String {
    match random.below(20) {
        0 | 1 => symbols(random),
        2..=4 => {
            let text = expression(random, 3);
            changed(random, &text)
        }
        5 => pattern(random),
        _ => {
            let depth = 1 + random.below(4);
            expression(random, depth)
        }
    }
}

const SYMBOLS: &[char] = &[
    'a', 'b', 'c', 'T', 'n', 'e', 'w', '0', '1', '9', '.', '.', '?', '!', '^', '$', '[', ']', '(',
    ')', '{', '}', '\'', '"', '#', '@', '+', '-', '*', '/', '%', '<', '>', '=', '&', '|', ':', ',',
    ';', '~', '_', '\\', ' ', '\n', '\t', '\0', 'ä', 'ß', 'İ', '😀', '\u{301}', '\u{200d}',
    '\u{feff}', 'L', 'f', 'x', 'E',
];

fn symbols(random: &mut Random) -> String {
    let count = random.below(60);
    (0..count).map(|_| random.one(SYMBOLS)).collect()
}

/// The text with a few characters put in, taken out, doubled or exchanged.
fn changed(random: &mut Random, text: &str) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for _ in 0..=random.below(3) {
        let at = random.below(characters.len());
        match random.below(4) {
            0 => characters.insert(at, random.one(SYMBOLS)),
            1 if !characters.is_empty() => drop(characters.remove(at)),
            2 if !characters.is_empty() => characters.insert(at, characters[at]),
            _ if !characters.is_empty() => {
                let other = random.below(characters.len());
                characters.swap(at, other);
            }
            _ => {}
        }
    }
    characters.into_iter().collect()
}

const PIECES: &[&str] = &[
    "a",
    "b",
    "c",
    ".",
    "\\d",
    "\\w",
    "\\s",
    "[a-c]",
    "[^b]",
    "[a&&[^b]]",
    "(",
    "(?:",
    "(?=",
    "(?!",
    "(?<=",
    "(?<!",
    "(?>",
    "(?i)",
    "(?U)",
    "(?s",
    "(?<n>",
    ")",
    ")",
    ")",
    "*",
    "+",
    "?",
    "{2}",
    "{1,3}",
    "{0,}",
    "|",
    "^",
    "$",
    "\\b",
    "\\B",
    "\\G",
    "\\X",
    "\\R",
    "\\1",
    "\\k<n>",
    "\\Q",
    "\\E",
    "\\p{L}",
    "\\P{Lu}",
    "\\x41",
    "\\u0061",
    "\\",
    "[",
    "]",
    "-",
    "*+",
    "+?",
];

fn pattern(random: &mut Random) -> String {
    let count = random.below(12);
    let pattern: String = (0..count).map(|_| random.one(PIECES)).collect();
    let subject = random.one(&[
        "aabbcc",
        "",
        "a b\nc",
        "hello-World",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
    ]);
    match random.below(4) {
        0 => format!("'{subject}' matches '{pattern}'"),
        1 => format!("'{subject}'.replaceAll('{pattern}', '<$0>')"),
        2 => format!("'{subject}'.split('{pattern}', {})", random.below(4)),
        _ => format!("'{subject}'.replaceFirst('{pattern}', '$1')"),
    }
}

const NAMES: &[&str] = &[
    "mine",
    "l",
    "n",
    "m",
    "d",
    "big",
    "s",
    "e",
    "t",
    "image",
    "webhook",
    "buildInfo",
    "k",
    "shared",
    "missing",
    "trigger",
    "execution",
    "parameters",
    "scmInfo",
    "templateVariables",
    "m.nested",
    "webhook.body",
    "trigger.payload",
    "trigger.artifacts",
    "execution.stages",
    "execution.status",
    "#root",
    "#this",
    "#stage('Bake')",
    "#stage('Test').status",
    "#currentStage()",
];

const LITERALS: &[&str] = &[
    "1",
    "2",
    "0",
    "2147483647",
    "3L",
    "1.5",
    "2.5f",
    "1e308",
    "0x7F",
    "true",
    "false",
    "null",
    "'a'",
    "'5'",
    "''",
    "'hello-World'",
    "'2020-01-31'",
    "'a,b,,c'",
    "'%s-%d'",
    "\"q\"",
    "'''x'''",
    "{1,2,3}",
    "{'b','a'}",
    "{:}",
    "{a: 1, b: {2}}",
    "{}",
    "T(Math)",
    "T(String)",
    "T(Integer)",
    "T(Long)",
    "T(Double)",
    "T(java.time.Instant).ofEpochMilli(1580465730123L)",
    "T(java.time.LocalDate).parse('2020-02-29')",
    "T(java.time.LocalDateTime).now()",
    "T(java.time.DayOfWeek).of(3)",
    "T(java.time.temporal.ChronoUnit).valueOf('DAYS')",
    "new java.util.Date(1580465730123L)",
    "new java.text.SimpleDateFormat('yyyy-MM-dd HH:mm')",
    "new java.util.Random(5)",
    "T(java.util.UUID).fromString('0-0-1-0-f')",
    "'abc'.bytes",
    "'xyz'.toCharArray()",
    "'c'.charAt(0)",
    "new int[]{1,2}",
    "new String[3]",
    "new byte[2][2]",
];

const METHODS: &[&str] = &[
    "length",
    "size",
    "isEmpty",
    "toString",
    "hashCode",
    "equals",
    "contains",
    "indexOf",
    "substring",
    "split",
    "replace",
    "replaceAll",
    "matches",
    "trim",
    "toUpperCase",
    "charAt",
    "concat",
    "compareTo",
    "repeat",
    "keySet",
    "values",
    "entrySet",
    "containsKey",
    "subList",
    "containsAll",
    "add",
    "addAll",
    "remove",
    "get",
    "put",
    "intValue",
    "parseInt",
    "valueOf",
    "format",
    "join",
    "max",
    "min",
    "abs",
    "round",
    "pow",
    "floorMod",
    "multiplyExact",
    "toBinaryString",
    "toHexString",
    "reverse",
    "decode",
    "plusDays",
    "plusMonths",
    "minusHours",
    "plus",
    "minus",
    "until",
    "isBefore",
    "getYear",
    "getDayOfWeek",
    "withMonth",
    "atStartOfDay",
    "atTime",
    "truncatedTo",
    "toEpochMilli",
    "getTime",
    "name",
    "ordinal",
    "between",
    "parse",
    "nextInt",
    "version",
    "of",
    "now",
    "toPattern",
    "codePointAt",
    "toCharArray",
    "indent",
    "formatted",
    "lines",
    "chars",
    "clear",
    "clone",
    "iterator",
    "stream",
    "getClass",
    "wait",
    "sort",
];

const PROPERTIES: &[&str] = &[
    "length",
    "size",
    "empty",
    "bytes",
    "class",
    "year",
    "month",
    "hour",
    "time",
    "value",
    "key",
    "name",
    "k",
    "id",
    "type",
    "status",
    "context",
    "outputs",
    "stages",
    "user",
    "tasks",
    "deep",
    "declaringClass",
    "parent",
    "ancestors",
];

const FUNCTIONS: &[&str] = &[
    "toInt",
    "toFloat",
    "toBoolean",
    "toBase64",
    "fromBase64",
    "alphanumerical",
    "toJson",
    "readJson",
    "readYaml",
    "readAllYaml",
    "doNotEval",
    "stage",
    "stageExists",
    "judgment",
    "fetchReference",
    "stageByRefId",
    "fromUrl",
    "propertiesFromUrl",
    "pipelineId",
    "deployedServerGroups",
    "triggerResolvedArtifact",
    "manifestLabelValue",
    "nosuch",
    "cfServiceKey",
    "currentUser",
];

const OPERATORS: &[&str] = &[
    "+",
    "-",
    "*",
    "/",
    "%",
    "^",
    "==",
    "!=",
    "<",
    ">",
    "<=",
    ">=",
    "and",
    "or",
    "&&",
    "||",
    "eq",
    "lt",
    "div",
    "mod",
    "matches",
    "instanceof",
    "between",
    "?:",
    "=",
];

const TESTS: &[&str] = &[
    "#this",
    "true",
    "#this != null",
    "name",
    "toString()",
    "size()",
    "#this > 1",
    "key",
    "value",
    "refId == '1'",
];

fn expression(random: &mut Random, depth: usize) -> String {
    if depth == 0 {
        let choices = if random.below(2) == 0 {
            NAMES
        } else {
            LITERALS
        };
        return random.one(choices).to_owned();
    }
    let below = depth - 1;
    match random.below(100) {
        0..=9 => random.one(NAMES).to_owned(),
        10..=17 => random.one(LITERALS).to_owned(),
        18..=39 => {
            let target = expression(random, below);
            let method = random.one(METHODS);
            format!("{target}.{method}({})", arguments(random, below))
        }
        40..=47 => {
            let target = expression(random, below);
            let dot = random.one(&[".", ".", "?."]);
            format!("{target}{dot}{}", random.one(PROPERTIES))
        }
        48..=59 => {
            let left = expression(random, below);
            let operator = random.one(OPERATORS);
            let right = expression(random, below);
            if random.below(2) == 0 {
                format!("({left} {operator} {right})")
            } else {
                format!("{left} {operator} {right}")
            }
        }
        60..=63 => {
            let test = expression(random, below);
            let yes = expression(random, below);
            let no = expression(random, below);
            format!("({test} ? {yes} : {no})")
        }
        64..=69 => {
            let target = expression(random, below);
            let index = expression(random, below / 2);
            format!("{target}[{index}]")
        }
        70..=79 => {
            let target = expression(random, below);
            let bracket = random.one(&[".?[", ".![", ".^[", ".$[", "?.![", "?.?["]);
            let test = if random.below(3) == 0 {
                expression(random, below / 2)
            } else {
                random.one(TESTS).to_owned()
            };
            format!("{target}{bracket}{test}]")
        }
        80..=83 => {
            let sign = random.one(&["!", "-", "+", "not ", "--", "++"]);
            format!("{sign}{}", expression(random, below))
        }
        84..=87 => {
            let items: Vec<String> = (0..=random.below(3))
                .map(|_| expression(random, below / 2))
                .collect();
            format!("{{{}}}", items.join(", "))
        }
        88..=90 => {
            let first = expression(random, below / 2);
            let second = expression(random, below / 2);
            format!("{{a: {first}, 'b c': {second}}}")
        }
        91..=96 => {
            let function = random.one(FUNCTIONS);
            format!("#{function}({})", arguments(random, below))
        }
        97 => {
            let place = random.one(&["m.k", "l[0]", "mine", "m.zz", "#v", "m[q]", "m"]);
            format!("{place} = {}", expression(random, below))
        }
        98 => random
            .one(&[
                "big++", "--d", "l[1]++", "mine++", "#v++", "@bean.x", "&@bean", "T(a.b.C)",
            ])
            .to_owned(),
        _ => {
            let kind = random.one(&[
                "String",
                "java.util.Date",
                "int[]",
                "Nope",
                "java.util.ArrayList",
            ]);
            format!("new {kind}({})", arguments(random, below))
        }
    }
}

fn arguments(random: &mut Random, depth: usize) -> String {
    let count = random.one(&[0, 0, 1, 1, 1, 2, 2, 3]);
    let arguments: Vec<String> = (0..count).map(|_| expression(random, depth / 2)).collect();
    arguments.join(", ")
}
