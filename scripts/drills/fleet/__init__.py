"""Drills of a fleet: several real processes behind a balancer, many meetings, faults, a checker."""
