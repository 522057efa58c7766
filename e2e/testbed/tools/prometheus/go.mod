module deadband/testbed/tools/prometheus

go 1.26
