"""Policies that must be accepted."""

from e2e.manifests.documents import ABSENT, Good, metric, policy, step

_CPU_OF_LEADS = {"system": "PostgreSQL", "instance": "leads-db", "measure": "Cpu"}
_HPA = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "api"}
_NIGHT = {"name": "night", "schedule": "0 22 * * *", "durationSeconds": 3600}
_UP = [{"metric": "cpu", "above": 70}]
_DOWN = [{"metric": "cpu", "below": 20}]

GOOD_POLICIES = [
    Good("the smallest of both directions", policy()),
    Good(
        "CPU and memory of an API",
        policy(
            metrics=[
                metric(resource={"name": "cpu", "of": "Requests"}),
                metric("memory", resource={"name": "memory", "of": "Requests"}),
            ],
            scaleUp={"anyOf": [*_UP, {"metric": "memory", "above": 80}], "forSeconds": 60},
            scaleDown={"allOf": _DOWN, "forSeconds": 600},
        ),
    ),
    Good(
        "workers by the depth of a queue",
        policy(
            metrics=[metric("depth", queue={"system": "RabbitMQ", "name": "leads"})],
            scaleUp={"anyOf": [{"metric": "depth", "above": 10000}], "forSeconds": 60},
            scaleDown={"allOf": [{"metric": "depth", "below": 100}], "forSeconds": 600},
        ),
    ),
    Good(
        "a database that a person must scale",
        policy(
            scaleTargetRef=ABSENT,
            minReplicas=ABSENT,
            maxReplicas=ABSENT,
            metrics=[
                metric(database=_CPU_OF_LEADS),
                metric("connections", database={**_CPU_OF_LEADS, "measure": "Connections"}),
            ],
            scaleUp={
                "mode": "Manual",
                "anyOf": [{"metric": "cpu", "above": 60}, {"metric": "connections", "above": 80}],
                "forSeconds": 300,
            },
            scaleDown={"mode": "Disabled"},
        ),
    ),
    Good("a StatefulSet", policy(scaleTargetRef={"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db"})),
    Good("the floor of an HPA", policy(scaleTargetRef=_HPA)),
    Good("a floor of 0 for an HPA", policy(scaleTargetRef=_HPA, minReplicas=0)),
    Good(
        "an override that lets an HPA go to 0 at night",
        policy(scaleTargetRef=_HPA, overrides=[{**_NIGHT, "minReplicas": 0, "maxReplicas": 0}]),
    ),
    Good("both bounds of an HPA", policy(scaleTargetRef=_HPA, bound="Both", minReplicas=1)),
    Good(
        "a kind with a scale subresource",
        policy(scaleTargetRef={"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "api"}, minReplicas=0),
    ),
    Good(
        "a kind of the core group",
        policy(scaleTargetRef={"apiVersion": "v1", "kind": "ReplicationController", "name": "api"}),
    ),
    Good("down to zero", policy(minReplicas=0)),
    Good("one fixed number", policy(minReplicas=3, maxReplicas=3)),
    Good("up only", policy(scaleDown=ABSENT)),
    Good("down only", policy(scaleUp=ABSENT)),
    Good(
        "both directions Disabled, triggers kept",
        policy(scaleUp={"mode": "Disabled", "anyOf": _UP}, scaleDown={"mode": "Disabled", "allOf": _DOWN}),
    ),
    Good(
        "a Disabled Proportional direction may hold any threshold",
        policy(scaleUp={"mode": "Disabled", "anyOf": [{"metric": "cpu", "above": 0}]}, scaleDown=ABSENT),
    ),
    Good(
        "decimals in quotes",
        policy(
            scaleUp={"anyOf": [{"metric": "cpu", "above": "0.3"}]},
            scaleDown={"allOf": [{"metric": "cpu", "below": "0.1"}]},
        ),
    ),
    Good(
        "a band in the ninth decimal",
        policy(
            scaleUp={"anyOf": [{"metric": "cpu", "above": "0.000000002"}]},
            scaleDown={"allOf": [{"metric": "cpu", "below": "0.000000001"}]},
        ),
    ),
    Good(
        "a band in the fifteenth digit",
        policy(
            scaleUp={"anyOf": [{"metric": "cpu", "above": "123456.789012346"}]},
            scaleDown={"allOf": [{"metric": "cpu", "below": "123456.789012345"}]},
        ),
    ),
    Good(
        "null is absent, and then the default",
        policy(
            intervalSeconds=None,
            mode=None,
            vetoes=None,
            fallback=None,
            scaleUp={"anyOf": _UP, "allOf": None, "step": None, "limits": None, "forSeconds": None},
        ),
    ),
    Good(
        "a metric that only a Disabled direction uses",
        policy(scaleUp={"mode": "Disabled", "anyOf": _UP}, scaleDown=ABSENT),
    ),
    Good(
        "thresholds of different metrics do not meet",
        policy(
            metrics=[metric(), metric("idle")],
            scaleUp={"anyOf": _UP},
            scaleDown={"allOf": [{"metric": "idle", "below": 90}]},
        ),
    ),
    Good(
        "up when something falls",
        policy(
            scaleUp={"anyOf": [{"metric": "cpu", "below": 10}], "step": {"type": "Pods", "pods": 1}},
            scaleDown={"allOf": [{"metric": "cpu", "above": 30}], "step": {"type": "Pods", "pods": 1}},
        ),
    ),
    Good(
        "a step of pods from a threshold of 0",
        policy(
            scaleUp={"anyOf": [{"metric": "cpu", "above": 0}], "step": {"type": "Pods", "pods": 2}}, scaleDown=ABSENT
        ),
    ),
    Good("a percentage", policy(**step(type="Percent", percent=10))),
    Good("a percentage with a least change", policy(**step(type="Percent", percent=10, minPods=3))),
    Good(
        "tiers",
        policy(
            **step(
                type="Tiers",
                minPods=2,
                tiers=[{"beyond": 0, "pods": 1}, {"beyond": "2.5", "percent": 10}, {"beyond": 10, "percent": 30}],
            )
        ),
    ),
    Good(
        "no limits, other windows",
        policy(
            scaleUp={
                "anyOf": _UP,
                "limits": [],
                "selectPolicy": "Min",
                "stabilizationWindowSeconds": 60,
                "cooldownSeconds": 120,
            },
            scaleDown={
                "allOf": _DOWN,
                "guard": "None",
                "selectPolicy": "Disabled",
                "limits": [{"type": "Percent", "value": 10, "periodSeconds": 60}],
            },
        ),
    ),
    Good(
        "raw PromQL, averaged, from a named source, with an answer for no data",
        policy(
            metrics=[
                metric(
                    query='sum(rate(http_requests_total{job="api"}[2m]))',
                    per="Average",
                    source="main",
                    onNoData={"assume": "Below"},
                )
            ]
        ),
    ),
    Good("a number for no data", policy(metrics=[metric(query="up", onNoData={"value": 0})])),
    Good(
        "a queue of a virtual host",
        policy(metrics=[metric(queue={"system": "RabbitMQ", "name": "leads", "vhost": "/"})]),
    ),
    *(
        Good(f"a queue of {system}", policy(metrics=[metric(queue={"system": system, "name": "leads"})]))
        for system in ("RedisList", "Celery", "BullMQ", "Sidekiq", "Kafka", "SQS")
    ),
    Good(
        "a consumer group of one topic",
        policy(metrics=[metric(queue={"system": "Kafka", "name": "leads", "topic": "orders"})]),
    ),
    Good(
        "vetoes, overrides, fallback, DryRun",
        policy(
            vetoes=[{"name": "freeze", "query": "max(change_freeze)", "direction": "Both"}],
            overrides=[
                {
                    "name": "campaign",
                    "schedule": "0 8 * * 1-5",
                    "durationSeconds": 36000,
                    "timeZone": "Europe/Berlin",
                    "minReplicas": 6,
                }
            ],
            fallback={"afterFailures": 20, "behavior": "CurrentIfHigher", "replicas": 4},
            mode="DryRun",
            intervalSeconds=30,
        ),
    ),
    Good(
        "an override with a floor above the spec's ceiling raises the ceiling",
        policy(overrides=[{"name": "sale", "schedule": "0 0 24 11 *", "durationSeconds": 86400, "minReplicas": 40}]),
    ),
    Good("a fallback to the current number", policy(fallback={"afterFailures": 1, "behavior": "Current"})),
    Good(
        "sixteen of everything",
        policy(
            metrics=[metric(f"m{i}") for i in range(16)],
            scaleUp={
                "anyOf": [{"metric": f"m{i}", "above": 100 + i} for i in range(16)],
                "step": {"type": "Tiers", "tiers": [{"beyond": i, "pods": i + 1} for i in range(16)]},
                "limits": [{"type": "Pods", "value": 1, "periodSeconds": 60}] * 16,
            },
            scaleDown={"allOf": [{"metric": f"m{i}", "below": f"{i + 1}.5"} for i in range(16)]},
            vetoes=[{"name": f"v{i}", "query": "up", "direction": "Up"} for i in range(16)],
            overrides=[
                {"name": f"o{i}", "schedule": "0 8 * * *", "durationSeconds": 3600, "maxReplicas": 30}
                for i in range(16)
            ],
        ),
    ),
]
