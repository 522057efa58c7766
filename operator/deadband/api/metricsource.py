"""MetricSource: a Prometheus that policies may ask; cluster-scoped, written by administrators only."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from deadband.api.conditions import Condition
from deadband.api.types import TYPED_ENTRIES, ApiModel, Decimal, Instant, StatusModel

INTERVALS_IN_A_RATE = 4
"""Scrape intervals in a rate window: two samples remain when one scrape is lost and one is late."""
UNKNOWN_RATE_WINDOW = 120
"""Seconds; four intervals of 30 s, the slower of the two common ones."""


class RawQueries(StrEnum):
    """Whether policies may bring their own PromQL to this source."""

    ALLOWED = "Allowed"
    NAMESPACE_ENFORCED = "NamespaceEnforced"
    DENIED = "Denied"


class AuthType(StrEnum):
    """How the operator shows who it is."""

    BEARER = "Bearer"
    BASIC = "Basic"


SecretName = Annotated[str, Field(min_length=1, max_length=253)]


class Auth(ApiModel):
    """Credentials from a Secret in the operator's own namespace."""

    type: AuthType
    """Bearer reads the key `token`; Basic reads `username` and `password`."""
    secret_name: SecretName
    """The Secret."""


class Tls(ApiModel):
    """Trust and identity on the wire; files come from a Secret in the operator's own namespace."""

    ca_secret_name: SecretName | None = None
    """Secret whose key `ca.crt` is trusted instead of the public roots."""
    client_secret_name: SecretName | None = None
    """Secret of type kubernetes.io/tls with the client certificate: keys `tls.crt` and `tls.key`."""
    server_name: Annotated[str, Field(min_length=1, max_length=253)] | None = None
    """Name expected in the server's certificate, if not the URL's host."""


class Header(ApiModel):
    """One HTTP header sent with every query, such as X-Scope-OrgID."""

    name: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9-]+$")]
    """Name of the header."""
    value: Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^[ -~]+$")]
    """Its value, printable ASCII. Not for secrets: everyone who can read the MetricSource can read it."""


OWN_PARAMETERS = ("query", "time", "start", "end", "step", "timeout", "limit", "lookback_delta", "max_lookback")
"""What deadband says itself in each request."""


class QueryParameter(ApiModel):
    """One parameter in the URL of every request, such as `dedup` of Thanos or a proxy's `namespace`."""

    name: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9_.\[\]-]+$")]
    """Name of the parameter; several entries may have one name. Not one of those that deadband sends itself."""
    value: Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^[ -~]+$")]
    """Its value, printable ASCII, unencoded: deadband encodes it. Not for secrets: everyone who can read the
    MetricSource can read it, and servers log URLs."""


class RecipeNames(ApiModel):
    """Another metric name, or other label names, for one series that a recipe reads."""

    series: Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*$")]
    """The series name as the recipe writes it."""
    metric: Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*$")] | None = None
    """The name to ask for instead."""
    labels: Annotated[dict[str, Annotated[str, Field(min_length=1, max_length=253)]] | None, Field(max_length=16)] = (
        None
    )
    """Recipe's label name to the label name to use instead."""


class LabelSelector(ApiModel):
    """Namespaces by their labels; all entries must match."""

    match_labels: Annotated[dict[str, Annotated[str, Field(max_length=63)]], Field(min_length=1, max_length=16)]
    """Label name to the value it must have."""


class MetricSourceSpec(ApiModel):
    """Where a Prometheus is and how it may be used."""

    url: Annotated[str, Field(min_length=8, max_length=2048, pattern=r"^https?://[^\s?#@]+$")]
    """Base URL, without query (that is `queryParameters`), fragment or credentials; `/api/v1/query` is appended."""
    auth: Auth | None = None
    """Credentials; absent: none. Read again every minute."""
    tls: Tls | None = None
    """TLS settings of an https URL; absent: the public roots. Read again every minute."""
    headers: list[Header] = Field([], max_length=16)
    """Headers sent with every query."""
    query_parameters: list[QueryParameter] = Field([], max_length=16)
    """Parameters sent in the URL of every request, such as `dedup` and `partial_response` of Thanos, or the `namespace`
    that a proxy of tenants wants."""
    timeout_seconds: Annotated[int, Field(ge=1, le=300)] = 10
    """How long one query may take."""
    max_concurrent_queries: Annotated[int, Field(ge=1, le=64)] = 4
    """How many queries may be under way at once."""
    stale_after_seconds: Annotated[int, Field(ge=1, le=3600)] | None = None
    """Seconds after which a sample no longer counts; sent as lookback_delta, and as max_lookback for VictoriaMetrics.
    If omitted, the source's own lookback applies. Below 2.5 scrape intervals, targets drop out between two scrapes."""
    rate_window_seconds: Annotated[int, Field(ge=4, le=3600)] | None = None
    """Seconds over which recipes measure a rate; at least four scrape intervals. If omitted, four of the scrape
    intervals that the source is seen to have (status.scrapeIntervalSeconds), and 120 until that is known."""
    default: bool = False
    """Policies that name no source use this one."""
    raw_queries: RawQueries = RawQueries.ALLOWED
    """Whether policies may bring their own PromQL; NamespaceEnforced puts `namespace="…"` of the policy on every
    selector of it and refuses what cannot be so bound."""
    allowed_namespaces: LabelSelector | None = None
    """Namespaces whose policies may use this source; absent: all. Needs the chart's `rbac.namespaceSelectors`."""
    recipes: list[RecipeNames] = Field([], max_length=64)
    """Other names for the series that recipes read."""

    @property
    def rate_window(self) -> int:
        """Seconds that recipes' rates look back; 120, four intervals of 30 s, where neither is known."""
        return self.rate_window_seconds or UNKNOWN_RATE_WINDOW

    def following(self, scrape_interval: int | None) -> "MetricSourceSpec":
        """The spec with a rate window that follows the scrape interval, unless one is set or none is known.

        Args:
            scrape_interval: Seconds, from the source's status.
        """
        if self.rate_window_seconds is not None or scrape_interval is None:
            return self
        window = min(max(INTERVALS_IN_A_RATE * scrape_interval, 4), 3600)
        return self.model_copy(update={"rate_window_seconds": window})


class MetricSourceStatus(StatusModel):
    """What the operator saw of a source; written on a change of meaning, figures at most every 5 minutes."""

    observed_generation: int | None = None
    """metadata.generation that this status is about."""
    reachable: bool | None = None
    """Whether the last query was answered; absent: none was asked yet."""
    version: str | None = None
    """What /api/v1/status/buildinfo tells."""
    latency_seconds: Decimal | None = None
    """Median of the last queries."""
    queries_per_second: Decimal | None = None
    """Over the last five minutes."""
    scrape_interval_seconds: int | None = None
    """Scrape interval of the targets that report container usage, or of most targets where none does; absent: not
    known yet. Rates of recipes look back four of these unless spec.rateWindowSeconds is set."""
    last_error: str | None = None
    """Class of the last error and the HTTP status, never a body."""
    last_error_time: Instant | None = None
    """When it happened."""
    conditions: list[Condition] = Field([], json_schema_extra=TYPED_ENTRIES)
    """Ready, Reconciling and Stalled, as kstatus reads them; WindowsAdequate."""


class MetricSource(ApiModel):
    """The manifest of a source, as far as validation needs it."""

    api_version: Literal["deadband.dev/v1alpha1"]
    kind: Literal["MetricSource"]
    spec: MetricSourceSpec
