"""Word error rates: jiwer's, over whole tracks; pure."""

from collections.abc import Sequence

import jiwer

from scripts.benchmark.captions import plain_words


def word_error_rate(references: Sequence[str], hypotheses: Sequence[str]) -> float:
    """Substituted, left out and added words over the words of the references, as a ratio.

    One reference and one hypothesis for each track: its whole text, so that no attribution of
    segments to utterances touches the rate, and words that nobody said count as added.
    Both are compared in lower case and without punctuation. ValueError without a spoken word.
    """
    spoken = [" ".join(plain_words(text)) for text in references]
    if not any(spoken):
        raise ValueError("nothing was said: there is no word error rate")
    heard = [" ".join(plain_words(text)) for text in hypotheses]
    return float(jiwer.process_words(spoken, heard).wer)
