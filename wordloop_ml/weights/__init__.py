"""Weights: a manifest that names every file, pulled, verified and mapped read-only. Blocking."""
