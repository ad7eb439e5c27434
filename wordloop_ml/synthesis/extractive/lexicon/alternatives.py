"""Puts phrases together; pure."""

import re


def any_of(*alternatives: str) -> re.Pattern[str]:
    """Compile a pattern that finds any of some, whatever their case."""
    return re.compile("|".join(alternatives), re.IGNORECASE)
