"""The decision: readings, triggers, timers, steps, guard, limits, next status. No I/O, no clock, no randomness.

Read `decide` first; `status` tells what outlives an evaluation.
"""
