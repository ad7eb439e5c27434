"""Async: the aiohttp server: routes, access, limits, and the life of the process."""
