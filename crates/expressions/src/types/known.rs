//! Which classes `T(…)` and `new` may name, and which exist in Java but are refused.

/// The allow list (`InstantiationTypeRestrictor`, kork).
pub(crate) const ALLOWED: [&str; 18] = [
    "java.lang.String",
    "java.lang.Integer",
    "java.lang.Long",
    "java.lang.Double",
    "java.lang.Byte",
    "java.lang.Boolean",
    "java.lang.Math",
    "java.util.Date",
    "java.util.Random",
    "java.util.UUID",
    "java.text.SimpleDateFormat",
    "java.time.LocalDate",
    "java.time.LocalDateTime",
    "java.time.Instant",
    "java.time.DayOfWeek",
    "java.time.temporal.ChronoUnit",
    "java.time.temporal.TemporalAdjusters",
    "java.net.URLEncoder",
];

/// Classes of `java.lang` that need no package.
const LANG: &str = " Appendable ArithmeticException AssertionError AutoCloseable Boolean Byte CharSequence Character \
    Class ClassLoader Cloneable Comparable Deprecated Double Enum Error Exception Float FunctionalInterface \
    IllegalArgumentException IllegalStateException Integer InterruptedException Iterable Long Math Module \
    NullPointerException Number NumberFormatException Object OutOfMemoryError Override Package Process ProcessBuilder \
    ProcessHandle Readable Record Runnable Runtime RuntimeException SecurityException SecurityManager Short \
    StackOverflowError StackTraceElement StackWalker StrictMath String StringBuffer StringBuilder System Thread \
    ThreadGroup ThreadLocal Throwable UnsupportedOperationException Void ";

const OTHERS: &str = " java.io.BufferedReader java.io.File java.io.FileInputStream java.io.FileOutputStream \
    java.io.FileReader java.io.FileWriter java.io.IOException java.io.InputStream java.io.OutputStream \
    java.io.PrintStream java.io.Reader java.io.Serializable java.io.StringReader java.io.StringWriter java.io.Writer \
    java.math.BigDecimal java.math.BigInteger java.math.MathContext java.math.RoundingMode java.net.HttpURLConnection \
    java.net.InetAddress java.net.Socket java.net.URI java.net.URL java.net.URLClassLoader java.net.URLConnection \
    java.net.URLDecoder java.nio.charset.Charset java.nio.charset.StandardCharsets java.nio.file.Files \
    java.nio.file.Path java.nio.file.Paths java.security.MessageDigest java.security.SecureRandom \
    java.text.DateFormat java.text.DecimalFormat java.text.MessageFormat java.text.NumberFormat java.time.Clock \
    java.time.Duration java.time.LocalTime java.time.Month java.time.MonthDay java.time.OffsetDateTime \
    java.time.OffsetTime java.time.Period java.time.Year java.time.YearMonth java.time.ZoneId java.time.ZoneOffset \
    java.time.ZonedDateTime java.time.format.DateTimeFormatter java.time.format.DateTimeFormatterBuilder \
    java.time.format.FormatStyle java.time.format.TextStyle java.time.temporal.ChronoField \
    java.time.temporal.IsoFields java.time.temporal.Temporal java.time.temporal.TemporalAdjuster \
    java.time.temporal.TemporalUnit java.time.temporal.WeekFields java.util.ArrayDeque java.util.ArrayList \
    java.util.Arrays java.util.Base64 java.util.BitSet java.util.Calendar java.util.Collection java.util.Collections \
    java.util.Comparator java.util.Currency java.util.Deque java.util.Enumeration java.util.Formatter \
    java.util.GregorianCalendar java.util.HashMap java.util.HashSet java.util.Hashtable java.util.Iterator \
    java.util.LinkedHashMap java.util.LinkedHashSet java.util.LinkedList java.util.List java.util.Locale \
    java.util.Map java.util.NoSuchElementException java.util.Objects java.util.Optional java.util.OptionalInt \
    java.util.PriorityQueue java.util.Properties java.util.Queue java.util.Scanner java.util.Set java.util.SortedMap \
    java.util.Stack java.util.StringJoiner java.util.StringTokenizer java.util.TimeZone java.util.Timer \
    java.util.TreeMap java.util.TreeSet java.util.Vector java.util.concurrent.ThreadLocalRandom \
    java.util.concurrent.TimeUnit java.util.concurrent.atomic.AtomicInteger java.util.concurrent.atomic.AtomicLong \
    java.util.function.Function java.util.regex.Matcher java.util.regex.Pattern java.util.stream.Collectors \
    java.util.stream.IntStream java.util.stream.Stream javax.script.ScriptEngineManager ";

/// The full name of an allowed class; `java.lang.` may be left out.
pub(crate) fn allowed(name: &str) -> Option<&'static str> {
    let short = |class: &&&str| class.strip_prefix("java.lang.") == Some(name);
    ALLOWED
        .iter()
        .find(|class| **class == name)
        .or_else(|| ALLOWED.iter().find(short))
        .copied()
}

/// Whether the JDK has this class, so that the refusal is about permission and not about existence.
///
/// The list holds what people try; a class of the JDK that is not on it is reported as not found.
pub(crate) fn exists(name: &str) -> bool {
    let has = |list: &str, name: &str| list.split_ascii_whitespace().any(|class| class == name);
    has(LANG, name)
        || name
            .strip_prefix("java.lang.")
            .is_some_and(|name| has(LANG, name))
        || has(OTHERS, name)
}

pub(crate) fn is_primitive(name: &str) -> bool {
    matches!(
        name,
        "boolean" | "byte" | "char" | "short" | "int" | "long" | "float" | "double"
    )
}
