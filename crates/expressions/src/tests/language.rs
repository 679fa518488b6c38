//! Operators, literals, selection: the table "Semantics worth pinning with tests".

use super::{check_table, check_texts, table_root};

#[test]
fn numbers() {
    check_table(&[
        ("7 / 2", "3"),
        ("7.0 / 2", "3.5"),
        ("7 % 3", "1"),
        ("7 mod 3", "1"),
        ("7 div 2", "3"),
        ("2 ^ 10", "1024"),
        ("big + 1", "-2147483648"),
        ("big * 2", "-2"),
        (
            "3000000000",
            "ERROR EL1035E: The value '3000000000' cannot be parsed as an int",
        ),
        ("3000000000L", "3000000000"),
        ("1e3", "1000.0"),
        ("1e3 + ''", "\"1000.0\""),
        ("0x1F", "31"),
        ("0xFFFFFFFFL", "4294967295"),
        ("0x", "ERROR EL1035E"),
        (".7", "ERROR EL1049E"),
        ("3.", "ERROR EL1044E"),
        ("1e999", "\"Infinity\""),
        ("0.0 / 0", "\"NaN\""),
        ("-2147483648", "ERROR EL1035E"),
        ("-2147483647 - 1", "-2147483648"),
        ("3 ^ 2 ^ 2", "ERROR EL1041E"),
        ("1 < 2 < 3", "ERROR EL1041E"),
        ("a == 1 == true", "ERROR EL1041E"),
        ("-3 ^ 2", "9"),
        ("3 ^ 25", "847288609443"),
        ("3 ^ 60", "9223372036854775807"),
        ("2 ^ -3", "0"),
        ("3 ^ 0.5", "1.7320508075688772"),
        ("a + d", "2.5"),
        ("1 + 2L", "3"),
        ("long + 1", "3000000001"),
        ("9223372036854775807L + 1", "-9223372036854775808"),
        ("huge + 1 > huge", "true"),
        ("(huge + 1).toString()", "\"18446744073709551616\""),
        (
            "(huge * huge).toString()",
            "\"340282366920938463426481119284349108225\"",
        ),
        ("huge / 2", "9223372036854775807"),
        ("huge == huge", "true"),
        ("1.5f + 1", "2.5"),
        ("1.1f + ''", "\"1.1\""),
        ("a / 0", "ERROR / by zero"),
        ("1.0 / 0", "\"Infinity\""),
        ("0.1 + 0.2", "0.30000000000000004"),
        ("5 % 0", "ERROR / by zero"),
        ("-7 / 2", "-3"),
        ("-7 % 3", "-1"),
        ("+a", "1"),
        ("-d", "-1.5"),
        (
            "1 + null",
            "ERROR EL1030E: The operator 'ADD' is not supported between objects of type 'java.lang.Integer' and 'null'",
        ),
        ("a + t", "ERROR EL1030E"),
        (
            "list + list",
            "ERROR EL1030E: The operator 'ADD' is not supported between objects of type 'java.util.ArrayList' and 'java.util.ArrayList'",
        ),
        ("1 + 2 - 3 * 4 / 2 % 5", "2"),
        ("2 * 3 + 4 * 5", "26"),
        ("(1 + 2) * 3", "9"),
        ("1000000.0 + ''", "\"1000000.0\""),
        ("10000000.0 + ''", "\"1.0E7\""),
        ("0.001 + ''", "\"0.001\""),
        ("0.0001 + ''", "\"1.0E-4\""),
        ("123456789.123 + ''", "\"1.23456789123E8\""),
        ("100 / 3.0", "33.333333333333336"),
        ("1.0", "1.0"),
        ("5L / 2", "2"),
        ("5 / 2f", "2.5"),
    ]);
}

