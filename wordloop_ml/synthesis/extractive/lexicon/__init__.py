"""Pure: the English words and phrases that the rules know. What they weigh is in ``policy.py``."""
