"""A made-up cluster as back-filled series, for tests that need to know every number beforehand.

backfill   samples into a Prometheus that never scraped them
exporters  pods, queues and databases in the shape of their exporters
world      the cluster that test_queries reads
"""
