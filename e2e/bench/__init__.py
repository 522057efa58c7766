"""What the operator costs under many policies, beside one query for each metric: `make bench`, `make profile`.

fleet      Deployments and policies that are measured, and what their metrics do
exporters  their pods, as cAdvisor and kube-state-metrics show them
plant      the API server, Prometheus and the operator, with the fleet in them
course     the phases of one measurement
meter      CPU, memory, counters, and writes in the audit log
naive      the design to compare with
results    figures as data; page and plot show them
profile    which functions take the time
"""
