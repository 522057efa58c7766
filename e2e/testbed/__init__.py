"""The test bed: a real control plane, Prometheus and load, all on this machine."""
