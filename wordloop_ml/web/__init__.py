"""Async: the only aiohttp server room."""
