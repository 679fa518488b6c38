//! Sets of characters: what stands in brackets, and the names of `\p{…}`.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex};

use regex_syntax::hir::{Class as HirClass, ClassUnicode, ClassUnicodeRange, HirKind};

/// A set of characters, quick to ask.
pub(super) struct Class {
    ascii: u128,
    ranges: Vec<(char, char)>,
}

impl Class {
    pub fn new(set: &ClassUnicode) -> Self {
        let ranges: Vec<(char, char)> = set
            .ranges()
            .iter()
            .map(|range| (range.start(), range.end()))
            .collect();
        let mut ascii = 0;
        for (low, high) in &ranges {
            for code in u32::from(*low)..=u32::from(*high).min(127) {
                ascii |= 1 << code;
            }
        }
        Self { ascii, ranges }
    }

    pub fn has(&self, c: char) -> bool {
        let code = u32::from(c);
        if code < 128 {
            return self.ascii >> code & 1 == 1;
        }
        self.ranges
            .binary_search_by(|(low, high)| match () {
                () if c < *low => std::cmp::Ordering::Greater,
                () if c > *high => std::cmp::Ordering::Less,
                () => std::cmp::Ordering::Equal,
            })
            .is_ok()
    }
}

/// A set of these ranges.
pub(super) fn of(ranges: &[(char, char)]) -> ClassUnicode {
    ClassUnicode::new(
        ranges
            .iter()
            .map(|(low, high)| ClassUnicodeRange::new(*low, *high)),
    )
}

/// The characters from one code to another. Halves of characters are none.
pub(super) fn of_codes(low: u32, high: u32) -> ClassUnicode {
    let parts = [(low, high.min(0xD7FF)), (low.max(0xE000), high)];
    let ranges = parts.into_iter().filter_map(|(low, high)| {
        let range = (char::from_u32(low)?, char::from_u32(high)?);
        (low <= high).then_some(range)
    });
    of(&ranges.collect::<Vec<_>>())
}

pub(super) fn single(c: char) -> ClassUnicode {
    of(&[(c, c)])
}

pub(super) fn all() -> ClassUnicode {
    of(&[('\0', char::MAX)])
}

pub(super) fn negated(mut set: ClassUnicode) -> ClassUnicode {
    set.negate();
    set
}

pub(super) fn union(mut set: ClassUnicode, other: &ClassUnicode) -> ClassUnicode {
    set.union(other);
    set
}

/// `\R` apart from the pair, and what ends a line.
pub(super) const LINE_ENDS: [(char, char); 3] =
    [('\n', '\r'), ('\u{85}', '\u{85}'), ('\u{2028}', '\u{2029}')];
const SPACE: [(char, char); 2] = [('\t', '\r'), (' ', ' ')];
const HORIZONTAL: [(char, char); 8] = [
    ('\t', '\t'),
    (' ', ' '),
    ('\u{A0}', '\u{A0}'),
    ('\u{1680}', '\u{1680}'),
    ('\u{180e}', '\u{180e}'),
    ('\u{2000}', '\u{200a}'),
    ('\u{202f}', '\u{202f}'),
    ('\u{3000}', '\u{3000}'),
];
const DIGIT: [(char, char); 1] = [('0', '9')];
const WORD: [(char, char); 4] = [('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')];

/// The lower-case letter of `\d`, `\w`, `\s`, `\h`, `\v`.
pub(super) fn perl(letter: char, unicode: bool) -> ClassUnicode {
    match (letter, unicode) {
        ('d', true) => known("Nd"),
        ('d', false) => of(&DIGIT),
        ('w', true) => word(),
        ('w', false) => of(&WORD),
        ('s', true) => known("White_Space"),
        ('s', false) => of(&SPACE),
        ('h', _) => union(of(&HORIZONTAL), &single('\u{205f}')),
        _ => of(&LINE_ENDS),
    }
}

/// `\w` under `(?U)`.
fn word() -> ClassUnicode {
    UNICODE_WORD.clone()
}

