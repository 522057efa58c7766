"""Sound policies with something changed, to try that two judges agree on documents that nobody thought of."""

import copy
import random
from typing import Any

from e2e.manifests.documents import Document, named
from e2e.manifests.good_policies import GOOD_POLICIES

_VALUES: list[Any] = [
    None, True, -1, 0, 1, 5, 70, 3600, 10**15, 0.5, "", "0", "-0", "0.5", "070", "70.", " 70", "1e3", "cpu", "CPU",
    "Both", "Pods", "Percent", "Tiers", "Manual", "Disabled", "Static", "Current", "Average", "RabbitMQ", [], {}, [{}],
    [None], {"value": 0}, {"metric": "cpu", "above": 5}, {"type": "Pods", "pods": 1},
]  # fmt: skip


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) below a value."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    return [place for key in keys for place in [(value, key), *_places(value[key])]]


def mutants(count: int, *, seed: int = 20) -> list[Document]:
    """Sound policies with one or two places changed, removed or taken from another policy; the same for a seed."""
    dice = random.Random(seed)
    made = []
    for number in range(count):
        document = named(copy.deepcopy(dice.choice(GOOD_POLICIES).document), f"mutant-{number}")
        for _ in range(dice.choice((1, 1, 2))):
            container, key = dice.choice(_places(document["spec"]))
            change = dice.choice(("replace", "replace", "remove", "add"))
            if change == "replace":
                container[key] = dice.choice(_VALUES)
            elif change == "remove":
                del container[key]
            elif isinstance(container, dict):
                donor, word = dice.choice(_places(dice.choice(GOOD_POLICIES).document["spec"]))
                if isinstance(word, str):
                    container[word] = copy.deepcopy(donor[word])
        made.append(document)
    return made
