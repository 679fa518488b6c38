//! The table of what works and what does not.

use super::check_table;

#[test]
fn maps() {
    check_table(&[
        ("m.k", "\"v\""),
        ("m.keySet()", "[\"k\"]"),
        ("m.values()", "[\"v\"]"),
        ("m.entrySet()", "[{\"k\":\"v\"}]"),
        ("m.size()", "1"),
        ("m.isEmpty()", "false"),
        ("m.containsKey('k')", "true"),
        ("m.containsValue('v')", "true"),
        ("m.size", "INFO"),
        (
            "m.get('k')",
            "ERROR EL1004E: Method call: Method get(java.lang.String) cannot be found on type java.util.LinkedHashMap",
        ),
        ("m.getOrDefault('k', 1)", "ERROR EL1004E"),
        ("m.put('k', 'x')", "ERROR EL1004E"),
        ("m.toString()", "\"{k=v}\""),
        ("m.hashCode()", "29"),
        ("m.equals({k: 'v'})", "true"),
        (
            "{zeta:1,alpha:2,mid:3,x1:4,y22:5}.?[true].keySet()",
            "[\"zeta\",\"alpha\",\"y22\",\"mid\",\"x1\"]",
        ),
    ]);
}

#[test]
fn lists() {
    check_table(&[
        ("list.size()", "4"),
        ("list.size", "4"),
        ("list.contains(3)", "true"),
        ("list.contains('3')", "false"),
        ("list.containsAll({1,2})", "true"),
        ("list.indexOf(3)", "2"),
        ("list.lastIndexOf(9)", "-1"),
        ("list.subList(0,2)", "[1,2]"),
        ("list.subList(1,9)", "ERROR toIndex = 9"),
        ("list.isEmpty()", "false"),
        ("list.empty", "false"),
        ("list.toString()", "\"[1, 2, 3, 4]\""),
        ("list.hashCode()", "955331"),
        (
            "list.get(0)",
            "ERROR EL1004E: Method call: Method get(java.lang.Integer) cannot be found on type java.util.ArrayList",
        ),
        ("list.stream()", "ERROR EL1004E"),
        ("list.toArray()", "ERROR EL1004E"),
        ("list.iterator()", "ERROR EL1004E"),
        (
            "list.class",
            "ERROR rejected due to return type class java.lang.Class",
        ),
        ("list.remove(3)", "true"),
        ("list.contains(list)", "false"),
        (
            "list.foo()",
            "ERROR Method foo() cannot be found on type java.util.ArrayList",
        ),
    ]);
}

#[test]
fn texts() {
    check_table(&[
        ("'a,b'.split(',')[1]", "\"b\""),
        ("'a,b'.split(',').length", "2"),
        ("'a,b,,'.split(',')", "[\"a\",\"b\"]"),
        ("'a,b,,'.split(',', -1)", "[\"a\",\"b\",\"\",\"\"]"),
        ("'abc'.split('')", "[\"a\",\"b\",\"c\"]"),
        ("s.length()", "11"),
        ("s.length", "11"),
        ("s.substring(6)", "\"World\""),
        ("s.substring(99)", "ERROR begin 99, end 11, length 11"),
        ("s.replace('-', '}')", "\"hello}World\""),
        ("s.replaceAll('(h)(e)', '$2$1')", "\"ehllo-World\""),
        ("s.matches('hello.*')", "true"),
        ("s.contains('lo-')", "true"),
        ("s.contains(null)", "ERROR because \"s\" is null"),
        ("s.startsWith('he')", "true"),
        ("s.indexOf('l')", "2"),
        ("' x '.trim()", "\"x\""),
        ("' x '.strip()", "\"x\""),
        ("' '.isBlank()", "true"),
        ("'ab'.repeat(2)", "\"abab\""),
        ("s.toLowerCase()", "\"hello-world\""),
        ("s.equalsIgnoreCase('HELLO-WORLD')", "true"),
        ("'a'.compareTo('c')", "-2"),
        ("'a'.concat('b')", "\"ab\""),
        ("s.charAt(0)", "\"h\""),
        ("s.charAt(0) == 'h'", "false"),
        ("s.chars()", "ERROR EL1004E"),
        ("s.lines()", "ERROR EL1004E"),
        (
            "s.getClass()",
            "ERROR EL1004E: Method call: Method getClass() cannot be found on type java.lang.String",
        ),
        (
            "s.class",
            "ERROR found getter for requested class but rejected due to return type class java.lang.Class",
        ),
        (
            "s.split(',').contains('a')",
            "ERROR EL1004E: Method call: Method contains(java.lang.String) cannot be found on type java.lang.String[]",
        ),
        ("'%s-%s'.format('a','b')", "\"a\""),
        ("s.getBytes()", "\"aGVsbG8tV29ybGQ=\""),
        ("'ab'.toCharArray()", "\"ab\""),
        ("s.toUpperCase", "\"HELLO-WORLD\""),
        ("s.substring('6')", "\"World\""),
    ]);
}

