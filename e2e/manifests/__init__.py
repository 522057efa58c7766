"""Manifests that must be refused, and why; manifests that must be accepted. One source for unit and e2e tests."""
