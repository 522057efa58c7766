"""The live loop: a store that watches fill, a schedule, one evaluation (gather, decide, act), and the writers."""
