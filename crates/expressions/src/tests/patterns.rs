//! Java's regular expressions.

use super::check_table;

#[test]
fn syntax() {
    check_table(&[
        ("'a1b22'.replaceAll('\\d+', '#')", "\"a#b#\""),
        ("'äb' matches '\\w+'", "false"),
        ("'ab' matches '(?i)AB'", "true"),
        ("'Ä' matches '(?i)ä'", "false"),
        ("'Ä' matches '(?iu)ä'", "true"),
        ("'ab'.replaceAll('(?<x>a)', '<${x}>')", "\"<a>b\""),
        ("'aab'.replaceAll('(a)\\1', 'x')", "\"xb\""),
        ("'foobar'.replaceAll('(?<=foo)bar', 'x')", "\"foox\""),
        ("'aaa' matches 'a++a'", "false"),
        ("'a.b' matches '\\Qa.b\\E'", "true"),
        ("'x' matches '[a-z&&[^aeiou]]'", "true"),
        ("'e' matches '[a-z&&[^aeiou]]'", "false"),
        ("'T' matches '\\p{Lu}'", "true"),
        ("'9' matches '\\p{Alpha}'", "false"),
        ("'a\nb' matches 'a.b'", "false"),
        ("'a\nb' matches '(?s)a.b'", "true"),
        ("'a\nb'.replaceAll('(?m)^', '>')", "\">a\\n>b\""),
        (
            "'x' matches '['",
            "ERROR Unclosed character class near index 0",
        ),
        (
            "'x' matches '*'",
            "ERROR Dangling meta character '*' near index 0",
        ),
        (
            "'x' matches '\\p{Foo}'",
            "ERROR Unknown character property name {Foo} near index 6",
        ),
        ("'e\u{301}x' matches '\\X\\X'", "true"),
        ("'aXbX'.replaceAll('\\G[aX]', '-')", "\"--bX\""),
        ("'Ä1' matches '(?U)\\w\\d'", "true"),
        ("'abAB' matches '(?i)(ab)\\1'", "true"),
        ("'abAC' matches '(?i)(ab)\\1'", "false"),
        ("']' matches '[^\\Q[]\\E]'", "false"),
        ("'e' matches '[^a-c[x-z]]'", "true"),
        ("'y' matches '[^a-c[x-z]]'", "false"),
        ("'x' matches '\\p{InGreek}'", "false"),
        ("'\u{3b1}' matches '\\p{InGreek and Coptic}'", "true"),
        ("'\u{e9}' matches '\\p{block=Latin_1_Supplement}'", "true"),
        (
            "'x' matches '\\p{InGreek_and_Coptic}'",
            "ERROR Unknown character property name {InGreek_and_Coptic} near index 21",
        ),
        (
            "'x' matches '(?<=(ab|c)+)x'",
            "ERROR Look-behind group does not have an obvious maximum length near index 10",
        ),
        ("'x'.replaceAll('x', '$1')", "ERROR No group 1"),
        (
            "'x'.replaceAll('x', 'a\\')",
            "ERROR character to be escaped is missing",
        ),
        ("'v1.22.3'.split('\\.')", "[\"v1\",\"22\",\"3\"]"),
        ("'a1b2'.split('(?<=\\d)')", "[\"a1\",\"b2\"]"),
    ]);
}

#[test]
fn patterns_outside_expressions_are_the_same_language() {
    let pattern = |text: &str| crate::JavaPattern::compile(text);
    for (text, input, whole, inside) in [
        ("a|ab", "ab", true, true),
        ("b", "ab", false, true),
        ("", "ab", false, true),
        ("\\Qa.b\\E", "a.b", true, true),
        ("^b$", "a\nb", false, false),
        ("(?m)^b$", "a\nb", false, true),
        ("a\\b\u{e9}", "a\u{e9}", false, false),
    ] {
        let compiled = pattern(text).unwrap();
        assert_eq!(compiled.is_whole(input, 1_000), Ok(whole), "{text}");
        assert_eq!(compiled.is_in(input, 1_000), Ok(inside), "{text}");
    }
    let refused = |text: &str| pattern(text).map(drop).unwrap_err();
    assert_eq!(refused("(["), "Unclosed character class near index 1");
    assert_eq!(
        refused(&"x".repeat(10_001)),
        "it has more than 10000 characters"
    );
    let slow = pattern("(a+)+\\1b").unwrap();
    assert_eq!(
        slow.is_whole(&"a".repeat(40), 10_000),
        Err(crate::TooManySteps)
    );
}

#[test]
fn nested_repetitions_do_not_take_exponential_time() {
    check_table(&[
        ("'a'.repeat(60) matches '(a+)+b'", "false"),
        ("('a'.repeat(60) + 'b') matches '(a+)+b'", "true"),
        ("'a'.repeat(60) matches '(a|aa)*b'", "false"),
        (
            "'ab'.repeat(20).replaceAll('(?:(a|b)+x)+', '')",
            "\"abababababababababababababababababababab\"",
        ),
        ("'aab' matches '(a+|b)+'", "true"),
        ("'aabaab' matches '((a+)(b?))+'", "true"),
        ("'xaaxaa'.replaceAll('(x(a)+)+', '<$1$2>')", "\"<xaaa>\""),
        // What a group matched decides, so nothing is remembered.
        ("'a'.repeat(40) matches '(a+)+\\1b'", "ERROR EL1073E"),
    ]);
}

#[test]
fn clusters_and_words_of_all_of_unicode() {
    check_table(&[
        ("'e\u{301}x' matches '\\X\\X'", "true"),
        ("'e\u{301}x' matches '\\X\\X\\X'", "false"),
        ("'\u{e9} \u{661}' matches '(?U)\\w\\s\\d'", "true"),
        ("'\u{e9}' matches '(?U)\\W'", "false"),
        ("'a\u{301}b'.split('\\b').length", "1"),
        ("'a b'.split('\\b').length", "3"),
    ]);
}
