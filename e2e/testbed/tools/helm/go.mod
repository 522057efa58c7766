module deadband/testbed/tools/helm

go 1.26
