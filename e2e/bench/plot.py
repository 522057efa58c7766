"""The curve of cost over the number of policies, as an SVG that needs nothing else. Both axes are logarithmic."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

from e2e.bench.results import PER_SECONDS, Row

_WIDTH, _HEIGHT = 760, 440
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 216, 48, 56
"""Margins; the right one holds the names of the curves."""
_LEAST = 1e-3
"""Cost below it is drawn as it: a logarithm needs something."""
_LABEL_HEIGHT = 17.0

_STYLE = (
    "text{font:12px sans-serif;fill:#24292f}.t{font-size:15px;font-weight:600}.g{stroke:#d0d7de}"
    "path,.g{fill:none;stroke-width:1}path{stroke-width:2.5}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.g{stroke:#3d444d}}"
)


@dataclass(frozen=True, slots=True)
class _Curve:
    name: str
    color: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class _Axes:
    """Decades from the lowest to the highest power of ten on each axis."""

    x: tuple[int, int]
    y: tuple[int, int]

    @classmethod
    def around(cls, curves: Sequence[_Curve]) -> "_Axes":
        points = [point for curve in curves for point in curve.points]
        return cls(*(_decades([point[axis] for point in points]) for axis in (0, 1)))

    def place(self, x: float, y: float) -> tuple[float, float]:
        across = (log10(x) - self.x[0]) / (self.x[1] - self.x[0])
        up = (log10(y) - self.y[0]) / (self.y[1] - self.y[0])
        return _LEFT + across * (_WIDTH - _LEFT - _RIGHT), _HEIGHT - _BOTTOM - up * (_HEIGHT - _TOP - _BOTTOM)


def plot(rows: Sequence[Row]) -> str:
    """Draw the costs of a run; at least one row."""
    curves = _curves(rows)
    axes = _Axes.around(curves)
    body = "".join((*_grid(axes), *_lines(axes, curves)))
    title = f"CPU seconds per {PER_SECONDS:g} s over the number of policies, two metrics each"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">'
        f"<title>{title}</title><style>{_STYLE}</style>"
        f'<text class="t" x="{_LEFT}" y="24">{title}</text>{body}</svg>\n'
    )


def _curves(rows: Sequence[Row]) -> list[_Curve]:
    def curve(name: str, color: str, costs: Sequence[float]) -> _Curve:
        at = [float(row.policies) for row in rows]
        return _Curve(name, color, tuple(zip(at, [max(_LEAST, cost) for cost in costs], strict=True)))

    return [
        curve("one query per metric, in all", "#cf222e", [row.naive_cost for row in rows]),
        curve("deadband and Prometheus", "#8250df", [row.cost for row in rows]),
        curve("deadband, all readings change", "#bf8700", [row.noisy.operator_cpu for row in rows]),
        curve("deadband, quiet", "#1a7f37", [row.quiet.operator_cpu for row in rows]),
    ]


def _decades(values: Sequence[float]) -> tuple[int, int]:
    low, high = floor(log10(min(values))), ceil(log10(max(values)))
    return low, max(high, low + 1)


def _grid(axes: _Axes) -> Iterator[str]:
    for power in range(axes.y[0], axes.y[1] + 1):
        x, y = axes.place(10.0 ** axes.x[0], 10.0**power)
        yield f'<line class="g" x1="{x:.1f}" y1="{y:.1f}" x2="{_WIDTH - _RIGHT}" y2="{y:.1f}"/>'
        yield f'<text x="{x - 8:.1f}" y="{y + 4:.1f}" text-anchor="end">{10.0**power:g}</text>'
    for power in range(axes.x[0], axes.x[1] + 1):
        x, y = axes.place(10.0**power, 10.0 ** axes.y[0])
        yield f'<line class="g" x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{y:.1f}"/>'
        yield f'<text x="{x:.1f}" y="{y + 20:.1f}" text-anchor="middle">{10**power:,}</text>'
    yield f'<text x="{_LEFT}" y="{_HEIGHT - 12}">policies</text>'


def _lines(axes: _Axes, curves: Sequence[_Curve]) -> Iterator[str]:
    labels = _apart([axes.place(*curve.points[-1])[1] for curve in curves])
    for curve, label in zip(curves, labels, strict=True):
        places = [axes.place(*point) for point in curve.points]
        path = "L".join(f"{x:.1f},{y:.1f}" for x, y in places)
        yield f'<path d="M{path}" stroke="{curve.color}"/>'
        yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{curve.color}"/>' for x, y in places)
        figure = f"{curve.points[-1][1]:.2g}"
        name = escape(f"{figure} {curve.name}")
        yield f'<text x="{places[-1][0] + 12:.1f}" y="{label + 4:.1f}" style="fill:{curve.color}">{name}</text>'


def _apart(heights: Sequence[float]) -> list[float]:
    """Move labels down until none covers another; the order is kept."""
    moved = list(heights)
    free = float("-inf")
    for index in sorted(range(len(moved)), key=moved.__getitem__):
        moved[index] = max(moved[index], free)
        free = moved[index] + _LABEL_HEIGHT
    return moved
