"""Blocking: audio of files and streams to 16 kHz mono."""
