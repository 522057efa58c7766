"""Policies whose shape is wrong: the schema alone refuses them, in its own words."""

from e2e.manifests.documents import ABSENT, Bad, Document, metric, policy

_UP = [{"metric": "cpu", "above": 70}]


def _above(threshold: object) -> Document:
    """A policy with that threshold."""
    return policy(scaleUp={"anyOf": [{"metric": "cpu", "above": threshold}]})


SHAPES = [
    Bad("no spec", {"apiVersion": "deadband.dev/v1alpha1", "kind": "ScalingPolicy"}, "spec", "is required", "Required"),
    Bad("no metrics", policy(metrics=ABSENT), "spec.metrics", "is required", "Required value"),
    Bad("an empty list of metrics", policy(metrics=[]), "spec.metrics", "at least 1 entry", "at least 1 items"),
    Bad(
        "seventeen metrics",
        policy(metrics=[metric(f"m{i}") for i in range(17)]),
        "spec.metrics",
        "at most 16 entries",
        "must have at most 16 items",
    ),
    Bad(
        "a misspelled field that is null",
        policy(maxReplica=None),
        "spec.maxReplica",
        "is not a field",
        'unknown field "spec.maxReplica"',
        "",
    ),
    Bad("a misspelled field", policy(maxReplica=5), "spec.maxReplica", "is not a field", 'unknown field "spec.', ""),
    Bad(
        "a misspelled field deep inside",
        policy(scaleUp={"anyOf": [{"metric": "cpu", "above": 70, "over": 80}]}),
        "spec.scaleUp.anyOf[0].over",
        "is not a field",
        'unknown field "spec.scaleUp.anyOf[0].over"',
        "",
    ),
    Bad(
        "a fraction without quotes",
        _above(0.7),
        "spec.scaleUp.anyOf[0].above",
        'write "0.7"',
        "must be of type integer,string",
    ),
    Bad(
        "a threshold with a unit",
        _above("70%"),
        "spec.scaleUp.anyOf[0].above",
        "an integer or a decimal in quotes",
        "should match",
    ),
    Bad(
        "a threshold in scientific notation",
        _above("1e3"),
        "spec.scaleUp.anyOf[0].above",
        "an integer or a decimal in quotes",
        "should match",
    ),
    Bad(
        "a threshold of more than 15 digits",
        _above(10**15),
        "spec.scaleUp.anyOf[0].above",
        "at most 15 digits",
        "should be less than or equal to",
    ),
    Bad(
        "a boolean threshold",
        _above(True),
        "spec.scaleUp.anyOf[0].above",
        "not a boolean",
        "must be of type integer,string",
    ),
    Bad(
        "a number in quotes where a number belongs",
        policy(maxReplicas="20"),
        "spec.maxReplicas",
        "must be an integer, not a string",
        "must be of type integer",
    ),
    Bad(
        "a fraction of a replica", policy(maxReplicas=2.5), "spec.maxReplicas", "must be an integer", "of type integer"
    ),
    Bad("a ceiling of 0", policy(minReplicas=0, maxReplicas=0), "spec.maxReplicas", "at least 1", "or equal to 1"),
    Bad("a negative floor", policy(minReplicas=-1), "spec.minReplicas", "must be at least 0", "or equal to 0"),
    Bad("too short a period", policy(intervalSeconds=4), "spec.intervalSeconds", "must be at least 5", "equal to 5"),
    Bad("too long a period", policy(intervalSeconds=3601), "spec.intervalSeconds", "at most 3600", "equal to 3600"),
    Bad("an unknown mode", policy(mode="Simulate"), "spec.mode", "must be 'Enforce' or 'DryRun'", "Unsupported value"),
    Bad(
        "a list where an object belongs", policy(scaleUp=[]), "spec.scaleUp", "must be an object, not a list", "object"
    ),
    Bad("an object where a list belongs", policy(metrics={}), "spec.metrics", "must be a list", "of type array"),
    Bad(
        "an API version that leads somewhere else",
        policy(scaleTargetRef={"apiVersion": "apps/v1/namespaces", "kind": "Deployment", "name": "api"}),
        "spec.scaleTargetRef.apiVersion",
        "must be group/version",
        "should match",
    ),
    Bad("a metric name with capitals", policy(metrics=[metric("CPU")]), "spec.metrics[0].name", "lower-case", "match"),
    Bad("a metric that is null", policy(metrics=[None]), "spec.metrics[0]", "must be an object, not null", "null"),
    Bad(
        "an empty query", policy(metrics=[metric(query="")]), "spec.metrics[0].query", "not be empty", "at least 1 char"
    ),
    Bad(
        "a query of more than 4096 characters",
        policy(metrics=[metric(query="a" * 4097)]),
        "spec.metrics[0].query",
        "at most 4096 characters",
        "may not be more than 4096",
    ),
    Bad(
        "an unknown resource",
        policy(metrics=[metric(resource={"name": "gpu"})]),
        "spec.metrics[0].resource.name",
        "must be 'cpu' or 'memory'",
        "Unsupported value",
    ),
    Bad(
        "a veto without a direction",
        policy(vetoes=[{"name": "freeze", "query": "up"}]),
        "spec.vetoes[0].direction",
        "is required",
        "Required value",
    ),
    Bad(
        "a limit over more than half an hour",
        policy(scaleUp={"anyOf": _UP, "limits": [{"type": "Pods", "value": 1, "periodSeconds": 1801}]}),
        "spec.scaleUp.limits[0].periodSeconds",
        "must be at most 1800",
        "less than or equal to 1800",
    ),
    Bad(
        "a guard on the way up",
        policy(scaleUp={"anyOf": _UP, "guard": "None"}),
        "spec.scaleUp.guard",
        "is not a field",
        'unknown field "spec.scaleUp.guard"',
        "",
    ),
    Bad(
        "fallback after no failure",
        policy(fallback={"afterFailures": 0, "behavior": "Current"}),
        "spec.fallback.afterFailures",
        "must be at least 1",
        "greater than or equal to 1",
    ),
]
