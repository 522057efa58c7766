"""The definitions on a real API server: it accepts and refuses what deadband accepts and refuses."""

import copy
import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
import yaml
from kubernetes.client import ApiException, CustomObjectsApi
from kubernetes.config import new_client_from_config

from deadband.api.crd import crds
from deadband.api.types import ApiModel
from deadband.api.validation import InvalidError, validate_policy, validate_source
from e2e.manifests.bad_policies import BAD_POLICIES
from e2e.manifests.documents import WHOLE_FLOATS, Bad, Document, Good, named
from e2e.manifests.good_policies import GOOD_POLICIES
from e2e.manifests.mutants import mutants
from e2e.manifests.shaped import chain
from e2e.manifests.sources import BAD_SOURCES, GOOD_SOURCES
from e2e.testbed.access import KubectlError
from e2e.testbed.cluster import Cluster

_PLURALS = {"ScalingPolicy": "scalingpolicies", "MetricSource": "metricsources"}
_MUTANTS = 1000
_CHANGES = 500


@pytest.fixture(scope="module")
def api(cluster: Cluster) -> Cluster:
    """The cluster with the definitions established."""
    cluster.apply(*crds(), server_side=True)
    names = [f"crd/{crd['metadata']['name']}" for crd in crds()]
    cluster.kubectl("wait", "--for=condition=Established", *names, "--timeout=60s")
    return cluster


@pytest.fixture(scope="module")
def objects(api: Cluster) -> Iterator[CustomObjectsApi]:
    """A client for both kinds; a process of kubectl for each of the many manifests would take a minute."""
    with new_client_from_config(str(api.kubeconfig)) as client:  # type: ignore[no-untyped-call] # the client's own gap
        yield CustomObjectsApi(client)


def create(objects: CustomObjectsApi, document: Document, namespace: str, **options: Any) -> Any:
    """Create the manifest with the strict field validation that kubectl asks for by default; return what is stored."""
    group, version = document["apiVersion"].split("/")
    plural = _PLURALS[document["kind"]]
    if document["kind"] == "MetricSource":
        return objects.create_cluster_custom_object(
            group, version, plural, document, field_validation="Strict", **options
        )
    return objects.create_namespaced_custom_object(
        group, version, namespace, plural, document, field_validation="Strict", **options
    )


def test_the_definitions_are_structural_and_established(api: Cluster) -> None:
    for crd in crds():
        conditions = api.get("crd", crd["metadata"]["name"])["status"]["conditions"]
        assert {entry["type"]: entry["status"] for entry in conditions} == {
            "NamesAccepted": "True",
            "Established": "True",
        }


@pytest.mark.parametrize("bad", [pytest.param(bad, id=bad.case) for bad in [*BAD_POLICIES, *BAD_SOURCES]])
def test_a_bad_manifest_is_refused_with_its_field_and_fault(objects: CustomObjectsApi, bad: Bad) -> None:
    with pytest.raises(ApiException) as refusal:
        create(objects, named(bad.document, "bad"), "default", dry_run="All")
    told = _message(refusal.value)
    field = bad.field if bad.server_field is None else bad.server_field
    assert not field or f"{field}: " in told
    assert (bad.fault if bad.server is None else bad.server) in told


@pytest.mark.parametrize("good", [pytest.param(good, id=good.case) for good in [*GOOD_POLICIES, *GOOD_SOURCES]])
def test_a_good_manifest_is_stored_and_means_the_same_with_its_defaults_written_out(
    objects: CustomObjectsApi, good: Good
) -> None:
    stored = create(objects, named(good.document, "good"), "default", dry_run="All")
    assert _validate(stored) == _validate(good.document)


def test_kubectl_refuses_a_misspelled_field_by_default(api: Cluster) -> None:
    misspelled = named(copy.deepcopy(GOOD_POLICIES[0].document), "misspelled")
    misspelled["spec"]["scaleUp"]["coolDownSeconds"] = 60
    with pytest.raises(KubectlError, match=r'unknown field "spec\.scaleUp\.coolDownSeconds"'):
        api.kubectl("apply", "-f", "-", input=json.dumps(misspelled))


