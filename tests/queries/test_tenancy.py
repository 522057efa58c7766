"""A tenant's query is bound to its namespace, and no input escapes."""

import re
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deadband.api.metricsource import MetricSourceSpec
from deadband.queries.plan import plan
from deadband.queries.tenancy import AGGREGATIONS, FUNCTIONS, NotEnforceableError, enforced
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
        pytest.param('a{"b.c"="d"}', "needs quotes", id="a label in quotes"),
        pytest.param('sum by ("b.c") (a)', "needs quotes", id="a grouping label in quotes"),
        pytest.param("a{b=`c\\n`}", "backticks", id="an escape that is none"),
        pytest.param("a offset 1000000000y", "cannot be read", id="an offset beyond all time"),
        pytest.param("a{", "cannot be read", id="no PromQL"),
        pytest.param("(" * 1500 + "a" + ")" * 1500, "nested too deeply", id="a tower of parentheses"),
    ],
)
def test_what_cannot_be_bound_is_refused_in_words(text: str, says: str) -> None:
    with pytest.raises(NotEnforceableError, match=re.escape(says)):
        enforced(text, MINE)


_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"')
_SELECTOR = re.compile(r"\{((?:[a-zA-Z_][a-zA-Z0-9_]*(?:=|!=|=~|!~)S,)*)namespace=MINE\}")
_LABELS = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right) \((?:[a-zA-Z_][a-zA-Z0-9_]*(?:, )?)*\)")
_WORDS = {*FUNCTIONS, *AGGREGATIONS, "and", "or", "unless", "atan2", "bool", "offset", "start", "end", "Inf", "NaN"}


def leaks(promql: str) -> str:
    """What of a query would read beyond the namespace, judged by its text alone and not by the parser."""
    text = _STRINGS.sub(lambda found: "MINE" if found.group() == f'"{MINE}"' else "S", promql)
    # A tenant may write its own namespace as a value, too; as such it is a string like any other.
    text = re.sub(r"(=|!=|=~|!~)MINE(?=,)", r"\1S", text)
    text = _LABELS.sub("", _SELECTOR.sub("", text))
    text = re.sub(r"(?<![\w.])\d+(?:ms|(?:\.\d+)?(?:e[+-]\d+)?)(?![\w.])", "", text)
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
    ]
) | st.text(max_size=6).map(lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"')
_MATCHERS = st.tuples(
    st.sampled_from(["a", "namespace", "__name__", '"b.c"', "or", "exported_namespace"]),
    st.sampled_from(["=", "!=", "=~", "!~"]),
    _VALUES,
).map("".join)
_SELECTORS = st.tuples(
    _NAMES | st.just(""), st.lists(_MATCHERS, max_size=3), st.sampled_from([",", " or ", ", # }\n"])
).map(lambda parts: f"{parts[0]}{{{parts[2].join(parts[1])}}}")
_QUERIES = st.recursive(
    _NAMES | _SELECTORS | st.sampled_from(["1", "-1", "0x1F", "Inf", '"s"', "time()", "1e400"]),
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
