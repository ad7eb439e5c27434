"""Names and terms that a track hints at, as the prompt of its decodes; pure.

Whisper reads the prompt as the text before the audio, and so as a hint at how words are spelt
(openai/whisper, transcribe.py, ``initial_prompt``). Where it hears nothing, it may read it aloud.
"""

from collections.abc import Sequence

from wordloop_ml.captioning.local_agreement import normalised
from wordloop_ml.messages import Word

_OPENING = "Glossary:"


class Glossary:
    """The vocabulary of one track.

    prompt: what every decode is given; empty without terms.
    """

    def __init__(self, vocabulary: Sequence[str] = ()) -> None:
        blanked = (" ".join(term.split()) for term in vocabulary)
        terms = list(dict.fromkeys(term for term in blanked if term))
        self.prompt = f"{_OPENING} {', '.join(terms)}." if terms else ""
        # every word of the prompt, and which term it is of; the opening is the first
        listed = [_OPENING, *terms] if terms else []
        self._words = [
            (normalised(word), at) for at, one in enumerate(listed) for word in one.split()
        ]

    def is_echoed(self, words: Sequence[Word], most_terms: int) -> bool:
        """Whether a text is nothing but a part of the prompt, perhaps several times over.

        It may name up to so many terms in a row, as people do; the opening nobody says.
        """
        if not self._words:
            return False
        said = [normalised(word.text) for word in words]
        count = len(self._words)
        for first in range(count):
            run = [self._words[(first + offset) % count] for offset in range(len(said))]
            if said == [word for word, _ in run]:
                terms = {term for _, term in run}
                return 0 in terms or len(terms) > most_terms
        return False
