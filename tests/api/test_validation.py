import re

import pytest

from deadband.api.validation import InvalidError, validate_policy, validate_source
from e2e.manifests.bad_policies import BAD_POLICIES
from e2e.manifests.documents import WHOLE_FLOATS, Bad, Document, Good, policy
from e2e.manifests.good_policies import GOOD_POLICIES
from e2e.manifests.sources import BAD_SOURCES, GOOD_SOURCES

VALIDATORS = {"ScalingPolicy": validate_policy, "MetricSource": validate_source}


def faults(document: object, kind: str = "ScalingPolicy") -> dict[str, str]:
    with pytest.raises(InvalidError) as refusal:
        VALIDATORS[kind](document)
    return {fault.field: fault.message for fault in refusal.value.faults}


@pytest.mark.parametrize("bad", [pytest.param(bad, id=bad.case) for bad in [*BAD_POLICIES, *BAD_SOURCES]])
def test_a_bad_manifest_is_refused_with_its_field_and_fault(bad: Bad) -> None:
    found = faults(bad.document, bad.document["kind"])
    assert bad.fault in found.get(bad.field, ""), found


@pytest.mark.parametrize("good", [pytest.param(good, id=good.case) for good in [*GOOD_POLICIES, *GOOD_SOURCES]])
def test_a_good_manifest_is_accepted(good: Good) -> None:
    assert VALIDATORS[good.document["kind"]](good.document).kind == good.document["kind"]


def test_one_message_names_every_fault_and_its_field() -> None:
    with pytest.raises(InvalidError) as refusal:
        validate_policy(policy(minReplicas=30, bound="Both", fallback={"afterFailures": 1, "behavior": "Static"}))
    assert str(refusal.value) == (
        "spec.minReplicas: must not be greater than maxReplicas: lower it, or raise maxReplicas (30 against 20); "
        "spec.bound: belongs to a HorizontalPodAutoscaler target: remove it, or name one in scaleTargetRef; "
        "spec.fallback.replicas: is required with behavior Static and CurrentIfHigher"
    )


def test_contradictions_are_told_beside_broken_shapes_where_a_part_is_sound() -> None:
    found = faults(policy(intervalSeconds="15", scaleUp={"anyOf": [{"metric": "cpu"}]}))
    assert set(found) == {"spec.intervalSeconds", "spec.scaleUp.anyOf[0]"}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        pytest.param(None, "the document must be an object, not null", id="nothing"),
        pytest.param([], "the document must be an object, not a list", id="a list"),
        pytest.param("kind: ScalingPolicy", "the document must be an object, not a string", id="text"),
        pytest.param(True, "the document must be an object, not a boolean", id="a boolean"),
        pytest.param({}, "apiVersion: is required; kind: is required; spec: is required", id="an empty object"),
        pytest.param({"kind": []}, "kind: must be 'ScalingPolicy', not []", id="a list as kind"),
        pytest.param({"spec": float("nan")}, "spec: must be an object, not a number", id="not a number"),
        pytest.param({"spec": {1: 2}}, "spec.1: is not a field of this object", id="a key that is no string"),
        pytest.param({"kind": "\ud800"}, "the document cannot be read", id="text that is not Unicode"),
        pytest.param({"spec": 10**400}, "spec: must be an object, not a number", id="a huge number"),
    ],
)
def test_anything_gives_faults_and_never_a_traceback(document: object, message: str) -> None:
    with pytest.raises(InvalidError, match=re.escape(message)):
        validate_policy(document)


def test_a_document_that_contains_itself_is_refused() -> None:
    endless: Document = policy()
    endless["spec"]["scaleUp"]["step"] = endless
    assert faults(endless) == {"": "the document is nested too deeply"}


def test_another_kind_is_refused_by_its_kind() -> None:
    assert faults(policy(), "MetricSource")["kind"] == "must be 'MetricSource', not \"ScalingPolicy\""


def test_whole_floats_are_integers() -> None:
    spec = validate_policy(WHOLE_FLOATS).spec
    assert (spec.min_replicas, spec.up.triggers[0].above) == (2, 70)
