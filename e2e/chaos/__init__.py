"""The fault suite: faults put between deadband and what it depends on, and the oracles that judge what it did.

`proxy.py` stands before the API server and before Prometheus; `stage.py` is one run of the play; `lanes.py` and
`storms.py` are the tables of faults; `oracles.py` judges, `report.py` writes down. `make chaos` runs all of it.
"""
