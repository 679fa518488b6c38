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
        (
            "'x' matches '\\p{InGreek}'",
            "ERROR the character block {InGreek} is not supported near index 10",
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
