"""A tenant's query is bound to its namespace, and no input escapes."""

import re
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deadband.api.conditions import Reason
from deadband.api.metricsource import MetricSourceSpec
from deadband.queries.plan import plan
from deadband.queries.tenancy import AGGREGATIONS, FUNCTIONS, NotEnforceableError, enforced
from deadband.queries.types import Key
from tests.queries.builders import raw

MINE = "leadgen"
OWN = f'namespace="{MINE}"'


@pytest.mark.parametrize(
    ("text", "written"),
    [
        pytest.param("up", f'{{__name__="up",{OWN}}}', id="a name alone"),
        pytest.param('up{job="a"}', f'{{__name__="up",job="a",{OWN}}}', id="a selector"),
        pytest.param('{a=~"b|c",d!="e",f!~"g"}', f'{{a=~"b|c",d!="e",f!~"g",{OWN}}}', id="without a name"),
        pytest.param('up{namespace="billing"}', f'{{__name__="up",namespace="billing",{OWN}}}', id="another namespace"),
        pytest.param(
            "sum by (a, b) (rate(x[5m]))", f'sum by (a, b) (rate({{__name__="x",{OWN}}}[300000ms]))', id="a rate"
        ),
        pytest.param(
            "x[1h] offset -5m",
            f'{{__name__="x",{OWN}}}[3600000ms] offset -300000ms',
            id="a range and an offset",
        ),
        pytest.param(
            "max_over_time((a + b)[10m:] @ end())",
            f'max_over_time((({{__name__="a",{OWN}}}) + ({{__name__="b",{OWN}}}))[600000ms:] @ end())',
            id="a subquery",
        ),
        pytest.param(
            "a == bool on (x) group_left (y) b",
            f'({{__name__="a",{OWN}}}) == bool on (x) group_left (y) ({{__name__="b",{OWN}}})',
            id="matching of two sides",
        ),
        pytest.param("-a ^ 2", f'-(({{__name__="a",{OWN}}}) ^ (2.0))', id="the order of operations"),
        pytest.param("topk(3, a) or vector(1)", f'(topk(3.0, {{__name__="a",{OWN}}})) or (vector(1.0))', id="topk"),
        pytest.param(r"""a{b='"\\ é\n'}""", rf'{{__name__="a",b="\"\\ é\n",{OWN}}}', id="what needs an escape"),
        pytest.param('a # {b="c"}', f'{{__name__="a",{OWN}}}', id="a comment"),
        pytest.param("1e400", "Inf", id="infinity"),
        pytest.param("x[49d17h3m]", f'{{__name__="x",{OWN}}}[49d61380000ms]', id="days and less"),
        pytest.param("x[50d]", f'{{__name__="x",{OWN}}}[50d]', id="more milliseconds than 32 bits hold"),
        pytest.param("x offset -52w", f'{{__name__="x",{OWN}}} offset -364d', id="a year ahead"),
        pytest.param("(x)[8w:1h]", f'({{__name__="x",{OWN}}})[56d:3600000ms]', id="a long subquery"),
        pytest.param(
            "first_over_time(x[1m])", f'first_over_time({{__name__="x",{OWN}}}[60000ms])', id="a newer function"
        ),
        pytest.param(r"a{b=~`\d\n`}", rf'{{__name__="a",b=~"\\d\\n",{OWN}}}', id="no escapes between backticks"),
        pytest.param("a > 10_000", f'({{__name__="a",{OWN}}}) > (10000.0)', id="digits in groups"),
        pytest.param('{"b.c"="d"}', f'{{"b.c"="d",{OWN}}}', id="a label in quotes"),
        pytest.param('{"namespace"="d"}', f'{{namespace="d",{OWN}}}', id="another namespace in quotes"),
        pytest.param('sum by ("b.c") (a)', f'sum by ("b.c") ({{__name__="a",{OWN}}})', id="a grouping label in quotes"),
    ],
)
def test_every_selector_ends_with_the_namespace(text: str, written: str) -> None:
    assert enforced(text, MINE) == written


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("info(a)", "the function info", id="a function that reads without a selector"),
        pytest.param("a @ 1609746000", "a fixed time", id="a fixed time"),
        pytest.param("a @ -1.5", "a fixed time", id="a time before 1970"),
        pytest.param('a{b="1" or c="2"}', "`or` between matchers", id="alternatives in one selector"),
        pytest.param("a + on () fill (0) b", "`fill`", id="a value for what is missing"),
        pytest.param("a offset 1000000000y", "cannot be read", id="an offset beyond all time"),
        pytest.param("a{", "cannot be read, so it is not sent", id="no PromQL"),
        pytest.param("rate(a[5m] anchored)", "cannot be read, so it is not sent", id="newer than the parser"),
        pytest.param("a default 0", "cannot be read, so it is not sent", id="MetricsQL"),
        pytest.param("WITH (f = a) f", "cannot be read, so it is not sent", id="a template of MetricsQL"),
        pytest.param("(" * 1500 + "a" + ")" * 1500, "nested too deeply", id="a tower of parentheses"),
    ],
)
def test_what_cannot_be_bound_is_refused_in_words(text: str, says: str) -> None:
    with pytest.raises(NotEnforceableError, match=re.escape(says)):
        enforced(text, MINE)


