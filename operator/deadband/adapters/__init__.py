"""The only rooms with I/O: each module carries one port to the world and gives its errors the port's names.

kube_connect  a client from the pod's ServiceAccount or from a kubeconfig
kube          one way to call the API server, with a timeout on every call
kube_errors   the one place where its failures get the names of the ports
targets       workloads: read, scale
policies      policies and sources: read, list, write status
events        Kubernetes Events, aggregated and rate limited
lease         the leader Lease
prometheus…   the Prometheus servers
telemetry     the own metrics
"""
