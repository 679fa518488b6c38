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
        ("'x' matches '\\X'", "ERROR \\X is not supported"),
        ("'x'.replaceAll('x', '$1')", "ERROR No group 1"),
        (
            "'x'.replaceAll('x', 'a\\')",
            "ERROR character to be escaped is missing",
        ),
        ("'v1.22.3'.split('\\.')", "[\"v1\",\"22\",\"3\"]"),
        ("'a1b2'.split('(?<=\\d)')", "[\"a1\",\"b2\"]"),
    ]);
}
