"""Offered-load functions: pure functions of the seconds since the load was put in force.

A load is written in YAML as a bare number (constant) or as a mapping with a ``type``; every value is in the unit of the
place where the load stands (cores, percent, bytes, messages per second, connections). Loads that take ``of`` wrap
another. Nothing here reads a clock, so the same seconds and seed always give the same value.
"""

from __future__ import annotations

import itertools
import math
import random
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Seconds = Annotated[float, Field(ge=0)]
Duration = Annotated[float, Field(gt=0)]
Amount = Annotated[float, Field(ge=0)]


class Strict(BaseModel):
    """A part of the scenario: camelCase in YAML, unknown keys refused, never changed after reading."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        alias_generator=lambda name: "".join(
            word if index == 0 else word.capitalize() for index, word in enumerate(name.split("_"))
        ),
    )


class Constant(Strict):
    """The same value for ever."""

    type: Literal["constant"] = "constant"
    value: Amount

    def at(self, seconds: float, seed: str = "") -> float:
        return self.value


class Step(Strict):
    """Piecewise constant: each point ``[seconds, value]`` holds until the next; the first one before it, too."""

    type: Literal["step"]
    points: Annotated[list[tuple[Seconds, Amount]], Field(min_length=1)]

    @model_validator(mode="after")
    def _ascending(self) -> Step:
        times = [time for time, _ in self.points]
        if any(later <= earlier for earlier, later in itertools.pairwise(times)):
            raise ValueError("points must be in ascending order of their seconds")
        return self

    def at(self, seconds: float, seed: str = "") -> float:
        reached = [value for time, value in self.points if time <= seconds]
        return reached[-1] if reached else self.points[0][1]


class Ramp(Strict):
    """Linear from ``start`` to ``end`` over ``durationSeconds``, beginning after ``delaySeconds``; flat outside."""

    type: Literal["ramp"]
    start: Amount
    end: Amount
    duration_seconds: Duration
    delay_seconds: Seconds = 0

    def at(self, seconds: float, seed: str = "") -> float:
        progress = min(1.0, max(0.0, (seconds - self.delay_seconds) / self.duration_seconds))
        return self.start + (self.end - self.start) * progress


class Day(Strict):
    """A day as a cosine: ``high`` at ``peakSeconds`` of each period, ``low`` half a period later."""

    type: Literal["day"]
    low: Amount
    high: Amount
    period_seconds: Duration = 86400
    peak_seconds: Seconds = 0

    def at(self, seconds: float, seed: str = "") -> float:
        phase = 2 * math.pi * (seconds - self.peak_seconds) / self.period_seconds
        return self.low + (self.high - self.low) * (1 + math.cos(phase)) / 2


class Spike(Strict):
    """``peak`` during [atSeconds, atSeconds + durationSeconds), else ``base``; again every ``everySeconds``."""

    type: Literal["spike"]
    base: Amount
    peak: Amount
    at_seconds: Seconds
    duration_seconds: Duration
    every_seconds: Duration | None = None

    def at(self, seconds: float, seed: str = "") -> float:
        since = seconds - self.at_seconds
        if since >= 0 and self.every_seconds is not None:
            since %= self.every_seconds
        return self.peak if 0 <= since < self.duration_seconds else self.base


class Outage(Strict):
    """The wrapped load, but 0 during [atSeconds, atSeconds + durationSeconds): nothing reaches the workload."""

    type: Literal["outage"]
    of: Load
    at_seconds: Seconds
    duration_seconds: Duration

    def at(self, seconds: float, seed: str = "") -> float:
        out = self.at_seconds <= seconds < self.at_seconds + self.duration_seconds
        return 0.0 if out else self.of.at(seconds, seed)


class Noise(Strict):
    """The wrapped load, times a normally distributed factor of the given standard deviation, drawn anew each second."""

    type: Literal["noise"]
    of: Load
    percent: Annotated[float, Field(ge=0, le=50)]

    def at(self, seconds: float, seed: str = "") -> float:
        draw = random.Random(f"{seed}:{math.floor(seconds)}").gauss(0, self.percent / 100)
        return max(0.0, self.of.at(seconds, seed) * (1 + draw))


def _number_is_constant(written: Any) -> Any:
    if isinstance(written, int | float) and not isinstance(written, bool):
        return {"type": "constant", "value": written}
    return written


Load = Annotated[
    Annotated[Constant | Step | Ramp | Day | Spike | Outage | Noise, Field(discriminator="type")],
    BeforeValidator(_number_is_constant),
]

Outage.model_rebuild()
Noise.model_rebuild()