static UNICODE_WORD: LazyLock<ClassUnicode> = LazyLock::new(|| {
    ["Alphabetic", "M", "Nd", "Pc", "Join_Control"]
        .iter()
        .fold(of(&[]), |set, name| union(set, &known(name)))
});

/// With the other cases of its letters, of all of Unicode.
pub(super) fn fold_all(mut set: ClassUnicode) -> ClassUnicode {
    let mut others = Vec::new();
    for range in set.ranges() {
        let (low, high) = (range.start(), range.end());
        let from = FOLDS.partition_point(|(c, _)| *c < low);
        let inside = FOLDS[from..].iter().take_while(|(c, _)| *c <= high);
        let equal = inside.flat_map(|(_, equal)| equal);
        others.extend(equal.filter(|c| **c < low || **c > high).map(|c| (*c, *c)));
    }
    if !others.is_empty() {
        set.union(&of(&others));
    }
    set
}

/// Each letter with case, in order, and those that are equal to it.
static FOLDS: LazyLock<Vec<(char, Vec<char>)>> = LazyLock::new(|| {
    let cased = [
        "Changes_When_Casemapped",
        "Changes_When_Casefolded",
        "Cased",
    ]
    .iter()
    .fold(of(&[]), |set, name| union(set, &known(name)));
    let letters = cased
        .ranges()
        .iter()
        .flat_map(|range| range.start()..=range.end());
    let folds = letters.map(|letter| {
        let mut set = single(letter);
        // It fails without tables only.
        let _ = set.try_case_fold_simple();
        let all = set
            .ranges()
            .iter()
            .flat_map(|range| range.start()..=range.end());
        (letter, all.filter(|c| *c != letter).collect::<Vec<_>>())
    });
    folds.filter(|(_, equal)| !equal.is_empty()).collect()
});

/// What `\b` takes for part of a word: letters, digits and `_`, whatever the flags but `(?U)`.
pub(super) fn of_words(unicode: bool) -> ClassUnicode {
    match unicode {
        true => word(),
        false => union(union(known("L"), &known("Nd")), &single('_')),
    }
}

/// A set by its name in `\p{name}`. With `fold` upper and lower case are one.
pub(super) fn property(name: &str, unicode: bool, fold: bool) -> Option<ClassUnicode> {
    if let Some((key, value)) = name.split_once('=') {
        return match key.to_ascii_lowercase().as_str() {
            "sc" | "script" => unicode_property(&format!("sc={value}")),
            "gc" | "general_category" => category(value, fold),
            "blk" | "block" => block(value),
            _ => None,
        };
    }
    if let Some(name) = name.strip_prefix("In") {
        return block(name);
    }
    if let Some(bare) = name.strip_prefix("Is") {
        return binary(bare)
            .or_else(|| category(bare, fold))
            .or_else(|| unicode_property(&format!("sc={bare}")));
    }
    if let Some(java) = name.strip_prefix("java") {
        return java_method(java);
    }
    if unicode && let Some(set) = posix_unicode(name) {
        return Some(set);
    }
    let cased = fold && matches!(name, "Lower" | "Upper");
    let ranges: &[(char, char)] = match name {
        _ if cased => &[('A', 'Z'), ('a', 'z')],
        "Lower" => &[('a', 'z')],
        "Upper" => &[('A', 'Z')],
        "ASCII" => &[('\0', '\u{7F}')],
        "Alpha" => &[('A', 'Z'), ('a', 'z')],
        "Digit" => &DIGIT,
        "Alnum" => &[('0', '9'), ('A', 'Z'), ('a', 'z')],
        "Punct" => &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
        "Graph" => &[('!', '~')],
        "Print" => &[(' ', '~')],
        "Blank" => &[('\t', '\t'), (' ', ' ')],
        "Cntrl" => &[('\0', '\u{1F}'), ('\u{7F}', '\u{7F}')],
        "XDigit" => &[('0', '9'), ('A', 'F'), ('a', 'f')],
        "Space" => &SPACE,
        "L1" => &[('\0', '\u{FF}')],
        "all" | "ALL" => return Some(all()),
        "LD" => return Some(union(known("L"), &known("Nd"))),
        other => return category(other, fold),
    };
    Some(of(ranges))
}