#[test]
fn texts() {
    check_table(&[
        ("'b' - 1", "\"a\""),
        (
            "'bc' - 1",
            "ERROR EL1030E: The operator 'SUBTRACT' is not supported",
        ),
        ("num + 1", "\"51\""),
        ("num * 2", "\"55\""),
        ("#toInt(num) + 1", "6"),
        ("'a' + 1", "\"a1\""),
        ("1 + 'a'", "\"1a\""),
        ("'' + n", "\"null\""),
        ("n + ''", "\"null\""),
        ("list + ''", "\"1,2,3,4\""),
        ("m + ''", "\"{k=v}\""),
        ("maps + ''", "ERROR EL1001E"),
        ("empty + 'x'", "\"x\""),
        ("'a' + 1.0 + true", "\"a1.0true\""),
        ("1 + 1 + 'a' + 1 + 1", "\"2a11\""),
        ("'it''s'", "\"it's\""),
        ("\"say \"\"hi\"\"\"", "\"say \\\"hi\\\"\""),
        ("\"a\\\"b\"", "ERROR"),
        ("'\\n'", "\"\\\\n\""),
        ("'\\n'.length()", "2"),
        ("'}'", "\"}\""),
        ("'x' * -1", "ERROR EL1081E"),
        ("'x' * 3", "\"xxx\""),
        ("'' * 5", "\"\""),
        ("s[0]", "\"h\""),
        (
            "s[11]",
            "ERROR EL1026E: The string has '11' characters, index '11' is invalid",
        ),
        ("uni.length()", "5"),
        ("uni.substring(1, 2)", "\"ä\""),
        ("uni.indexOf('z')", "4"),
    ]);
}

#[test]
fn absent_values() {
    check_table(&[
        ("e ?: 'x'", "\"x\""),
        ("n ?: 'x'", "\"x\""),
        ("missing ?: 'x'", "\"x\""),
        ("s ?: 'x'", "\"hello-World\""),
        ("f ?: 'x'", "false"),
        ("empty ?: 'x'", "[]"),
        ("missing", "INFO"),
        ("n", "INFO"),
        (
            "missing.foo",
            "ERROR EL1007E: Property or field 'foo' cannot be found on null",
        ),
        ("missing?.foo", "INFO"),
        (
            "missing?.foo.bar",
            "ERROR EL1007E: Property or field 'bar' cannot be found on null",
        ),
        ("missing?.foo?.bar", "INFO"),
        ("m['nope']", "INFO"),
        (
            "m['nope']['x']",
            "ERROR EL1012E: Cannot index into a null value",
        ),
        ("m['nope']?.['x']", "INFO"),
        ("m.x-y", "ERROR EL1030E"),
        (
            "missing.foo()",
            "ERROR EL1011E: Method call: Attempted to call method foo() on null context object",
        ),
        ("missing?.foo()", "INFO"),
        (
            "missing.foo(1, 'a', null)",
            "ERROR foo(java.lang.Integer,java.lang.String,null)",
        ),
        ("null", "INFO"),
        ("NULL == null", "true"),
        ("[a]", "1"),
        (
            "n.![x]",
            "ERROR EL1019E: Projection is not supported on the type 'null'",
        ),
        ("n?.![x]", "INFO"),
        (
            "n.?[x]",
            "ERROR EL1015E: Cannot perform selection on input data of type 'null'",
        ),
        ("n?.?[true]", "INFO"),
        (
            "a.?[true]",
            "ERROR EL1015E: Cannot perform selection on input data of type 'java.lang.Integer'",
        ),
        ("nested.l[1].z", "\"deep\""),
        ("nested['l'][1]['z']", "\"deep\""),
        ("nested[l][1][z]", "\"deep\""),
    ]);
}

