"""Which programs the test bed uses, at which version, and how each is built."""

from dataclasses import dataclass

KUBERNETES = "1.37.2"


@dataclass(frozen=True, slots=True)
class Tool:
    """One program.

    Attributes:
        name: File name of the binary.
        version: The program's own version, without a leading v; part of the cache key.
        family: Folder beside this file with the go.mod and go.sum that pin it.
        package: Go import path of the main package.
        tags: Go build tags.
        stamps: Go variables set at link time, or the program would report a development version.
        in_kubebuilder_assets: True when the folder named by KUBEBUILDER_ASSETS holds it.
    """

    name: str
    version: str
    family: str
    package: str
    tags: tuple[str, ...] = ()
    stamps: tuple[tuple[str, str], ...] = ()
    in_kubebuilder_assets: bool = False


_MAJOR, _MINOR, _ = KUBERNETES.split(".")
_KUBE_STAMPS = tuple(
    (f"{package}.{variable}", value)
    for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    for variable, value in (("gitVersion", f"v{KUBERNETES}"), ("gitMajor", _MAJOR), ("gitMinor", _MINOR))
)
# Without the tag every cloud's SDK is linked in and the build takes twice as long; static, file and http stay.
_PROMETHEUS_TAGS = ("netgo", "remove_all_sd")
_PROMETHEUS_STAMPS = (("github.com/prometheus/common/version.Version", "3.16.0"),)


def _kube(name: str, *, assets: bool = False) -> Tool:
    return Tool(
        name,
        KUBERNETES,
        "kube",
        f"k8s.io/kubernetes/cmd/{name}",
        stamps=_KUBE_STAMPS,
        in_kubebuilder_assets=assets,
    )


def _prometheus(name: str) -> Tool:
    return Tool(
        name,
        "3.16.0",
        "prometheus",
        f"github.com/prometheus/prometheus/cmd/{name}",
        tags=_PROMETHEUS_TAGS,
        stamps=_PROMETHEUS_STAMPS,
    )


TOOLS: dict[str, Tool] = {
    tool.name: tool
    for tool in (
        _kube("kube-apiserver", assets=True),  # first: it compiles most of what the others of its family share
        _kube("kube-controller-manager"),
        _kube("kube-scheduler"),
        _kube("kubectl", assets=True),
        _kube("kubelet"),  # the only one that needs Linux; the real node's
        Tool("etcd", "3.6.10", "etcd", "go.etcd.io/etcd/server/v3", in_kubebuilder_assets=True),
        Tool("kwok", "0.8.0", "kwok", "sigs.k8s.io/kwok/cmd/kwok"),
        _prometheus("prometheus"),
        _prometheus("promtool"),
        Tool(
            "alertmanager",
            "0.31.1",
            "alertmanager",
            "github.com/prometheus/alertmanager/cmd/alertmanager",
            stamps=(("github.com/prometheus/common/version.Version", "0.31.1"),),
        ),
        Tool(
            "helm",
            "4.3.1",
            "helm",
            "helm.sh/helm/v4/cmd/helm",
            stamps=(("helm.sh/helm/v4/internal/version.version", "v4.3.1"),),
        ),
        Tool(
            "victoria-metrics",
            "1.136.23",
            "victoriametrics",
            "github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-metrics",
            stamps=(("github.com/VictoriaMetrics/VictoriaMetrics/lib/buildinfo.Version", "v1.136.23"),),
        ),
    )
}
