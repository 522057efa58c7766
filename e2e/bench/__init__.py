"""What a tick costs the operator: `python -m e2e.bench`, or `make bench`.

CPU seconds of this process, several rounds, and the ratios between them: absolute figures belong to one machine,
ratios travel better. The answers are made here, in the shape Prometheus sends them; its own cost is not in these
figures.
"""