#[test]
fn comparisons() {
    check_table(&[
        ("s matches 'World'", "false"),
        ("s matches '.*World'", "true"),
        ("s MATCHES 'hello.*'", "true"),
        (
            "n matches 'x'",
            "ERROR EL1037E: First operand to matches operator must be a string. 'null' is not",
        ),
        ("s matches n", "ERROR EL1038E"),
        ("12 matches '\\d+'", "true"),
        ("s matches '('", "ERROR EL1018E"),
        ("'1' == 1", "false"),
        ("a == 1.0", "true"),
        ("a == 1L", "true"),
        ("yes == true", "false"),
        ("'10' > '9'", "false"),
        ("1 > '0'", "ERROR EL1013E"),
        ("null < 1", "true"),
        ("1 > null", "true"),
        ("null == null", "true"),
        ("null <= null", "true"),
        ("m == {k: 'v'}", "true"),
        ("list == {1, 2, 3, 4}", "true"),
        ("list == {1, 2}", "false"),
        ("m < m", "ERROR EL1013E"),
        ("a lt 2", "true"),
        ("a GE 2", "false"),
        ("a ne 2", "true"),
        ("a eq 1", "true"),
        ("a le 1 and a gt 0", "true"),
        ("a between {1, 2}", "true"),
        ("5 between {1, 2}", "false"),
        ("'b' between {'a', 'c'}", "true"),
        ("a between 1", "ERROR EL1017E"),
        ("a instanceof T(Integer)", "true"),
        ("a instanceof T(String)", "false"),
        ("n instanceof T(String)", "false"),
        (
            "a instanceof 'x'",
            "ERROR EL1028E: The operator instanceof needs the right operand to be a class, not a 'java.lang.String'",
        ),
        ("true < false", "false"),
        ("0.0/0 == 0.0/0", "false"),
        ("1 in {1,2}", "ERROR EL1041E"),
    ]);
}

#[test]
fn conditions() {
    check_table(&[
        ("yes ? 1 : 2", "1"),
        ("'off' ? 1 : 2", "2"),
        ("'Yes' ? 1 : 2", "1"),
        ("' on ' ? 1 : 2", "1"),
        ("'maybe' ? 1 : 2", "ERROR Invalid boolean value 'maybe'"),
        (
            "a ? 1 : 2",
            "ERROR EL1001E: Type conversion problem, cannot convert from java.lang.Integer to java.lang.Boolean",
        ),
        (
            "n ? 1 : 2",
            "ERROR EL1001E: Type conversion problem, cannot convert from null to boolean",
        ),
        ("!missing", "ERROR EL1001E"),
        ("e ? 1 : 2", "ERROR EL1001E"),
        ("t ? 'x'", "ERROR EL1044E"),
        ("t ? 1 : f ? 2 : 3", "1"),
        ("f ? 1 : f ? 2 : 3", "3"),
        ("not t", "false"),
        ("!t", "false"),
        ("!'false'", "true"),
        ("t and f or t", "true"),
        ("t && f || f", "false"),
        ("f and missing.foo", "false"),
        ("t or missing.foo", "true"),
        ("TRUE AND tRuE", "true"),
        ("a or t", "ERROR EL1001E"),
        ("t | f", "ERROR EL1069E"),
    ]);
}

#[test]
fn selections_and_projections() {
    check_table(&[
        ("list.?[#this > 2]", "[3,4]"),
        ("list.^[#this > 2]", "3"),
        ("list.$[#this > 2]", "4"),
        ("list.^[#this > 20]", "INFO"),
        ("list.$[#this > 20]", "INFO"),
        ("list.?[#this > 20]", "[]"),
        ("list.![#this * 2]", "[2,4,6,8]"),
        (
            "list.?[n]",
            "ERROR requested getter n not found on type class java.lang.Integer",
        ),
        (
            "maps.?[x]",
            "ERROR EL1016E: Result of selection criteria is not boolean",
        ),
        ("maps.?[y]", "ERROR EL1016E"),
        ("maps.?[x == 2]", "[{\"x\":2}]"),
        ("maps.?[x == a]", "[]"),
        ("maps.?[x == #root.a]", "[{\"x\":1}]"),
        ("maps.![x]", "[1,2]"),
        ("maps.![#this['x']]", "[1,2]"),
        ("maps.![x + #root.a]", "[2,3]"),
        ("maps.?[x == 2][0].x", "2"),
        ("maps.![x].contains(2)", "true"),
        ("{1, 2, 3}.?[#this != 2]", "[1,3]"),
        ("s.split('-').?[#this matches 'h.*'][0]", "\"hello\""),
        ("s.split('-').![length()]", "[5,5]"),
        ("m.?[true]", "{\"k\":\"v\"}"),
        ("m.![1]", "[1]"),
        (
            "m.?[key == 'k']",
            "ERROR found getter for requested key but rejected due to return type class java.lang.Object",
        ),
        ("m.![value]", "ERROR EL1021E"),
        ("m.![toString()]", "[\"k=v\"]"),
        ("list[#this.a]", "2"),
        ("maps.![#root.list[a]]", "[2,2]"),
    ]);
}

