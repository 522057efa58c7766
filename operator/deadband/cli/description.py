"""A policy in plain words: what is watched, what moves the target by how much, what holds it. Pure text."""

from collections.abc import Iterator, Mapping
from fractions import Fraction

from deadband.api.behavior import Direction, Guard, Limit, LimitType, Mode, SelectPolicy, Step, StepType, Trigger
from deadband.api.metrics import Assumption, Metric, Per, QueueMetric, QueueSystem
from deadband.api.scalingpolicy import Bound, FallbackBehavior, PolicyMode, ScaleTargetRef, ScalingPolicySpec
from deadband.api.status import Way
from deadband.core import words
from deadband.core.steps import step_down, step_up
from deadband.core.triggers import Load, Observed

_PER = {
    Per.REPLICA: "falls as replicas rise",
    Per.TOTAL: "a value of the whole",
    Per.AVERAGE: "a value of the whole, divided by the ready replicas before it is compared",
}
_EXAMPLE = 10
"""Replicas from which the example moves, where the bounds leave it room to."""
_BEYOND = Fraction(3, 2)
"""How far beyond its threshold the example's reading is: half as much again, or two thirds of it downwards."""


def describe(spec: ScalingPolicySpec, promql: Mapping[str, str]) -> list[str]:
    """Say what a policy does.

    Args:
        spec: A valid spec.
        promql: By metric or veto name (`veto/` before the latter), the expression that is asked.

    Returns:
        Lines; sections begin at the margin.
    """
    return [
        *_what(spec),
        "",
        "What is watched",
        *(line for metric in spec.metrics for line in _watched(metric, promql[metric.name])),
        *_direction(spec, Way.UP),
        *_direction(spec, Way.DOWN),
        *_holds(spec, promql),
    ]


def _what(spec: ScalingPolicySpec) -> Iterator[str]:
    every = f"looks every {words.seconds(spec.interval_seconds)}"
    if spec.scale_target_ref is None:
        yield f"Scales nothing, only advises; {every}."
    else:
        yield f"{_what_moves(spec, spec.scale_target_ref)}; {every}."
    if spec.moves in (Bound.MIN_REPLICAS, Bound.MAX_REPLICAS):
        yield "Between its bounds the HPA goes on scaling its workload by its own metrics."
    if spec.mode is PolicyMode.DRY_RUN:
        yield "Dry run: decides and shows what it would do, writes nothing."


def _what_moves(spec: ScalingPolicySpec, target: ScaleTargetRef) -> str:
    within = f"{spec.min_replicas} to {spec.max_replicas} replicas"
    match spec.moves:
        case None:
            return f"Keeps {target.kind} {target.name} at {within}"
        case Bound.BOTH:
            return f"Moves both bounds of HPA {target.name} together, and with them its workload, within {within}"
        case _:
            return f"Moves {words.subject(spec)} within {within}, and never its floor above its cap"


def _watched(metric: Metric, promql: str) -> Iterator[str]:
    source = f"MetricSource {metric.source}" if metric.source else "the default MetricSource"
    yield f"  {metric.name}: {_subject(metric)}; {_PER[metric.effective_per]}; asked of {source}"
    yield from (f"      {line}" for line in promql.splitlines())
    answer = metric.on_no_data
    if answer is not None:
        taken = words.quantity(answer.value, metric) if answer.value is not None else _assumed(answer.assume)
        yield f"    no data counts as {taken}"


def _subject(metric: Metric) -> str:
    if metric.resource is not None:
        of_what = f" of container {metric.resource.container}" if metric.resource.container else ""
        pods = f"{of_what} of the pods that were Ready once"
        return f"{metric.resource.name}{pods}, in percent of their {metric.resource.of.lower()}"
    if metric.queue is not None:
        return _waiting(metric.queue)
    if metric.database is not None:
        database = metric.database
        return f"{database.measure.lower()} of {database.system} instance {database.instance} in percent"
    return "raw PromQL"


def _waiting(queue: QueueMetric) -> str:
    if queue.system is QueueSystem.KAFKA:
        where = f" in topic {queue.topic}" if queue.topic else ""
        return f"messages that Kafka consumer group {queue.name} is behind{where}"
    where = f" of virtual host {queue.vhost}" if queue.vhost else ""
    return f"messages waiting in {queue.system} queue {queue.name}{where}"


def _assumed(assumption: Assumption | None) -> str:
    return "above every threshold" if assumption is Assumption.ABOVE else "below every threshold"


