"""The words of a decision: numbers as people write them, triggers as clauses."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum
from fractions import Fraction

from deadband.api.behavior import Direction, Trigger
from deadband.api.metrics import Assumption, Metric
from deadband.api.scalingpolicy import Bound, ScalingPolicySpec
from deadband.core.rounding import nearest
from deadband.core.triggers import Load, Observed, holds
from deadband.core.types import Absent


def number(value: Fraction, *, unlike: Iterable[Fraction] = (), grouped: bool = True) -> str:
    """Write a number briefly, but never so briefly that it reads as a threshold it does not equal.

    Args:
        value: Any number.
        unlike: Thresholds it is compared with.
        grouped: Whether thousands are grouped by commas.
    """
    if value.denominator == 1:
        return f"{int(value):,}" if grouped else str(int(value))
    close = [threshold for threshold in unlike if threshold != value]
    digits, scaled = 18, 0
    two_digits = abs(value.numerator) >= 10 * value.denominator  # which are enough to read
    for digits in (0 if two_digits else 1, 1, 3, 9, 18):
        unit = 10**digits
        scaled = nearest(value.numerator * unit, value.denominator)
        if scaled and not any(scaled * each.denominator == each.numerator * unit for each in close):
            break
    whole, rest = divmod(abs(scaled), 10**digits)
    decimals = f"{rest:0{digits}d}".rstrip("0") if digits else ""
    sign = "-" if scaled < 0 else ""
    return sign + (f"{whole:,}" if grouped else str(whole)) + (f".{decimals}" if decimals else "")


def seconds(span: timedelta | int) -> str:
    """Write a duration as whole seconds: `35 s`."""
    total = span if isinstance(span, int) else int(span.total_seconds())
    return f"{total} s"


def clock(instant: datetime) -> str:
    """Write an instant as `2026-01-05 08:05:12Z`."""
    return instant.strftime("%Y-%m-%d %H:%M:%SZ")


class Mood(Enum):
    """How a change is spoken of."""

    DONE = "done"
    IMAGINED = "imagined"
    ASKED_FOR = "asked for"


_GERUNDS = {"scale": "Scaling", "move": "Moving", "raise": "Raising", "lower": "Lowering"}


def change(spec: ScalingPolicySpec, *, replicas: int, to: int, mood: Mood) -> str:
    """Say what moves how far: `Scaling up from 2 to 3`, `Would raise minReplicas of HPA web from 3 to 5`."""
    verb = _verb(spec, up=to > replicas)
    what = subject(spec) or ("up" if to > replicas else "down")
    said = {Mood.DONE: _GERUNDS[verb], Mood.IMAGINED: f"Would {verb}", Mood.ASKED_FOR: verb.capitalize()}[mood]
    origin = f" from {replicas}" if to != replicas else ""
    return f"{said} {what}{origin} to {to}"


def _verb(spec: ScalingPolicySpec, *, up: bool) -> str:
    match spec.moves:
        case None:
            return "scale"
        case Bound.BOTH:
            return "move"
        case _:
            return "raise" if up else "lower"


def subject(spec: ScalingPolicySpec) -> str:
    """Name what moves on an HPA: `minReplicas of HPA web`, `both bounds of HPA web`; empty for replicas."""
    if spec.moves is None or spec.scale_target_ref is None:
        return ""
    which = {
        Bound.MIN_REPLICAS: "minReplicas",
        Bound.MAX_REPLICAS: "maxReplicas",
        Bound.BOTH: "both bounds",
    }[spec.moves]
    return f"{which} of HPA {spec.scale_target_ref.name}"


def quantity(value: Fraction, metric: Metric, *, unlike: Iterable[Fraction] = ()) -> str:
    """Write a value with the metric's unit: `74 %`, `10,001`."""
    unit = f" {metric.unit}" if metric.unit else ""
    return number(value, unlike=unlike) + unit


def reading_clause(metric: Metric, observed: Observed, *, unlike: Iterable[Fraction] = ()) -> str:
    """Say what a metric reads: `cpu 74 %`, `memory is unknown (Empty)`, `depth has no data and is assumed above`.

    An interval is `cpu 41-91 % (3 of 4 pods measured)`, and a load that a dry run imagines `cpu 45 % (simulated)`.
    """
    match observed:
        case Load():
            each = " per replica" if metric.effective_per == "Average" else ""
            return f"{metric.name} {_reading(metric, observed, list(unlike))}{each}"
        case Assumption():
            return f"{metric.name} has no data and is assumed {observed.lower()}"
        case absent:
            detail = f": {absent.message}" if absent.message else ""
            return f"{metric.name} is unknown ({absent.reason}{detail})"


def _reading(metric: Metric, load: Load, unlike: Sequence[Fraction]) -> str:
    """Write a load, and what it rests on where that is not what was read of every pod."""
    text = quantity(load.high, metric, unlike=unlike)
    if not load.exact:
        text = f"{number(load.low, unlike=unlike)}-{text} ({measured_text(load)})"
    return f"{text} (simulated)" if load.simulated else text


def measured_text(observed: Observed) -> str | None:
    """How many pods an interval rests on: `3 of 4 pods measured`; None for everything else."""
    if not isinstance(observed, Load) or observed.exact:
        return None
    if observed.coverage is None:
        return "not all pods measured"
    return "{} of {} pods measured".format(*observed.coverage)


