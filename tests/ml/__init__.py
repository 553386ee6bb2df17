"""Trained models of the extra `ml`, tiny and random. `make test-ml` has an environment for them."""

REASON = "torch is not installed: `make test-ml` tests trained models"
