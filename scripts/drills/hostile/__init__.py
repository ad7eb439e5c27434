"""Attacks made from a grammar of mistakes, and what the service must say to each."""