def test_whole_floats_in_a_file_are_integers_to_kubectl_and_to_deadband(api: Cluster) -> None:
    written = yaml.safe_dump(named(WHOLE_FLOATS, "floats"))
    assert "minReplicas: 2.0" in written
    stored = json.loads(api.kubectl("create", "--dry-run=server", "-o", "json", "-f", "-", input=written))
    assert _validate(stored) == _validate(yaml.safe_load(written))


def test_two_appliers_can_own_different_metrics(api: Cluster, namespace: str) -> None:
    document = named(copy.deepcopy(GOOD_POLICIES[1].document), "shared")
    document["metadata"]["namespace"] = namespace
    api.kubectl("apply", "--server-side", "--field-manager=first", "-f", "-", input=json.dumps(document))
    theirs = {key: document[key] for key in ("apiVersion", "kind", "metadata")} | {
        "spec": {"metrics": [{"name": "memory", "source": "other"}]}
    }
    api.kubectl("apply", "--server-side", "--field-manager=second", "-f", "-", input=json.dumps(theirs))
    metrics = api.get("spol", "shared", "-n", namespace)["spec"]["metrics"]
    assert [(metric["name"], metric.get("source")) for metric in metrics] == [("cpu", None), ("memory", "other")]


def test_kubectl_shows_the_columns_and_answers_to_the_short_names(
    api: Cluster, objects: CustomObjectsApi, namespace: str
) -> None:
    create(objects, named(GOOD_POLICIES[0].document, "seen"), namespace)
    create(objects, named(GOOD_SOURCES[0].document, f"seen-{namespace}"), namespace)
    header = api.kubectl("get", "spol", "-n", namespace).split("\n")[0]
    assert " ".join(header.split()) == "NAME TARGET CURRENT DESIRED MIN MAX METRICS READY REASON AGE"
    header = api.kubectl("get", "msrc").split("\n")[0]
    assert " ".join(header.split()) == "NAME URL DEFAULT REACHABLE VERSION AGE"
    assert "scalingpolicy.deadband.dev/seen" in api.kubectl("get", "deadband", "-o", "name", "-n", namespace)
    api.kubectl("delete", "msrc", f"seen-{namespace}", "--wait=false")


@pytest.mark.parametrize(
    ("documents", "count"),
    [
        pytest.param(iter(mutants(_MUTANTS)), _MUTANTS, id="of documents with anything anywhere"),
        pytest.param(chain(7, lambda document: _our_verdict(document) == ""), _CHANGES, id="of chains of changes"),
    ],
)
def test_deadband_and_the_api_server_give_the_same_verdict(
    objects: CustomObjectsApi, documents: Iterator[Document], count: int
) -> None:
    disputed, accepted = [], 0
    for number, document in enumerate(islice(documents, count)):
        mutant = named(document, f"mutant-{number}")
        ours, theirs = _our_verdict(mutant), _their_verdict(objects, mutant)
        accepted += theirs == ""
        if (ours == "") != (theirs == ""):
            disputed.append(f"{json.dumps(mutant['spec'])}\n  deadband: {ours}\n  API server: {theirs}")
    assert not disputed, "\n".join(disputed)
    assert count / 10 < accepted < count * 9 / 10, "the mutants should try both verdicts"


def _validate(document: Document) -> ApiModel:
    return validate_policy(document) if document["kind"] == "ScalingPolicy" else validate_source(document)


def _our_verdict(document: Document) -> str:
    try:
        _validate(document)
    except InvalidError as error:
        return str(error)
    return ""


def _their_verdict(objects: CustomObjectsApi, document: Document) -> str:
    try:
        create(objects, document, "default", dry_run="All")
    except ApiException as error:
        return _message(error)
    return ""


def _message(error: ApiException) -> str:
    assert error.body, "the API server explains a refusal"
    return str(json.loads(error.body)["message"])
