"""Pure: sound and hypotheses in, captions out. No clock, no thread, no I/O."""
