"""Every contradiction that a shape cannot express, once: as CEL for the API server and as Python for the operator."""

from typing import Any
from urllib.parse import urlsplit

from deadband.api.direction_rules import DIRECTION_RULES
from deadband.api.metricsource import OWN_PARAMETERS, MetricSourceSpec, QueryParameter
from deadband.api.policy_rules import POLICY_RULES
from deadband.api.rule import Rule, when
from deadband.api.target_rules import TARGET_RULES


def _names_a_host(url: str) -> bool:
    """Whether it parses as a URL with a host, and with a port that can be: the clients raise on what does not."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (parts.port is None or parts.port >= 0)
    except ValueError:
        return False


SOURCE_RULES: tuple[Rule[Any], ...] = (
    Rule(
        MetricSourceSpec,
        "url",
        "must be a URL with a host, such as http://prometheus.monitoring:9090",
        "isURL(self.url) && url(self.url).getHostname() != '' && "
        "(url(self.url).getPort() == '' || int(url(self.url).getPort()) < 65536)",
        lambda spec: when(not _names_a_host(spec.url), "url", spec.url),
    ),
    Rule(
        MetricSourceSpec,
        "tls",
        "belongs to an https URL: remove it, or correct the URL",
        "!has(self.tls) || self.url.startsWith('https://')",
        lambda spec: when(spec.tls is not None and not spec.url.startswith("https://"), "tls"),
    ),
    Rule(
        QueryParameter,
        "name",
        "is a parameter that deadband sends itself: remove it",
        f"!(self.name in {list(OWN_PARAMETERS)})",
        lambda parameter: when(parameter.name in OWN_PARAMETERS, "name", parameter.name),
    ),
)

RULES: tuple[Rule[Any], ...] = (*POLICY_RULES, *TARGET_RULES, *DIRECTION_RULES, *SOURCE_RULES)
"""All of them; within one model in the order in which faults are told."""