def _direction(spec: ScalingPolicySpec, way: Way) -> Iterator[str]:
    direction: Direction = spec.up if way is Way.UP else spec.down
    yield ""
    yield f"What moves it {way.lower()}"
    if not direction.enabled:
        yield "  nothing: this direction is disabled"
        return
    yield f"  when {words.condition_clause(spec, direction)}"
    if direction.mode is Mode.MANUAL:
        yield f"  it is proposed, and a person approves it within {words.seconds(direction.approval_seconds)}"
    if way is Way.DOWN and spec.up.enabled:
        yield "  and only while the condition for up is known to be false"
    if spec.scale_target_ref is None:
        return
    yield f"  by {_step(direction.step, way)}"
    yield f"    {_example(spec, direction, way)}"
    yield f"  {_limits(direction)}"
    if direction.cooldown_seconds:
        since = "up" if way is Way.UP else "scaling in either direction"
        yield f"  not within {words.seconds(direction.cooldown_seconds)} after the last {since}"
    if direction.stabilization_window_seconds:
        window = words.seconds(direction.stabilization_window_seconds)
        yield f"  by the {'lowest' if way is Way.UP else 'highest'} wish of the last {window}"
    if way is Way.DOWN and spec.up.enabled and spec.down.guard is Guard.PROJECTED_BELOW_SCALE_UP:
        yield "  never so far that the condition for up would become true by it"


def _step(step: Step, way: Way) -> str:
    if step.type is StepType.PODS:
        return _pods(step.pods)
    if step.type is StepType.PERCENT:
        return f"{step.percent} % of the replicas, truncated, at least {step.min_pods or 1}"
    if step.type is StepType.TIERS:
        rungs = [
            f"{_pods(tier.pods)} from {words.number(tier.beyond)} beyond the threshold"
            if tier.pods is not None
            else f"{tier.percent} % from {words.number(tier.beyond)} beyond the threshold"
            for tier in sorted(step.tiers or [], key=lambda tier: tier.beyond)
        ]
        return f"{words.join(rungs)} (percentages truncated, at least {step.min_pods or 1})"
    return f"ready replicas times value over threshold, rounded {way.lower()}"


def _example(spec: ScalingPolicySpec, direction: Direction, way: Way) -> str:
    """What the live code makes of a load half as much again as the thresholds."""
    low, high = spec.min_replicas or 0, spec.max_replicas or 0
    replicas = min(_EXAMPLE, int(high / _BEYOND)) if way is Way.UP else min(_EXAMPLE, high)
    replicas = max(replicas, low, 1)
    observed: dict[str, Observed] = {
        trigger.metric: Load.exactly(_beyond(trigger), spec.metric(trigger.metric).effective_per, replicas)
        for trigger in direction.triggers
    }
    if way is Way.UP:
        wish = step_up(direction, observed, replicas=replicas, ready=replicas)
    else:
        wish = step_down(direction, observed, replicas=replicas)
    to = min(max(wish, low), high)
    clause = words.join(words.reading_clause(spec.metric(name), load) for name, load in observed.items())
    return f"such as from {replicas} to {to} at {clause}, before limits"


def _beyond(trigger: Trigger) -> Fraction:
    if trigger.threshold == 0:
        return Fraction(1 if trigger.above is not None else -1)
    farther = (trigger.above is not None) == (trigger.threshold > 0)
    return trigger.threshold * _BEYOND if farther else trigger.threshold / _BEYOND


def _limits(direction: Direction) -> str:
    if direction.select_policy is SelectPolicy.DISABLED:
        return "not at all: its limits let nothing move (selectPolicy: Disabled)"
    if not direction.limits:
        return "without a limit"
    each = [_limit(limit) for limit in direction.limits]
    if len(each) == 1:
        return f"at most {each[0]}"
    return f"at most the {'larger' if direction.select_policy is SelectPolicy.MAX else 'smaller'} of {words.join(each)}"


def _limit(limit: Limit) -> str:
    value = f"{limit.value} %" if limit.type is LimitType.PERCENT else _pods(limit.value)
    return f"{value} in {words.seconds(limit.period_seconds)}"


def _pods(count: int | None) -> str:
    return "1 pod" if count == 1 else f"{count} pods"


def _holds(spec: ScalingPolicySpec, promql: Mapping[str, str]) -> Iterator[str]:
    """Vetoes, overrides and the fallback, where there are any."""
    if not (spec.vetoes or spec.overrides or spec.fallback):
        return
    yield ""
    yield "What else has a say"
    for veto in spec.vetoes:
        ways = "both directions" if veto.direction == "Both" else f"scaling {veto.direction.lower()}"
        yield f"  veto {veto.name} stops {ways} unless this is empty or 0:"
        yield from (f"      {line}" for line in promql[f"veto/{veto.name}"].splitlines())
    for override in spec.overrides:
        named = (("minReplicas", override.min_replicas), ("maxReplicas", override.max_replicas))
        bounds = words.join(f"{name} {value}" for name, value in named if value is not None)
        opens = f"from each `{override.schedule}` ({override.time_zone}) for {words.seconds(override.duration_seconds)}"
        yield f"  override {override.name}: {bounds} {opens}"
    if spec.fallback is not None:
        yield f"  when nothing is known for {spec.fallback.after_failures} evaluations: {_fallback(spec)}"


def _fallback(spec: ScalingPolicySpec) -> str:
    fallback = spec.fallback
    assert fallback is not None, "asked only when there is one"
    match fallback.behavior:
        case FallbackBehavior.STATIC:
            return f"{fallback.replicas} replicas"
        case FallbackBehavior.CURRENT:
            return "the replicas there are"
        case FallbackBehavior.CURRENT_IF_HIGHER:
            return f"{fallback.replicas} replicas, or those there are if they are more"
