module deadband/testbed/tools/kwok

go 1.26
