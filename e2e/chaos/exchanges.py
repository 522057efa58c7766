"""What the proxy saw: every request as RBAC would name it, with what was asked, what came back, and when."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote

WRITES = frozenset({"create", "update", "patch", "delete"})

_VERBS: Mapping[str, str] = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_SCOPED = 3
"""namespaces/NAME/PLURAL: from here on a path below `namespaces` names something else than a namespace."""


@dataclass(slots=True)
class Exchange:
    """One request and its answer.

    Attributes:
        at: When it came in, in seconds of the monotonic clock.
        verb: get, list, watch, create, update, patch or delete; `query` for PromQL.
        resource: Plural, with the subresource after a slash; `query` for PromQL; empty for any other path.
        namespace, name: Empty where there is none. Of PromQL the name is the query.
        body: What was sent, parsed; None when there was nothing.
        upstream: Status that the server behind the proxy gave; 0 when it was never asked, or did not answer.
        status: Status that the client got; 0 while, or if, it got none.
        answer: What the server behind the proxy sent; of a watch its ERROR events.
        fault: Name of the fault that befell it; empty when none did.
        through: Name of the proxy.
        answered: When the server behind the proxy had answered, on the monotonic clock; 0 when it did not.
    """

    at: float
    verb: str
    resource: str
    namespace: str = ""
    name: str = ""
    body: Any = None
    upstream: int = 0
    status: int = 0
    answer: bytes = field(default=b"", repr=False)
    fault: str = ""
    through: str = ""
    answered: float = 0.0

    @property
    def writes(self) -> bool:
        """Whether it asks for a change."""
        return self.verb in WRITES

    @property
    def taken(self) -> bool:
        """Whether the server behind the proxy accepted it, whatever the client was told."""
        return 200 <= self.upstream < 300

    @property
    def replicas(self) -> int | None:
        """What a write on a /scale subresource asks for; None for everything else."""
        if self.verb != "patch" or not self.resource.endswith("/scale") or not isinstance(self.body, dict):
            return None
        wanted = self.body.get("spec", {}).get("replicas")
        return wanted if isinstance(wanted, int) else None


Read = Callable[[float, str, str, str, bytes], Exchange]
"""Names a request: its time, method, path, query string and body."""


def read_kubernetes(at: float, method: str, path: str, query: str, body: bytes) -> Exchange:
    """Name a request to an API server as its audit log does."""
    namespace, plural, name = _place([unquote(part) for part in path.split("/") if part])
    verb = _VERBS.get(method, method.lower())
    if verb == "get" and plural and not name:
        verb = "watch" if parse_qs(query).get("watch", [""])[0] in {"true", "1"} else "list"
    return Exchange(at, verb, plural, namespace, name, _json(body))


def read_prometheus(at: float, _method: str, path: str, query: str, body: bytes) -> Exchange:
    """Name a request to a Prometheus; the name of an instant query is its PromQL."""
    form = {name: values[0] for name, values in parse_qs(body.decode(errors="replace") or query).items()}
    if path.endswith("/api/v1/query"):
        return Exchange(at, "query", "query", name=form.get("query", ""), body=form)
    return Exchange(at, "get", "", name=path)


def _place(parts: list[str]) -> tuple[str, str, str]:
    """Namespace, plural with subresource, and name of a path; three empty texts for what is no resource."""
    rest = parts[2:] if parts[:1] == ["api"] else parts[3:] if parts[:1] == ["apis"] else []
    namespace = ""
    if rest[:1] == ["namespaces"] and len(rest) >= _SCOPED:
        namespace, rest = rest[1], rest[2:]
    if not rest:
        return "", "", ""
    plural = "/".join([rest[0], *rest[2:]])
    return namespace, plural, rest[1] if len(rest) > 1 else ""


def _json(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body.decode(errors="replace")
