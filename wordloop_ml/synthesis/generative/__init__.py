"""Pure: a language model writes of each part of a meeting, and the summary is chosen of what holds."""