def trigger_clause(trigger: Trigger, metric: Metric, observed: Observed) -> str:
    """Say how a metric stands to one threshold: `cpu 74 % is above 70 %`, `depth 100 is not below 100`.

    Of an interval that reaches across it: `cpu 41-91 % (3 of 4 pods measured) may be above 70 %`.
    """
    text = reading_clause(metric, observed, unlike=[trigger.threshold])
    if not isinstance(observed, Load):
        return text
    return f"{text} {_stands(trigger, observed)} {_side(trigger, metric)}"


_VERBS: Mapping[bool | None, str] = {True: "is", False: "is not", None: "may be"}


def _stands(trigger: Trigger, load: Load) -> str:
    return _VERBS[holds(trigger, load)]


def _side(trigger: Trigger, metric: Metric) -> str:
    return f"{'above' if trigger.above is not None else 'below'} {quantity(trigger.threshold, metric)}"


def wanted_clause(trigger: Trigger, metric: Metric) -> str:
    """Say what a trigger waits for: `cpu is above 70 %`."""
    word = "above" if trigger.above is not None else "below"
    return f"{metric.name} is {word} {quantity(trigger.threshold, metric)}"


def true_clause(spec: ScalingPolicySpec, direction: Direction, observed: Mapping[str, Observed]) -> str:
    """Say which triggers make a direction's expression true, joined by `and`."""
    return join(
        trigger_clause(trigger, spec.metric(trigger.metric), observed[trigger.metric])
        for trigger in direction.triggers
        if holds(trigger, observed[trigger.metric])
    )


def condition_clause(spec: ScalingPolicySpec, direction: Direction) -> str:
    """Say what a direction waits for: `cpu is above 70 % or memory is above 80 %, for 60 s`."""
    clauses = [wanted_clause(trigger, spec.metric(trigger.metric)) for trigger in direction.triggers]
    text = (" or " if direction.any_of is not None else " and ").join(clauses)
    return f"{text}, for {seconds(direction.for_seconds)}" if direction.for_seconds else text


def unknown_clause(spec: ScalingPolicySpec, observed: Mapping[str, Observed]) -> str:
    """Say what is not known: every metric without a reading, and every threshold that an interval reaches across."""
    triggers = [trigger for direction in (spec.up, spec.down) if direction.enabled for trigger in direction.triggers]
    clauses = []
    for metric in spec.metrics:
        seen = observed[metric.name]
        open_ = [each for each in triggers if each.metric == metric.name and holds(each, seen) is None]
        if isinstance(seen, Load) and open_:
            text = reading_clause(metric, seen, unlike=[each.threshold for each in open_])
            clauses.append(f"{text} may be {' or '.join(_side(each, metric) for each in open_)}")
        elif isinstance(seen, Absent):
            clauses.append(reading_clause(metric, seen))
    return join(clauses)


def band_clause(spec: ScalingPolicySpec, observed: Mapping[str, Observed]) -> str:
    """Say where every known metric stands to all of its thresholds."""
    return join(_stand(spec, metric, observed[metric.name]) for metric in spec.metrics)


def _stand(spec: ScalingPolicySpec, metric: Metric, observed: Observed) -> str:
    triggers = [
        trigger
        for direction in (spec.up, spec.down)
        if direction.enabled
        for trigger in direction.triggers
        if trigger.metric == metric.name
    ]
    text = reading_clause(metric, observed, unlike=[trigger.threshold for trigger in triggers])
    if not isinstance(observed, Load) or not triggers:
        return text
    stands = [f"{_stands(trigger, observed)} {_side(trigger, metric)}" for trigger in triggers]
    if observed.exact:
        return f"{text} is {join(stand.removeprefix('is ') for stand in stands)}"
    return f"{text} {join(stands)}"


def thresholds_summary(spec: ScalingPolicySpec, observed: Mapping[str, Observed]) -> str:
    """The METRICS column: `cpu 63% <20 >70, memory 71% >80`; an unknown metric shows its reason."""
    return ", ".join(_summary(spec, metric, observed[metric.name]) for metric in spec.metrics)


def _summary(spec: ScalingPolicySpec, metric: Metric, observed: Observed) -> str:
    parts = [metric.name, value_text(metric, observed) or f"({_absence(observed)})"]
    triggers = [
        trigger
        for direction in (spec.down, spec.up)
        if direction.enabled
        for trigger in direction.triggers
        if trigger.metric == metric.name
    ]
    for trigger in sorted(triggers, key=lambda trigger: trigger.threshold):
        sign = ">" if trigger.above is not None else "<"
        parts.append(sign + number(trigger.threshold, grouped=False))
    return " ".join(parts)


def value_text(metric: Metric, observed: Observed) -> str | None:
    """A reading for a table cell, `63%`, `10001` or `41-91%`; None when there is none."""
    if not isinstance(observed, Load):
        return None
    low = "" if observed.exact else number(observed.low, grouped=False) + "-"
    return low + number(observed.high, grouped=False) + metric.unit


def _absence(observed: Observed) -> str:
    match observed:
        case Assumption():
            return f"assumed {observed.lower()}"
        case Load():
            raise AssertionError("a load is not absent")
        case absent:
            return str(absent.reason)


def join(clauses: Iterable[str]) -> str:
    """Join clauses as a sentence does: `a`, `a and b`, `a, b and c`."""
    words = list(clauses)
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
