"""``scripts/drill``: what the service must survive, done to a real process and counted."""
