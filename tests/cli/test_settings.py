"""What `deadband run` is told, and how it logs."""

import json
import logging

import pytest
from click.testing import CliRunner

from deadband.cli.logs import JsonFormatter, TextFormatter, in_brief
from deadband.cli.run import run_command
from deadband.cli.settings import split_namespaces, split_urls, unique_identity


@pytest.mark.parametrize(
    ("text", "namespaces"),
    [
        pytest.param("", (), id="nothing means all"),
        pytest.param("a", ("a",), id="one"),
        pytest.param("a,b, c", ("a", "b", "c"), id="several"),
        pytest.param("a b,a,", ("a", "b"), id="blanks, repetitions and a comma too many"),
    ],
)
def test_a_list_of_namespaces_is_read(text: str, namespaces: tuple[str, ...]) -> None:
    assert split_namespaces(text) == namespaces


@pytest.mark.parametrize("text", ["Team", "a/b", "-a", "a" * 64])
def test_what_is_no_name_of_a_namespace_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a name of a namespace"):
        split_namespaces(text)


@pytest.mark.parametrize(
    ("texts", "urls"),
    [
        pytest.param([], (), id="nothing means none"),
        pytest.param(["http://a:9093"], ("http://a:9093",), id="one"),
        pytest.param(["http://a", "https://b/x/"], ("http://a", "https://b/x"), id="several options"),
        pytest.param(["http://a, http://b http://a/"], ("http://a", "http://b"), id="one text, with a repetition"),
        pytest.param(["http://[fd00::1]:9093"], ("http://[fd00::1]:9093",), id="an IPv6 address"),
    ],
)
def test_the_urls_of_alertmanagers_are_read(texts: list[str], urls: tuple[str, ...]) -> None:
    assert split_urls(texts) == urls


@pytest.mark.parametrize(
    "text",
    ["alertmanager:9093", "ftp://a", "http://", "http://user:s3cret@a", "http://a?x=1", "http://a#x", "http://a:99999"],
)
def test_what_is_no_base_url_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"URL 2 must be http\(s\)://") as refused:
        split_urls(["http://a", text])

    assert "s3cret" not in str(refused.value)


def test_two_starts_in_one_pod_are_two_identities() -> None:
    first, second = unique_identity("pod-0"), unique_identity("pod-0")

    assert first != second
    assert first.startswith("pod-0_")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["--namespaces", "Team A"], "not a name of a namespace", id="a namespace that cannot be"),
        pytest.param(["--http-address", "8080"], "must be host:port", id="an address without a host part"),
        pytest.param(["--http-address", "127.0.0.1:99999"], "must be host:port", id="a port that cannot be"),
        pytest.param(
            ["--alertmanager", "alertmanager:9093"], "must be http(s)://", id="an Alertmanager without scheme"
        ),
        pytest.param(["--log-format", "xml"], "'xml' is not one of", id="a format nobody knows"),
    ],
)
def test_wrong_usage_is_told_before_anything_starts(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(run_command, arguments)

    assert result.exit_code == 2
    assert message in result.output


def record(message: str, **fields: object) -> logging.LogRecord:
    made = logging.LogRecord("deadband.engine", logging.INFO, __file__, 1, message, (), None)
    vars(made).update(fields)
    return made


def test_a_line_for_machines_is_one_json_object_with_the_fields_of_the_call() -> None:
    line = json.loads(JsonFormatter().format(record("scaled", policy="api", to=3)))

    assert {key: line[key] for key in ("level", "message", "policy", "to")} == {
        "level": "info",
        "message": "scaled",
        "policy": "api",
        "to": 3,
    }
    assert line["time"].endswith("Z")


def test_a_line_for_people_ends_with_the_fields_of_the_call() -> None:
    assert TextFormatter().format(record("scaled", policy="api", to=3)).endswith("scaled  [policy=api to=3]")


@pytest.mark.parametrize(
    ("logger", "kept"),
    [
        pytest.param("kopf._core.reactor.orchestration", False, id="Kopf's own tasks: the message has the cause"),
        pytest.param("kopf.objects", True, id="a handler that failed is a defect of ours"),
        pytest.param("deadband.engine.scheduler", True, id="so is a failure of the engine"),
    ],
)
def test_a_traceback_is_kept_where_it_shows_a_defect_of_ours(logger: str, kept: bool) -> None:
    failure = ValueError("why")
    made = logging.LogRecord(logger, logging.ERROR, __file__, 1, "failed", (), (ValueError, failure, None))

    assert in_brief(made)
    assert ("ValueError" in TextFormatter().format(made)) is kept
