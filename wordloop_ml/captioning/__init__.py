"""Pure: a track's samples and the hypotheses about them to captions."""
