"""`deadband test`: the live decision code on a written time line, without a cluster and without Prometheus.

`deadband simulate` is the same on a recorded one: see deadband.scenario.recorded.

document  YAML text into documents that know their lines
places    a place in such a document: typed access that collects every fault
series    the notations of a series
model     what a scenario says
parse     documents into scenarios, strictly
files     paths into scenarios
cluster   the target as the scenario describes it
enact     one evaluation on it
play      the time line, tick by tick
compare   expected against got
report    plain words, JSON lines, JUnit XML
"""
