"""Failures of the API server, named as the ports name them, each with what to do about it and never with a body."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp
from kubernetes.aio.config import ConfigException

from deadband.api.conditions import Reason
from deadband.ports import ConflictError, DeniedError, GoneError, UnreachableError, WriteError


class ExpiredError(UnreachableError):
    """The continue token of a list is too old (410): the list has to start again."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as RBAC and the audit log would name it.

    Attributes:
        verb: As RBAC names it: get, list, create, update or patch.
        group: API group; empty for the core group.
        resource: Plural, with the subresource after a slash, such as deployments/scale.
        namespace: Empty for cluster-scoped kinds and for lists over all namespaces.
        name: Empty for list and create.
    """

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""

    def __str__(self) -> str:
        """Such as `patch deployments.apps/scale leadgen/api`."""
        plural, _, subresource = self.resource.partition("/")
        kind = f"{plural}.{self.group}" if self.group else plural
        kind = f"{kind}/{subresource}" if subresource else kind
        where = "/".join(part for part in (self.namespace, self.name) if part)
        return f"{self.verb} {kind} {where}".rstrip()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls the API server, and in whose words a failure is told.

    Attributes:
        manager: Field manager of what it writes.
        name: Whom RBAC refuses, with a verb in the singular behind it.
        place: Where it runs.
        credentials: What to check when its credentials are not accepted.
        later: What follows a failure that may pass; empty where nobody tries again.
    """

    manager: str
    name: str
    place: str
    credentials: str
    later: str


OPERATOR = Caller(
    manager="deadband",
    name="the operator's ServiceAccount",
    place="the operator",
    credentials="check that its ServiceAccount token is mounted and has not expired",
    later="; tried again at the next evaluation",
)
PERSON = Caller(
    manager="kubectl-deadband",
    name="your user",
    place="this machine",
    credentials="check the kubeconfig and its context, or log in again",
    later="",
)


class OverloadedError(UnreachableError):
    """The API server sheds load (429).

    Attributes:
        wait_seconds: What its Retry-After asks for; 0 without one. kube_pressure.py keeps to it.
    """

    def __init__(self, call: Call, wait_seconds: int, caller: Caller) -> None:
        """Name the call; the text is the same while a kind of call waits, so that no status changes by it."""
        wait = f", asks to wait {wait_seconds} s" if wait_seconds else ""
        super().__init__(Reason.ERROR, f"{call}: the API server is overloaded (429{wait}){caller.later}")
        self.wait_seconds = wait_seconds


def from_status(
    call: Call, status: int, body: bytes, retry_after: str | None = None, *, caller: Caller = OPERATOR
) -> WriteError:
    """Name a refusal of the API server.

    Args:
        call: What was asked.
        status: HTTP status, 300 or above.
        body: The answer. Of it only the causes of a failed validation are repeated, which quote what we wrote; any
            other text may quote what a tenant wrote.
        retry_after: The Retry-After header in seconds, if there is one.
        caller: Who called.

    Returns:
        ConflictError, GoneError, DeniedError or UnreachableError. Every other 4xx is a DeniedError
        with reason Error: repeating the same request cannot succeed.
    """
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return UnreachableError(Reason.ERROR, f"{call}: the API server failed (HTTP {status}){caller.later}")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return OverloadedError(call, int(retry_after) if retry_after and retry_after.isdecimal() else 0, caller)
    kind, reason, advice = _REFUSALS.get(
        status,
        (
            DeniedError,
            Reason.ERROR,
            f"refused (HTTP {status}); look for an admission policy, webhook or validation rule that forbids it",
        ),
    )
    if status == HTTPStatus.FORBIDDEN:
        advice = _forbidden(call, body, caller)
    if status == HTTPStatus.UNPROCESSABLE_ENTITY and (causes := _causes(body)):
        advice = f"invalid (HTTP 422): {causes}"
    if status == HTTPStatus.UNAUTHORIZED:
        advice = f"the credentials of {caller.place} are not accepted (401); {caller.credentials}"
    return kind(reason, f"{call}: {advice}")


def _causes(body: bytes) -> str:
    """What the API server's own validation says is wrong, field by field; empty where it does not say.

    An admission webhook may answer 422 as well, in a Status whose reason is not Invalid, and its words stay out.
    """
    try:
        answer = json.loads(body)
        if answer["reason"] != "Invalid":
            return ""
        told = "; ".join(f"{cause['field']}: {cause['message']}" for cause in answer["details"]["causes"])
    except (ValueError, KeyError, TypeError):
        return ""
    told = " ".join(told.split())
    return told if len(told) <= _LONGEST_CAUSES else f"{told[:_LONGEST_CAUSES]}…"


def from_failure(call: Call, failure: Exception, *, caller: Caller = OPERATOR) -> UnreachableError:
    """Name a failure to get an answer at all: connection, TLS, timeout, unreadable credentials, no JSON.

    Whether a write that timed out took effect is not known; the message says so.
    """
    if isinstance(failure, TimeoutError):
        doubt = "" if call.verb in {"get", "list"} else "; whether the write took effect is not known"
        return UnreachableError(Reason.TIMEOUT, f"{call}: the API server did not answer in time{doubt}")
    if isinstance(failure, aiohttp.ClientSSLError):
        advice = f"check the certificate authority that {caller.place} trusts"
    elif isinstance(failure, ConfigException):
        advice = f"the credentials of {caller.place} could not be read; {caller.credentials}"
    elif isinstance(failure, aiohttp.ClientError | OSError):
        advice = f"check the network between {caller.place} and the API server"
    else:
        advice = f"the answer was not JSON; check for a proxy between {caller.place} and the API server"
    return UnreachableError(
        Reason.ERROR, f"{call}: the API server could not be reached ({type(failure).__name__}); {advice}"
    )


def _forbidden(call: Call, body: bytes, caller: Caller) -> str:
    """Tell a missing RBAC rule from a refusal by admission: the authorizer's message says `cannot VERB resource`."""
    if _TERMINATING in body:
        return f"refused (403), because namespace {call.namespace} is being deleted"
    try:
        message = str(json.loads(body).get("message", ""))
    except (ValueError, AttributeError):
        message = ""
    if f'cannot {call.verb} resource "{call.resource}"' not in message:
        return "refused (403) by an admission policy, a webhook or a quota; ask who administers the cluster"
    scope = f"in namespace {call.namespace}" if call.namespace else "cluster-wide"
    return (
        f"access denied (403); {caller.name} lacks the RBAC rule: verb {call.verb} on "
        f'resource {call.resource} in API group "{call.group}" {scope}'
    )


_LONGEST_CAUSES = 300
"""Characters: a status message is read in a line or two."""

_TERMINATING = b'"NamespaceTerminating"'
"""The cause that a Status has for whatever is created in a namespace that goes (core/v1 NamespaceTerminatingCause)."""

_REFUSALS: Mapping[int, tuple[type[WriteError], Reason, str]] = {
    HTTPStatus.UNAUTHORIZED: (
        DeniedError,
        Reason.ACCESS_DENIED,
        "",
    ),
    HTTPStatus.FORBIDDEN: (DeniedError, Reason.ACCESS_DENIED, ""),
    HTTPStatus.NOT_FOUND: (GoneError, Reason.TARGET_NOT_FOUND, "not found (404)"),
    HTTPStatus.CONFLICT: (
        ConflictError,
        Reason.ERROR,
        "the object changed since it was read (409); it is read and decided again",
    ),
    HTTPStatus.GONE: (ExpiredError, Reason.ERROR, "the list took too long and expired (410)"),
}
