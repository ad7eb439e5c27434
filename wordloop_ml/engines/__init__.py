"""Blocking: the native engines behind ports.py, and the scripted one for tests and drills."""
