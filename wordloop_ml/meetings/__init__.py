"""Async: one actor per live meeting, and the roster that owns every actor's task."""
