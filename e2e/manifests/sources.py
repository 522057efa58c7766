"""Metric sources that must be refused, and those that must be accepted."""

from e2e.manifests.documents import ABSENT, Bad, Good, source

BAD_SOURCES = [
    Bad("TLS settings without TLS", source(tls={"caSecretName": "ca"}), "spec.tls", "belongs to an https URL"),
    Bad(
        "credentials from no Secret",
        source(auth={"type": "Bearer"}),
        "spec.auth.secretName",
        "is required",
        "Required value",
    ),
    Bad(
        "a choice of namespaces by nothing",
        source(allowedNamespaces={"matchLabels": {}}),
        "spec.allowedNamespaces.matchLabels",
        "at least 1",
        "at least 1",
    ),
    Bad(
        "a series name with a space",
        source(recipes=[{"series": "a b", "metric": "b"}]),
        "spec.recipes[0].series",
        "must match",
        "should match",
    ),
    Bad("no URL", source(url=ABSENT), "spec.url", "is required", "Required value"),
    Bad("a URL without a scheme", source(url="prometheus:9090"), "spec.url", "must match", "should match"),
    Bad("a URL with credentials", source(url="http://me:secret@prom:9090"), "spec.url", "must match", "should match"),
    Bad("a URL with a query", source(url="http://prom:9090/?tenant=a"), "spec.url", "must match", "should match"),
    Bad("a URL whose bracket stays open", source(url="http://[::1"), "spec.url", "must be a URL with a host"),
    Bad("a URL without a host", source(url="http://:9090"), "spec.url", "must be a URL with a host"),
    Bad("a URL with a port that cannot be", source(url="http://prom:99999"), "spec.url", "must be a URL with a host"),
    Bad("no time for an answer", source(timeoutSeconds=0), "spec.timeoutSeconds", "must be at least 1", "equal to 1"),
    Bad(
        "a header with a line break",
        source(headers=[{"name": "X-Scope-OrgID", "value": "a\nb"}]),
        "spec.headers[0].value",
        "must match",
        "should match",
    ),
    Bad(
        "a parameter that deadband sends itself",
        source(queryParameters=[{"name": "dedup", "value": "true"}, {"name": "time", "value": "0"}]),
        "spec.queryParameters[1].name",
        "is a parameter that deadband sends itself: remove it",
    ),
    Bad(
        "a parameter with an ampersand in its name",
        source(queryParameters=[{"name": "a&b", "value": "1"}]),
        "spec.queryParameters[0].name",
        "must match",
        "should match",
    ),
    Bad(
        "more parameters than are possible",
        source(queryParameters=[{"name": f"p{number}", "value": "1"} for number in range(17)]),
        "spec.queryParameters",
        "must have at most 16 entries",
        "must have at most 16 items",
    ),
    Bad("a default in quotes", source(default="true"), "spec.default", "must be true or false", "of type boolean"),
    Bad("an unknown field", source(uri="http://prom"), "spec.uri", "is not a field", 'unknown field "spec.uri"', ""),
]

GOOD_SOURCES = [
    Good("only a URL", source()),
    Good("a URL with an IPv6 address", source(url="http://[::1]:9090/prometheus/")),
    Good("a URL with a path", source(url="https://mimir.example.com/prometheus")),
    Good("queries bound to the policy's namespace", source(rawQueries="NamespaceEnforced")),
    Good("a bearer token over plain HTTP", source(auth={"type": "Bearer", "secretName": "prometheus-token"})),
    Good(
        "everything that is supported",
        source(
            url="https://prometheus.example.com",
            auth={"type": "Basic", "secretName": "prometheus-login"},
            tls={"caSecretName": "prometheus-ca", "clientSecretName": "deadband-client", "serverName": "prometheus"},
            headers=[{"name": "X-Scope-OrgID", "value": "tenant a"}],
            queryParameters=[
                {"name": "storeMatch[]", "value": '{a="b"}'},
                {"name": "storeMatch[]", "value": "{c='d'}"},
            ],
            timeoutSeconds=5,
            maxConcurrentQueries=8,
            staleAfterSeconds=120,
            rateWindowSeconds=240,
            default=True,
            rawQueries="Denied",
            allowedNamespaces={"matchLabels": {"team": "a"}},
            recipes=[{"series": "kube_pod_owner", "metric": "ksm_pod_owner", "labels": {"owner_kind": "kind"}}],
        ),
    ),
]
