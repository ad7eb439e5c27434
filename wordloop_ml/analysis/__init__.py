"""Async: work on texts, beside live meetings and never in their way."""
