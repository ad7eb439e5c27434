"""Pure: what a client keeps, sends and refuses, so that nothing is lost and nothing doubled."""