#[test]
fn types_and_statics() {
    check_table(&[
        ("T(String).format('%03d', 7)", "\"007\""),
        (
            "T(String).join(',', list)",
            "ERROR class java.lang.Integer cannot be cast to class java.lang.CharSequence",
        ),
        ("T(String).join(',', {'a', 'b'})", "\"a,b\""),
        ("T(String).valueOf(5)", "\"5\""),
        ("T(Integer).parseInt('12')", "12"),
        ("T(Integer).parseInt('x')", "ERROR For input string: \"x\""),
        ("T(Long).parseLong('12')", "12"),
        ("T(Double).parseDouble('1.5')", "1.5"),
        ("T(Boolean).parseBoolean('true')", "true"),
        ("T(Math).max(1, 2)", "2"),
        (
            "T(Math).max(1, 2.5)",
            "ERROR EL1033E: Method call of 'max' is ambiguous",
        ),
        ("T(Math).max('1', '2')", "ERROR EL1033E"),
        ("T(Math).signum(1)", "ERROR EL1033E"),
        ("T(Long).valueOf(1)", "ERROR EL1033E"),
        ("T(Math).round(2.5)", "3"),
        ("T(Math).floor(2.5)", "2.0"),
        ("T(Math).abs(-2)", "2"),
        ("T(Math).pow(2, 3)", "8.0"),
        ("T(Math).random() < 1", "true"),
        (
            "T(Math).PI",
            "ERROR requested getter PI not found on type class java.lang.Math",
        ),
        ("T(Integer).MAX_VALUE", "ERROR EL1021E"),
        ("T(Boolean).TRUE", "ERROR EL1021E"),
        ("T(java.time.DayOfWeek).FRIDAY", "ERROR EL1021E"),
        ("T(java.time.temporal.ChronoUnit).DAYS", "ERROR EL1021E"),
        ("T(Integer).getInteger('x')", "ERROR EL1004E"),
        ("T(Boolean).getBoolean('x')", "ERROR EL1004E"),
        ("T(java.lang.String)", "\"java.lang.String\""),
        ("T(int)", "\"int\""),
        ("T(String[])", "\"[Ljava.lang.String;\""),
        (
            "T(java.util.Arrays)",
            "ERROR EL1021E: A problem occurred whilst attempting to access the property 'java.util.Arrays': '{1}'",
        ),
        ("T(java.time.ZonedDateTime)", "ERROR EL1021E"),
        ("T(java.time.Duration)", "ERROR EL1021E"),
        ("T(java.time.ZoneId)", "ERROR EL1021E"),
        ("T(java.time.format.DateTimeFormatter)", "ERROR EL1021E"),
        ("T(System).exit(0)", "ERROR EL1021E"),
        ("T(Foo)", "ERROR EL1005E: Type cannot be found 'Foo'"),
        ("new java.util.ArrayList()", "ERROR EL1003E"),
        (
            "new java.io.File('/etc/passwd')",
            "ERROR EL1003E: A problem occurred whilst attempting to construct an object of type 'java.io.File' using arguments '(java.lang.String)'",
        ),
        ("new Date()", "ERROR EL1005E"),
        ("new java.time.LocalDate()", "ERROR EL1002E"),
        ("new String('x')", "\"x\""),
        ("new Integer('12') + 1", "13"),
        ("T(java.net.URLEncoder).encode('a b', 'UTF-8')", "\"a+b\""),
        (
            "T(java.util.UUID).fromString('00000000-0000-0001-0000-000000000002').toString()",
            "\"00000000-0000-0001-0000-000000000002\"",
        ),
        ("T(java.util.UUID).randomUUID().toString().length()", "36"),
        ("T(java.util.UUID).randomUUID().version()", "4"),
        ("new java.util.Random(5).nextInt()", "-1157408321"),
        ("new java.util.Random(5).nextInt(10)", "7"),
        (
            "new java.util.Random(42).nextLong()",
            "-5025562857975149833",
        ),
        (
            "new java.util.Random(42).nextDouble()",
            "0.7275636800328681",
        ),
        ("new java.util.Random(42).nextBoolean()", "true"),
    ]);
}

