"""Policies that must be refused."""

from e2e.manifests.bad_shapes import SHAPES
from e2e.manifests.bad_steps import STEPS
from e2e.manifests.documents import ABSENT, Bad, metric, policy

_UP = [{"metric": "cpu", "above": 70}]
_HPA = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "api"}
_NIGHT = {"name": "night", "schedule": "0 22 * * *", "durationSeconds": 3600}

CONTRADICTIONS = [
    Bad(
        "the floor is above the ceiling", policy(minReplicas=21), "spec.minReplicas", "not be greater than maxReplicas"
    ),
    Bad("a target without a floor", policy(minReplicas=ABSENT), "spec.minReplicas", "required with a scaleTargetRef"),
    Bad("a target without a ceiling", policy(maxReplicas=ABSENT), "spec.maxReplicas", "required with a scaleTargetRef"),
    Bad(
        "no direction at all",
        policy(scaleUp=ABSENT, scaleDown=ABSENT),
        "spec",
        "at least one of scaleUp and scaleDown must be given",
    ),
    Bad(
        "a resource without a target whose pods could be measured",
        policy(scaleTargetRef=ABSENT),
        "spec.metrics[0].resource",
        "give a scaleTargetRef",
        server_field="spec.metrics",
    ),
    Bad(
        "two metrics of one name",
        policy(metrics=[metric(), metric()]),
        "spec.metrics[1].name",
        "names must be unique",
        server="Duplicate value",
        server_field="spec.metrics[1]",
    ),
    Bad(
        "two vetoes of one name",
        policy(vetoes=[{"name": "freeze", "query": "up", "direction": "Both"}] * 2),
        "spec.vetoes[1].name",
        "names must be unique",
        server="Duplicate value",
        server_field="spec.vetoes[1]",
    ),
    Bad(
        "two overrides of one name",
        policy(overrides=[{"name": "day", "schedule": "0 8 * * *", "durationSeconds": 3600, "minReplicas": 4}] * 2),
        "spec.overrides[1].name",
        "names must be unique",
        server="Duplicate value",
        server_field="spec.overrides[1]",
    ),
    Bad(
        "a metric without a recipe",
        policy(metrics=[{"name": "cpu"}]),
        "spec.metrics[0]",
        "exactly one of resource, queue, database and query",
    ),
    Bad(
        "a metric with two recipes",
        policy(metrics=[metric(resource={"name": "cpu"}, query="up")]),
        "spec.metrics[0]",
        "exactly one of resource, queue, database and query",
    ),
    Bad(
        "an empty onNoData",
        policy(metrics=[metric(query="up", onNoData={})]),
        "spec.metrics[0].onNoData",
        "exactly one of assume and value",
    ),
    Bad(
        "onNoData with two answers",
        policy(metrics=[metric(query="up", onNoData={"assume": "Above", "value": 0})]),
        "spec.metrics[0].onNoData",
        "exactly one of assume and value",
    ),
    Bad(
        "a direction without triggers that is not Disabled",
        policy(scaleDown={"forSeconds": 60}),
        "spec.scaleDown",
        "one of anyOf and allOf must be given",
    ),
    Bad(
        "a Manual direction without triggers",
        policy(scaleDown={"mode": "Manual"}),
        "spec.scaleDown",
        "one of anyOf and allOf must be given",
    ),
    Bad(
        "both anyOf and allOf",
        policy(scaleUp={"anyOf": _UP, "allOf": _UP}),
        "spec.scaleUp",
        "anyOf and allOf exclude each other",
    ),
    Bad(
        "both anyOf and allOf in a Disabled direction",
        policy(scaleUp={"mode": "Disabled", "anyOf": _UP, "allOf": _UP}),
        "spec.scaleUp",
        "anyOf and allOf exclude each other",
    ),
    Bad(
        "a trigger without a threshold",
        policy(scaleUp={"anyOf": [{"metric": "cpu"}]}),
        "spec.scaleUp.anyOf[0]",
        "exactly one of above and below",
    ),
    Bad(
        "a trigger with two thresholds",
        policy(scaleUp={"allOf": [{"metric": "cpu", "above": 70, "below": 90}], "step": {"type": "Pods", "pods": 1}}),
        "spec.scaleUp.allOf[0]",
        "exactly one of above and below",
    ),
    Bad(
        "a trigger on a metric that does not exist",
        policy(scaleUp={"anyOf": [*_UP, {"metric": "mem", "above": 80}]}),
        "spec.scaleUp.anyOf[1].metric",
        "must be the name of one of spec.metrics",
        server_field="spec.scaleUp",
    ),
    Bad(
        "a down trigger on a metric that does not exist",
        policy(scaleDown={"allOf": [{"metric": "cpu2", "below": 20}]}),
        "spec.scaleDown.allOf[0].metric",
        "must be the name of one of spec.metrics",
        server_field="spec.scaleDown",
    ),
    Bad(
        "a metric that no trigger uses",
        policy(metrics=[metric(), metric("depth")]),
        "spec.metrics[1].name",
        "every metric must be used by a trigger",
        server_field="spec.metrics",
    ),
    Bad(
        "a metric that only a veto seems to use",
        policy(
            metrics=[metric(), metric("freeze")], vetoes=[{"name": "freeze", "query": "freeze", "direction": "Down"}]
        ),
        "spec.metrics[1].name",
        "every metric must be used by a trigger",
        server_field="spec.metrics",
    ),
]

