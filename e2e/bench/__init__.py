"""What the operator costs under many policies, beside one query for each metric: `make bench`, `make profile`.

fleet      Deployments and policies that are measured, and what their metrics do
exporters  their pods, as cAdvisor and kube-state-metrics show them
plant      the API server, Prometheus and the operator, with the fleet in them
course     the phases of one measurement
meter      CPU, memory, counters, and writes in the audit log
waits      when a measurement may begin
naive      the design to compare with
results    figures as data; page and plot show them
profile    which functions take the time

The working tree beside another revision: `make bench-against REV=...`.

revision   the code of both
against    windows of both in turn
ratios     figures as data and as a table
"""