#[test]
fn times() {
    let day = "T(java.time.LocalDate)";
    let unit = "T(java.time.temporal.ChronoUnit)";
    let rows = [
        ("new java.text.SimpleDateFormat('yyyy-MM-dd').format(new java.util.Date())".to_owned(), "\"2025-03-14\""),
        ("new java.text.SimpleDateFormat('yyyy-MM-dd').parse('2020-01-31')".to_owned(), "1580428800000"),
        ("new java.text.SimpleDateFormat('yyyy-MM-dd').parse('2020-01-31').time".to_owned(), "1580428800000"),
        ("new java.text.SimpleDateFormat('yyyy-MM-dd').parse('x')".to_owned(), "ERROR Unparseable date: \"x\""),
        ("new java.text.SimpleDateFormat('b')".to_owned(), "ERROR Illegal pattern character 'b'"),
        ("new java.util.Date().time".to_owned(), "1741964966535"),
        ("new java.util.Date()".to_owned(), "1741964966535"),
        ("new java.util.Date(0).toString()".to_owned(), "\"Thu Jan 01 00:00:00 UTC 1970\""),
        (format!("{day}.now()"), "[2025,3,14]"),
        (format!("{day}.now"), "[2025,3,14]"),
        (format!("{day}.now().year"), "2025"),
        (format!("{day}.now().monthValue"), "3"),
        (format!("{day}.now().plusDays(1).toString()"), "\"2025-03-15\""),
        (format!("{day}.now().dayOfWeek"), "\"FRIDAY\""),
        (format!("{day}.now().dayOfWeek.value"), "5"),
        (format!("{day}.now().dayOfWeek.name()"), "\"FRIDAY\""),
        (format!("{day}.now().getMonth()"), "ERROR EL1004E"),
        (format!("{day}.now().month"), "ERROR rejected due to return type class java.time.Month"),
        (format!("{day}.parse('2020-01-31').plusMonths(1).toString()"), "\"2020-02-29\""),
        (format!("{day}.parse('2020-02-30')"), "ERROR Invalid date 'FEBRUARY 30'"),
        (format!("{day}.parse('x')"), "ERROR Text 'x' could not be parsed at index 0"),
        (format!("{day}.now().with(T(java.time.temporal.TemporalAdjusters).firstDayOfMonth())"), "ERROR EL1004E"),
        (format!("{day}.now().format('x')"), "ERROR EL1004E"),
        ("T(java.time.LocalDateTime).now().hour".to_owned(), "15"),
        ("T(java.time.LocalDateTime).now().toLocalDate()".to_owned(), "[2025,3,14]"),
        ("T(java.time.LocalDateTime).now().plusHours(10).toString()".to_owned(), "\"2025-03-15T01:09:26.535\""),
        ("T(java.time.LocalDateTime).parse('2020-01-31T10:15')".to_owned(), "[2020,1,31,10,15]"),
        ("T(java.time.LocalDateTime).now().isAfter(T(java.time.LocalDateTime).parse('2020-01-31T10:15'))".to_owned(), "true"),
        ("T(java.time.Instant).now().toEpochMilli()".to_owned(), "1741964966535"),
        ("T(java.time.Instant).ofEpochMilli(0)".to_owned(), "0"),
        ("T(java.time.Instant).ofEpochMilli(0).plusSeconds(60).toString()".to_owned(), "\"1970-01-01T00:01:00Z\""),
        (format!("T(java.time.Instant).ofEpochMilli(0).plus(1, {unit}.valueOf('DAYS')).toString()"), "\"1970-01-02T00:00:00Z\""),
        (format!("{unit}.valueOf('DAYS').between({day}.parse('2020-01-31'), {day}.parse('2020-03-01'))"), "30"),
        (format!("{unit}.valueOf('HOURS').between({day}.parse('2020-01-31'), {day}.parse('2020-03-01'))"), "ERROR Unsupported unit: Hours"),
        (format!("{unit}.valueOf('X')"), "ERROR No enum constant java.time.temporal.ChronoUnit.X"),
        (format!("{unit}.valueOf('DAYS')"), "\"DAYS\""),
        (format!("{unit}.valueOf('DAYS').toString()"), "\"Days\""),
    ];
    let rows: Vec<(&str, &str)> = rows
        .iter()
        .map(|(text, wanted)| (text.as_str(), *wanted))
        .collect();
    check_table(&rows);
}

#[test]
fn formatting() {
    check_table(&[
        (
            "T(String).format('%5d|%-5d|%05d', 42, 42, 42)",
            "\"   42|42   |00042\"",
        ),
        ("T(String).format('%,d', 1234567)", "\"1,234,567\""),
        ("T(String).format('%.2f', 2.345)", "\"2.35\""),
        ("T(String).format('%e', 12345.678)", "\"1.234568e+04\""),
        ("T(String).format('%x %X %o', 255, 255, 8)", "\"ff FF 10\""),
        ("T(String).format('%2$s %1$s', 'a', 'b')", "\"b a\""),
        ("T(String).format('%b %%', t)", "\"true %\""),
        ("T(String).format('%d', 'x')", "ERROR d != java.lang.String"),
        (
            "T(String).format('%s %s', 'x')",
            "ERROR Format specifier '%s'",
        ),
        ("T(String).format('%q', 'x')", "ERROR Conversion = 'q'"),
        ("T(String).format('%-08d', 1)", "ERROR Flags = '-0'"),
        (
            "T(String).format('%tY-%<tm-%<td', new java.util.Date())",
            "\"2025-03-14\"",
        ),
    ]);
}
