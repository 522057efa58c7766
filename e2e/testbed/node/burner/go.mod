module deadband/testbed/burner

go 1.26
