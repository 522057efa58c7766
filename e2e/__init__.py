"""End-to-end tests of deadband and the test bed that they run on."""
