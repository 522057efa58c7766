"""`deadband simulate`: the live decision code over recorded history, on the target as it would have been.

wanted     what has to be asked for one policy
recording  what was answered, instant by instant, as readings
projection readings as they would have been with other replicas (R9)
replay     the decisions, instant by instant
run        what happened in them, plain values
measures   what that comes to: replica-hours, reversals, minutes beyond thresholds
report     tables, JSON, CSV
curves     lines of a chart, thinned to what can be seen
axis       the times along its foot
chart      a chart: curves, labels, legend
marks      scalings on a curve, each with its reason
plots      the charts of a run, and of several side by side
chronicle  every scaling in words
page       all of it as one HTML page
style      how that page looks
"""
