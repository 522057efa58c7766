"""The kinds of deadband.dev/v1alpha1 as pydantic models: shapes, defaults, vocabulary. Imports pydantic only."""

GROUP = "deadband.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