_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"')
_SELECTOR = re.compile(r"\{((?:[a-zA-Z_][a-zA-Z0-9_]*(?:=|!=|=~|!~)S,)*)namespace=MINE\}")
_LABELS = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right) \((?:[a-zA-Z_][a-zA-Z0-9_]*(?:, )?)*\)")
_DURATION_OR_NUMBER = re.compile(r"(?<![\w.])(?:\d+d(?:\d+ms)?|\d+ms|\d+(?:\.\d+)?(?:e[+-]\d+)?)(?![\w.])")
_WORDS = {*FUNCTIONS, *AGGREGATIONS, "and", "or", "unless", "atan2", "bool", "offset", "start", "end", "Inf", "NaN"}


def leaks(promql: str) -> str:
    """What of a query would read beyond the namespace, judged by its text alone and not by the parser."""
    text = _STRINGS.sub(lambda found: "MINE" if found.group() == f'"{MINE}"' else "S", promql)
    # A tenant may write its own namespace as a value, too; as such it is a string like any other.
    text = re.sub(r"(=|!=|=~|!~)MINE(?=,)", r"\1S", text)
    # A label name in quotes is one, whatever it says; S is a label name for the patterns.
    text = re.sub(r"MINE(?==|!=|!~|, |\))", "S", text)
    text = _DURATION_OR_NUMBER.sub("", _LABELS.sub("", _SELECTOR.sub("", text)))
    words = [word for word in re.findall(r"[a-zA-Z_]\w*", text) if word not in {*_WORDS, "S", "MINE"}]
    return " ".join([*words, *re.findall(r"[{}`'#\"\\]", text)])