/// First and last character and the names of each block, as `Character.UnicodeBlock` of JDK 17 has them.
const BLOCKS: &str = include_str!("blocks.txt");

/// `\p{InGreek}`: the characters of a block, by a name with or without its blanks. With underscores only the last name of a
/// block is known.
fn block(name: &str) -> Option<ClassUnicode> {
    let wanted = name.to_uppercase();
    let is_one = |known: &str| known == wanted || known.replace(' ', "") == wanted;
    BLOCKS.lines().find_map(|line| {
        let (low, rest) = line.split_once(' ')?;
        let (high, names) = rest.split_once(' ')?;
        let last = names.rsplit('|').next()?;
        if !names.split('|').any(is_one) && last.replace([' ', '-'], "_") != wanted {
            return None;
        }
        let end = |text: &str| char::from_u32(u32::from_str_radix(text, 16).ok()?);
        // The halves of characters that take two are none.
        Some(match (end(low), end(high)) {
            (Some(low), Some(high)) => of(&[(low, high)]),
            _ => of(&[]),
        })
    })
}

/// `\p{Lu}` and the like; under `(?i)` the letters with case are one category.
fn category(name: &str, fold: bool) -> Option<ClassUnicode> {
    const NAMES: [&str; 37] = [
        "Cn", "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Me", "Mc", "Nd", "Nl", "No", "Zs", "Zl", "Zp",
        "Cc", "Cf", "Co", "Cs", "Pd", "Ps", "Pe", "Pc", "Po", "Sm", "Sc", "Sk", "So", "Pi", "Pf",
        "L", "M", "N", "Z", "C", "P", "S",
    ];
    match name {
        "LC" => Some(cased()),
        "Lu" | "Ll" | "Lt" if fold => Some(cased()),
        name if NAMES.contains(&name) => unicode_property(&format!("gc={name}")),
        _ => None,
    }
}

fn cased() -> ClassUnicode {
    union(union(known("Lu"), &known("Ll")), &known("Lt"))
}

/// `\p{IsAlphabetic}` and the like.
fn binary(name: &str) -> Option<ClassUnicode> {
    Some(match name.to_ascii_uppercase().as_str() {
        "ALPHABETIC" => known("Alphabetic"),
        "LETTER" => known("L"),
        "IDEOGRAPHIC" => known("Ideographic"),
        "LOWERCASE" => known("Lowercase"),
        "UPPERCASE" => known("Uppercase"),
        "TITLECASE" => known("Lt"),
        "WHITE_SPACE" | "WHITESPACE" => known("White_Space"),
        "CONTROL" => known("Cc"),
        "PUNCTUATION" => known("P"),
        "HEX_DIGIT" | "HEXDIGIT" => union(known("Nd"), &known("Hex_Digit")),
        "ASSIGNED" => negated(known("Cn")),
        "NONCHARACTER_CODE_POINT" | "NONCHARACTERCODEPOINT" => known("Noncharacter_Code_Point"),
        "DIGIT" => known("Nd"),
        "ALNUM" => union(known("Alphabetic"), &known("Nd")),
        "BLANK" => union(known("Zs"), &single('\t')),
        "WORD" => word(),
        "JOIN_CONTROL" | "JOINCONTROL" => known("Join_Control"),
        _ => return None,
    })
}

/// The POSIX names under `(?U)`.
fn posix_unicode(name: &str) -> Option<ClassUnicode> {
    let without = |mut set: ClassUnicode, names: &[&str]| {
        for name in names {
            set.difference(&known(name));
        }
        set
    };
    Some(match name.to_ascii_uppercase().as_str() {
        "ALPHA" => known("Alphabetic"),
        "LOWER" => known("Lowercase"),
        "UPPER" => known("Uppercase"),
        "SPACE" => known("White_Space"),
        "PUNCT" => known("P"),
        "XDIGIT" => union(known("Nd"), &known("Hex_Digit")),
        "ALNUM" => union(known("Alphabetic"), &known("Nd")),
        "CNTRL" => known("Cc"),
        "DIGIT" => known("Nd"),
        "BLANK" => union(known("Zs"), &single('\t')),
        "GRAPH" => without(all(), &["Z", "Cc", "Cs", "Cn"]),
        "PRINT" => {
            let graph = without(all(), &["Z", "Cc", "Cs", "Cn"]);
            without(union(graph, &known("Zs")), &["Cc"])
        }
        _ => return None,
    })
}