#[test]
fn indexing() {
    check_table(&[
        ("list[0]", "1"),
        ("list['0']", "1"),
        ("list[1.7]", "2"),
        ("list[a]", "2"),
        (
            "list[9]",
            "ERROR EL1025E: The collection has '4' elements, index '9' is invalid",
        ),
        ("list[-1]", "ERROR Index -1 out of bounds for length 4"),
        ("list['x']", "ERROR EL1001E"),
        ("list[n]", "ERROR No index"),
        ("m['k']", "\"v\""),
        ("m[\"k\"]", "\"v\""),
        ("m[k]", "\"v\""),
        ("m['k' + '']", "\"v\""),
        ("m.k.length()", "1"),
        (
            "a[0]",
            "ERROR EL1027E: Indexing into type 'java.lang.Integer' is not supported",
        ),
        ("m.keySet()[0]", "\"k\""),
        ("s.split('-')[1]", "\"World\""),
        (
            "s.split('-')[2]",
            "ERROR EL1024E: The array has '2' elements, index '2' is invalid",
        ),
        ("{1, 2}[1]", "2"),
        ("{a: 1, 'b': {2}}['b'][0]", "2"),
    ]);
}

#[test]
fn inline_collections() {
    check_table(&[
        ("{1,2}", "[1,2]"),
        ("{}", "[]"),
        ("{:}", "{}"),
        ("{a: 1, 'b': 2}", "{\"a\":1,\"b\":2}"),
        ("{a: {b: {1, {c: 2}}}}", "{\"a\":{\"b\":[1,{\"c\":2}]}}"),
        ("{1,2}.add(3)", "ERROR null"),
        ("{a, 2}.add(3)", "true"),
        ("{{1,2},{3}}[0][1]", "2"),
        ("{a: null, b: {null}}", "{\"b\":[null]}"),
        ("{1: 'x'}[1]", "\"x\""),
        ("{1, }", "ERROR Operand must not be null"),
        ("new String[]{'a', 'b'}.length", "2"),
        ("new int[3]", "[0,0,0]"),
        ("new int[]{1, '2'}", "[1,2]"),
        ("new int[2][3]", "[[0,0,0],[0,0,0]]"),
        ("new int[300000]", "ERROR EL1075E"),
        ("new int[2]{1}", "ERROR EL1064E"),
        ("new int[]", "ERROR EL1063E"),
    ]);
}

#[test]
fn assignments() {
    check_table(&[
        ("m.k = 'x'", "\"x\""),
        ("a++", "1"),
        ("++a", "2"),
        ("a--", "1"),
        ("--a", "0"),
        ("s++", "ERROR EL1066E"),
        ("5++", "ERROR EL1068E"),
        ("list.add(9)", "true"),
        ("list[0] = 7", "7"),
        ("m['z'] = {1}", "[1]"),
        ("#x = 5", "5"),
        ("m.self = m", "ERROR inside itself"),
        ("list.add(list)", "ERROR inside itself"),
        (
            "n.x = 1",
            "ERROR EL1009E: Property or field 'x' cannot be set on null",
        ),
        ("{a: 1}.a = 2", "ERROR null"),
        ("#root.fresh = 3", "3"),
    ]);
}

