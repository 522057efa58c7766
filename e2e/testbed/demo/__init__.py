"""The demo: a real control plane, a real Prometheus, a known load, and deadband between them.

`python -m e2e.testbed.demo` plays the acts of `story.py` in about two minutes and ends with 0 only when every scaling
that they expect was seen on the API server. The parts: `stage` starts and stops everything, `watching` reads the API
server, `play` leads through the acts, `judge` compares what was expected with what was seen, `screen` and `plain` show
it while it happens, `closing` tells the outcome.
"""
