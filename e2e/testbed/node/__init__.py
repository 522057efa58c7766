"""A real node: kubelet, containerd and cgroups of their own, in namespaces that die with one process.

Outside are `machine.py`, which starts the private machine, and `relay.py`, through which pytest runs a file's tests in
it. Inside are `inside.py`, the machine's first process, and all the rest: `kubelet.py` for the node, `world.py` for a
cluster with a Prometheus and the operator's own pods on it, `truth.py` for what the kernel counted.
"""