#[test]
fn assignments_are_seen_by_later_texts_of_the_pass() {
    let root = table_root();
    let document = serde_json::json!({"x": "${m.k = 'new'}", "y": "${m.k}", "z": "${list.add(5)}", "zz": "${list.size()}"});
    let evaluation = crate::evaluate_json(&document, &root, &crate::Environment::fixed(0, 0));
    assert_eq!(evaluation.value["y"], "new");
    assert_eq!(evaluation.value["zz"], 5);
    assert_eq!(root.0["m"]["k"], "v");
}

#[test]
fn parse_errors() {
    check_table(&[
        (
            "a b",
            "ERROR EL1041E: After parsing a valid expression, there is still more data in the expression: 'b'",
        ),
        (
            "1,2",
            "ERROR EL1041E: After parsing a valid expression, there is still more data in the expression: 'comma(,)'",
        ),
        ("a + ", "ERROR EL1042E"),
        ("* a", "ERROR EL1070E"),
        ("a ==", "ERROR EL1042E"),
        (
            "f(",
            "ERROR Found closing '}' at position 4 but most recent opening is '(' at position 3",
        ),
        ("a[]", "ERROR EL1071E"),
        ("a.", "ERROR EL1044E"),
        ("a..b", "ERROR EL1049E: Unexpected data after '.': 'dot(.)'"),
        (
            "'x",
            "ERROR Found non terminating string literal starting at position 2",
        ),
        (
            "a € b",
            "ERROR EL1082E: Unsupported character '€' (8,364) encountered in expression",
        ),
        ("a \\ b", "ERROR EL1065E"),
        ("@bean", "ERROR EL1057E"),
        ("@", "ERROR EL1059E"),
        ("new Date", "ERROR EL1050E"),
        ("T(String", "ERROR"),
        ("#x.y.", "ERROR EL1044E"),
        ("#", "ERROR EL1044E"),
        ("t ? : 1", "ERROR Operand must not be null"),
        ("1.5L", "ERROR EL1048E"),
        ("a = ", "ERROR Operand must not be null"),
        ("(a", "ERROR most recent opening is '(' at position 2"),
        (
            "a)",
            "ERROR Found closing ')' at position 3 without an opening '('",
        ),
        (
            "(a]",
            "ERROR Found closing ']' at position 4 but most recent opening is '(' at position 2",
        ),
    ]);
}

#[test]
fn variables() {
    check_table(&[
        ("#undefined", "INFO"),
        (
            "#undefined()",
            "ERROR EL1006E: Function 'undefined' could not be found",
        ),
        ("#this.a", "1"),
        ("#root.a", "1"),
        ("#root['a']", "1"),
        ("#root.containsKey('a')", "true"),
        ("#root.containsKey('missing')", "false"),
        ("#root.x", "INFO"),
        ("#toJson", "INFO"),
        (
            "#toInt('1', '2')",
            "ERROR EL1014E: Incorrect number of arguments for function 'toInt': 2 supplied but function takes 1",
        ),
    ]);
}

#[test]
fn composites() {
    let rows = [
        ("${list} x", "\"1,2,3,4 x\""),
        (
            "${m} x",
            "ERROR EL1001E: Type conversion problem, cannot convert from java.util.LinkedHashMap<?, ?> to java.lang.String",
        ),
        ("${maps} x", "ERROR EL1001E"),
        ("${T(java.time.LocalDate).now()} x", "ERROR EL1001E"),
        ("${T(java.time.Instant).now()} x", "ERROR EL1001E"),
        (
            "${T(java.time.LocalDate).now().toString()} x",
            "\"2025-03-14 x\"",
        ),
        (
            "${new java.util.Date(0)} x",
            "\"Thu Jan 01 00:00:00 UTC 1970 x\"",
        ),
        ("${a} ", "\"1 \""),
        ("${a}\n", "\"1\\n\""),
        ("${a}${s}", "\"1hello-World\""),
        (
            "text ${s.replace('-', '}')} end",
            "\"text hello}World end\"",
        ),
        ("x${1.0}y${t}z", "\"x1.0ytruez\""),
        ("${'a'.bytes}!", "\"97!\""),
    ];
    check_texts(&table_root(), rows.into_iter());
}