_NAMES = st.sampled_from(["up", "sum", "offset", "by", "a:b", "NaN", "on", "info", "namespace", "_"])
_VALUES = st.sampled_from(
    [
        '"x"',
        "'x'",
        "`x`",
        '"\\""',
        "'\\''",
        "'\"'",
        '"#"',
        '"}"',
        '"\\\\"',
        '"leadgen"',
        '"\\x22"',
        '"{", c="}"',
        "'\\n'",
        "`\\d`",
        "`\\`",
        '`"`',
        "`'#}`",
        "`leadgen`",
    ]
) | st.text(max_size=6).map(lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"')
_MATCHERS = st.tuples(
    st.sampled_from(
        [
            "a",
            "namespace",
            "__name__",
            '"b.c"',
            '"namespace"',
            '"leadgen"',
            "'a=\"'",
            "`\\`",
            "or",
            "exported_namespace",
        ]
    ),
    st.sampled_from(["=", "!=", "=~", "!~"]),
    _VALUES,
).map("".join)
_SELECTORS = st.tuples(
    _NAMES | st.just(""), st.lists(_MATCHERS, max_size=3), st.sampled_from([",", " or ", ", # }\n"])
).map(lambda parts: f"{parts[0]}{{{parts[2].join(parts[1])}}}")
_QUERIES = st.recursive(
    _NAMES | _SELECTORS | st.sampled_from(["1", "-1", "0x1F", "Inf", '"s"', "time()", "1e400", "10_000"]),
    lambda inner: (
        st.tuples(
            inner, st.sampled_from([" + ", " or ", " unless on (a) ", " == bool ", " * on() group_left(b) "]), inner
        ).map("".join)
        | st.tuples(
            st.sampled_from(
                [
                    "({})",
                    "-{}",
                    "sum by (namespace) ({})",
                    "sum({}) without (a)",
                    "topk(2, {})",
                    "rate({}[5m])",
                    "max_over_time(({})[5m:1m] offset 1m)",
                    "info({})",
                    "absent({})",
                    'count_values("x}}", {})',
                    'label_replace({}, "namespace", "$1", "a", "(.*)")',
                    "{} offset -5m",
                    "{} @ start()",
                    "{} @ -1.5",
                    "last_over_time({}[60d])",
                    "last_over_time({}[60d] anchored)",
                    "max_over_time(({})[9w:50d] offset 52w)",
                    'sum by ("b.c", "leadgen") ({})',
                    "{} default 0",
                    "WITH (x = {}) x",
                    "{} keep_metric_names",
                    "{} # `\n",
                    "{} # '\n",
                    "scalar({})",
                ]
            ),
            inner,
        ).map(lambda parts: parts[0].format(parts[1]))
    ),
    max_leaves=6,
)


@example('up{a="b"} or up{namespace="billing"}')
@example("up{a='\\'} or billing{b='}")
@example('up{a="\\"} or billing{b="}')
@example("up # {\nor billing")
@example("up{a=`\\`} or billing{b=`}")
@example("up{a=`'`} or billing{b='`'}")
@example('up{"leadgen"="x"} or {"up"}')
@example('sum by ("leadgen") (up)')
@given(_QUERIES | st.text(alphabet=st.sampled_from("ab1{}()[]\"'`\\,=~!#+-@: \n"), max_size=40) | st.text(max_size=20))
def test_no_input_escapes(text: str) -> None:
    try:
        written = enforced(text, MINE)
    except NotEnforceableError:
        return
    assert leaks(written) == ""


@pytest.mark.parametrize(
    "promql",
    [
        pytest.param("up", id="a bare name"),
        pytest.param(f'{{a="b"}} + {{{OWN}}}', id="one of two selectors"),
        pytest.param(f'{{{OWN}}} or {{__name__="up"}}', id="the second selector"),
        pytest.param(f"{{a=\"\\\\\",{OWN}}} + 'x'", id="another kind of quotes"),
        pytest.param(f'{{{OWN},a="b" or c="d"}}', id="alternatives"),
        pytest.param('{"leadgen"="x"}', id="the namespace as a name of a label alone"),
        pytest.param(f"{{{OWN}}}[5m] anchored", id="a word that is not known"),
    ],
)
def test_the_judge_of_leaks_sees_them(promql: str) -> None:
    assert leaks(promql)


def test_queries_of_two_namespaces_are_two_questions() -> None:

    source = MetricSourceSpec.model_validate({"url": "http://prometheus:9090", "rawQueries": "NamespaceEnforced"})
    needs = [raw("up", policy="p"), replace(raw("up", policy="q"), namespace="billing")]

    questions = plan(needs, {"main": source}).questions

    assert [question.promql for question in questions] == [
        f'{{__name__="up",namespace="{namespace}"}}' for namespace in ("leadgen", "billing")
    ]


@pytest.mark.parametrize("text", ["rate(up[5m] anchored)", "up default 0", "up{", "info(up)"])
def test_what_cannot_be_bound_is_never_asked_and_the_reading_says_why(text: str) -> None:
    source = MetricSourceSpec.model_validate({"url": "http://prometheus:9090", "rawQueries": "NamespaceEnforced"})

    planned = plan([raw(text), replace(raw("up"), key=Key("other", "m"))], {"main": source})

    assert [question.promql for question in planned.questions] == [f'{{__name__="up",{OWN}}}']
    (refused,) = planned.refused.values()
    assert refused.reason is Reason.ERROR
    assert "source main binds queries to their namespace: " in refused.message