/// `\p{javaLowerCase}` and the like: methods of `java.lang.Character`.
fn java_method(name: &str) -> Option<ClassUnicode> {
    Some(match name {
        "LowerCase" => known("Lowercase"),
        "UpperCase" => known("Uppercase"),
        "Alphabetic" => known("Alphabetic"),
        "Ideographic" => known("Ideographic"),
        "TitleCase" => known("Lt"),
        "Digit" => known("Nd"),
        "Defined" => negated(known("Cn")),
        "Letter" => known("L"),
        "LetterOrDigit" => union(known("L"), &known("Nd")),
        "SpaceChar" => known("Z"),
        "Whitespace" => {
            let mut set = union(known("Z"), &of(&[('\t', '\r'), ('\u{1c}', '\u{1f}')]));
            let fixed = [
                ('\u{A0}', '\u{A0}'),
                ('\u{2007}', '\u{2007}'),
                ('\u{202F}', '\u{202F}'),
            ];
            set.difference(&of(&fixed));
            set
        }
        "Mirrored" => known("Bidi_Mirrored"),
        "IdentifierIgnorable" => ignorable(),
        "JavaIdentifierStart" => identifier_start(),
        "JavaIdentifierPart" => ["Nd", "Mc", "Mn"]
            .iter()
            .fold(union(identifier_start(), &ignorable()), |set, name| {
                union(set, &known(name))
            }),
        "ISOControl" => of(&[('\0', '\u{1F}'), ('\u{7F}', '\u{9F}')]),
        _ => return None,
    })
}

fn identifier_start() -> ClassUnicode {
    ["Nl", "Sc", "Pc"]
        .iter()
        .fold(known("L"), |set, name| union(set, &known(name)))
}

fn ignorable() -> ClassUnicode {
    let controls = [('\0', '\u{8}'), ('\u{E}', '\u{1B}'), ('\u{7F}', '\u{9F}')];
    union(of(&controls), &known("Cf"))
}

/// A set that the library has by this name.
fn known(name: &str) -> ClassUnicode {
    unicode_property(name).unwrap_or_else(ClassUnicode::empty)
}

/// A set by a name that the library knows, `gc=`, `sc=` and `gcb=` included.
pub(super) fn unicode_property(name: &str) -> Option<ClassUnicode> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '=' | ' ' | '-');
    if !name.chars().all(plain) {
        return None;
    }
    // As names are compared: there are only so many.
    let key: String = name
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '=')
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let known = TABLES
        .lock()
        .ok()
        .and_then(|tables| tables.get(&key).cloned());
    if known.is_some() {
        return known;
    }
    let set = table(name)?;
    if let Ok(mut tables) = TABLES.lock()
        && tables.len() < TABLES_MAX
    {
        tables.insert(key, set.clone());
    }
    Some(set)
}

/// Tables that were asked for: making one takes longer than all else about most patterns.
static TABLES: LazyLock<Mutex<BTreeMap<String, ClassUnicode>>> = LazyLock::new(Mutex::default);
const TABLES_MAX: usize = 1_000;

fn table(name: &str) -> Option<ClassUnicode> {
    let hir = regex_syntax::parse(&format!(r"\p{{{name}}}")).ok()?;
    match hir.into_kind() {
        HirKind::Class(HirClass::Unicode(set)) => Some(set),
        // A set of one character.
        HirKind::Literal(literal) => {
            let text = std::str::from_utf8(&literal.0).ok()?;
            Some(single(text.chars().next()?))
        }
        _ => None,
    }
}
