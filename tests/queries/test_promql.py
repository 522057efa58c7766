"""Names and values become PromQL text without ever becoming PromQL."""

import promql_parser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadband.api.metricsource import MetricSourceSpec
from deadband.queries.promql import Dialect, Matcher, equals, one_of, quote

NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60)
PLAIN = Dialect([], 120)


def matchers(text: str) -> list[tuple[str, str]]:
    """What a parser that is not ours finds in a selector: label and value, in order."""
    selector = promql_parser.parse(text)
    assert isinstance(selector, promql_parser.VectorSelector)
    return [(matcher.name, matcher.value) for matcher in selector.matchers.matchers]


@given(NAMES)
def test_no_name_changes_the_selector(name: str) -> None:
    selector = PLAIN.instant("queue_depth", equals("queue", name), equals("after", "x"))

    assert matchers(selector) == [("queue", name), ("after", "x")]


@given(st.lists(NAMES, min_size=2, max_size=5, unique=True))
def test_a_list_of_names_is_one_matcher_of_literals(names: list[str]) -> None:
    selector = PLAIN.instant("queue_depth", one_of("queue", names), equals("after", "x"))

    (label, alternatives), after = matchers(selector)

    assert (label, after) == ("queue", ("after", "x"))
    assert literals(alternatives) == sorted(names)


def literals(alternatives: str) -> list[str]:
    """Undo the quoting by RE2's rule: a backslash before punctuation stands for it; a bare special one is a fault."""
    found, rest = [""], iter(alternatives)
    for character in rest:
        if character == "\\":
            found[-1] += next(rest)
        elif character == "|":
            found.append("")
        else:
            assert character not in ".+*?()[]{}^$"
            found[-1] += character
    return found


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param("leads", '"leads"', id="a plain name stands as it is"),
        pytest.param('"', '"\\""', id="a quotation mark"),
        pytest.param("\\", '"\\\\"', id="a backslash"),
        pytest.param("\n", '"\\n"', id="a line break"),
        pytest.param("ü", '"ü"', id="letters of any alphabet stand as they are"),
    ],
)
def test_a_string_is_quoted_as_in_go(value: str, text: str) -> None:
    assert quote(value) == text


def test_one_value_is_compared_and_not_matched_as_a_pattern() -> None:
    assert one_of("queue", ["a.b", "a.b"]) == Matcher("queue", "=", "a.b")


def test_the_order_of_names_does_not_matter_so_that_equal_questions_are_asked_once() -> None:
    assert one_of("queue", ["b", "a"]) == one_of("queue", ["a", "b", "a"])


@pytest.mark.parametrize(
    ("spec", "scraped_every", "window"),
    [
        pytest.param({"rateWindowSeconds": 90}, 15, 90, id="a window that is set"),
        pytest.param({}, 15, 60, id="four scrape intervals"),
        pytest.param({}, 60, 240, id="four long scrape intervals"),
        pytest.param({}, None, 120, id="an interval that is not known yet"),
    ],
)
def test_rates_look_back_four_scrape_intervals_unless_the_source_says_otherwise(
    spec: dict[str, int], scraped_every: int | None, window: int
) -> None:
    source = MetricSourceSpec.model_validate({"url": "http://prometheus:9090", **spec}).following(scraped_every)

    assert Dialect.of(source).slope("x_total", equals("a", "b")) == f'deriv(x_total{{a="b"}}[{window}s])'


def test_the_time_of_a_sample_is_asked_of_the_selector_itself_also_where_labels_are_renamed() -> None:
    names = [{"series": "x", "labels": {"pod": "pod_name"}}]
    source = MetricSourceSpec.model_validate({"url": "http://prometheus:9090", "recipes": names})

    text = Dialect.of(source).time_of("x", equals("pod", "a"), offset=30)

    assert text == 'label_replace(timestamp(x{pod_name="a"} offset 30s),"pod","$1","pod_name","(.+)")'


def test_a_source_names_series_and_labels_its_own_way_and_the_result_has_the_recipes_labels() -> None:
    names = [{"series": "queue_depth", "metric": "celery_queue_length", "labels": {"queue": "queue_name"}}]
    source = MetricSourceSpec.model_validate({"url": "http://prometheus:9090", "recipes": names})

    text = Dialect.of(source).instant("queue_depth", equals("queue", "mail"))

    assert text == ('label_replace(celery_queue_length{queue_name="mail"},"queue","$1","queue_name","(.+)")')


def test_overrides_of_one_series_leave_the_others_alone() -> None:
    names = [{"series": "queue_depth", "metric": "celery_queue_length"}]
    source = MetricSourceSpec.model_validate({"url": "http://prometheus:9090", "recipes": names})

    assert Dialect.of(source).instant("kube_pod_owner") == "kube_pod_owner{}"
