"""deadband: scaling thresholds with a band between them, enforced on Kubernetes.

api       the kinds: ScalingPolicy, MetricSource, their conditions, their structural CRDs
core      the decision; no I/O, no clock
queries   recipes to PromQL, answers to readings; pure text and data
ports     what the engine needs from the world, as Protocols
adapters  Prometheus, Kubernetes, Lease, own metrics: the only rooms with I/O
engine    store, scheduler, one evaluation (gather, decide, act)
handlers  the watch surface (Kopf)
scenario  `deadband test`: the engine on a written time line
cli       click commands and the composition root
"""
