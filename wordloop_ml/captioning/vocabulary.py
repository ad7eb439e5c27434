"""Names and terms that a track hints at, as the prompt of its decodes; pure.

Whisper reads the prompt as the text before the audio, and so as a hint at how words are spelt
(openai/whisper, transcribe.py, ``initial_prompt``).
"""

from collections.abc import Sequence

_OPENING = "Glossary:"


def glossary(vocabulary: Sequence[str]) -> str:
    """The prompt for a vocabulary; empty for none."""
    terms = [" ".join(term.split()) for term in vocabulary]
    listed = ", ".join(dict.fromkeys(filter(None, terms)))
    return f"{_OPENING} {listed}." if listed else ""