BANDS = [
    Bad(
        "thresholds that meet",
        policy(scaleDown={"allOf": [{"metric": "cpu", "below": 70}]}),
        "spec.scaleDown.allOf[0].below",
        "must leave a band",
        server_field="spec.scaleDown",
    ),
    Bad(
        "thresholds that meet in another spelling",
        policy(scaleDown={"anyOf": [{"metric": "cpu", "below": "70.0"}]}),
        "spec.scaleDown.anyOf[0].below",
        "must leave a band",
        server_field="spec.scaleDown",
    ),
    Bad(
        "a down threshold above the up threshold, in the second trigger",
        policy(
            metrics=[metric(), metric("latency")],
            scaleUp={"anyOf": [*_UP, {"metric": "latency", "above": "0.5"}]},
            scaleDown={"allOf": [{"metric": "cpu", "below": 20}, {"metric": "latency", "below": "0.500001"}]},
        ),
        "spec.scaleDown.allOf[1].below",
        "must leave a band",
        server_field="spec.scaleDown",
    ),
    Bad(
        "the mirror: up below and down above meet",
        policy(
            scaleUp={"allOf": [{"metric": "cpu", "below": 30}], "step": {"type": "Pods", "pods": 1}},
            scaleDown={"allOf": [{"metric": "cpu", "above": 30}], "step": {"type": "Pods", "pods": 1}},
        ),
        "spec.scaleDown.allOf[0].above",
        "must leave a band",
        server_field="spec.scaleDown",
    ),
    Bad(
        "thresholds that meet in the fifteenth digit only",
        policy(
            scaleUp={"anyOf": [{"metric": "cpu", "above": "123456.789012345"}]},
            scaleDown={"allOf": [{"metric": "cpu", "below": "123456.789012346"}]},
        ),
        "spec.scaleDown.allOf[0].below",
        "must leave a band",
        server_field="spec.scaleDown",
    ),
]

REST = [
    Bad(
        "an override that overrides nothing",
        policy(overrides=[{"name": "day", "schedule": "0 8 * * *", "durationSeconds": 3600}]),
        "spec.overrides[0]",
        "at least one of minReplicas and maxReplicas",
    ),
    Bad(
        "a Static fallback without its number",
        policy(fallback={"afterFailures": 4, "behavior": "Static"}),
        "spec.fallback.replicas",
        "required with behavior Static",
    ),
    Bad(
        "a CurrentIfHigher fallback without its number",
        policy(fallback={"afterFailures": 4, "behavior": "CurrentIfHigher"}),
        "spec.fallback.replicas",
        "required with behavior Static and CurrentIfHigher",
    ),
    Bad(
        "a Current fallback with a number",
        policy(fallback={"afterFailures": 4, "behavior": "Current", "replicas": 3}),
        "spec.fallback.replicas",
        "belongs to behavior Static and CurrentIfHigher",
    ),
    Bad(
        "an HPA of an old version as target",
        policy(scaleTargetRef={**_HPA, "apiVersion": "autoscaling/v1"}),
        "spec.scaleTargetRef.apiVersion",
        "is named as autoscaling/v2",
    ),
    Bad("a bound of a Deployment", policy(bound="Both"), "spec.bound", "belongs to a HorizontalPodAutoscaler target"),
    Bad(
        "a bound without a target",
        policy(scaleTargetRef=ABSENT, metrics=[metric()], bound="Both"),
        "spec.bound",
        "belongs to a HorizontalPodAutoscaler target",
    ),
    Bad(
        "a cap of 0 for an HPA",
        policy(scaleTargetRef=_HPA, bound="MaxReplicas", minReplicas=0),
        "spec.minReplicas",
        "must be at least 1 with bound MaxReplicas or Both: a HorizontalPodAutoscaler has no maxReplicas of 0",
    ),
    Bad(
        "both bounds of an HPA at 0",
        policy(scaleTargetRef=_HPA, bound="Both", minReplicas=0),
        "spec.minReplicas",
        "must be at least 1 with bound MaxReplicas or Both",
    ),
    Bad(
        "an override with a minimum of 0 for both bounds of an HPA",
        policy(scaleTargetRef=_HPA, bound="Both", minReplicas=1, overrides=[{**_NIGHT, "minReplicas": 0}]),
        "spec.overrides[0]",
        "bounds must be at least 1",
        server_field="spec.overrides",
    ),
    Bad(
        "an override with a maximum of 0 for the cap of an HPA",
        policy(scaleTargetRef=_HPA, bound="MaxReplicas", minReplicas=1, overrides=[{**_NIGHT, "maxReplicas": 0}]),
        "spec.overrides[0]",
        "bounds must be at least 1",
        server_field="spec.overrides",
    ),
    Bad(
        "a topic of something that has none",
        policy(metrics=[metric(queue={"system": "RabbitMQ", "name": "leads", "topic": "leads"})]),
        "spec.metrics[0].queue.topic",
        "belongs to Kafka",
    ),
    Bad(
        "a virtual host of something that has none",
        policy(metrics=[metric(queue={"system": "Kafka", "name": "leads", "vhost": "/"})]),
        "spec.metrics[0].queue.vhost",
        "belongs to RabbitMQ",
    ),
]

BAD_POLICIES = [*CONTRADICTIONS, *BANDS, *REST, *STEPS, *SHAPES]
