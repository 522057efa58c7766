"""The soak: thousands of policies with noisy metrics, and restarts of everything at random, for minutes or hours.

`fleet.py` and `loads.py` are what is scaled and by what, `ground.py` builds it, `restarts.py` breaks it, `course.py`
plays; `facts.py` is what is recorded, `oracles.py` and `growth.py` judge it, `report.py` writes it down.
"""
