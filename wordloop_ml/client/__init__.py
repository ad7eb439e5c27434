"""Async: the reference client of the protocol, around ``replay``."""
