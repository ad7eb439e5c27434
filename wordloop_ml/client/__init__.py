"""Async: the reference client, around ``replay``; what core does, in one readable package."""
