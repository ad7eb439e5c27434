"""A transcript in chunks whose borders follow from its content, not from its length.

Like content-defined chunking of files (Muthitacharoen, Chen and Mazieres, A low-bandwidth network file
system, SOSP 2001), with words for bytes: a chunk ends at that border between two segments, of all
that would make it long enough and not too long, whose hash is lowest. A segment that is added,
corrected or taken away moves the borders around it; further on, the same borders are the lowest
again, and the chunks are those of before.
"""

from collections.abc import Iterator, Sequence
from hashlib import blake2b

from wordloop_ml.synthesis.messages import Segment
from wordloop_ml.synthesis.synthesiser import Chunk, ChunkWords
from wordloop_ml.synthesis.words import count_words

_DIGEST_BYTES = 16


def fewest_words(size: ChunkWords) -> int:
    """Return the least words of any chunk but the last, so that chunks hold ``wanted`` on average."""
    return max(1, 2 * size.wanted - size.most)


def chunks_of(segments: Sequence[Segment], size: ChunkWords) -> Iterator[Chunk]:
    """Divide segments into chunks, in order, without gaps. Each is found in bounded time.

    All but the last hold from ``fewest_words(size)`` to ``size.most`` words, as far as the
    segments' own lengths allow: no segment is divided. Appending to the segments changes the last
    chunk only.
    """
    start = 0
    while start < len(segments):
        end = _end_of(segments, start, size)
        yield Chunk(tuple(segments[start:end]), _digest(segments[start:end]))
        start = end


def _end_of(segments: Sequence[Segment], start: int, size: ChunkWords) -> int:
    """Return the index one past the last segment of the chunk that begins at ``start``."""
    fewest = fewest_words(size)
    words = 0
    end = start
    borders: list[int] = []
    while end < len(segments):
        words += count_words(segments[end].text)
        if words > size.most:
            break
        end += 1
        if words >= fewest:
            borders.append(end)
    else:
        return end
    # a segment that is longer than all chunks leaves none, and so can one behind a short run
    return min(borders, key=lambda at: _border(segments, at), default=max(end, start + 1))


def _border(segments: Sequence[Segment], at: int) -> bytes:
    """Hash the two segments that meet here."""
    return blake2b(
        _content(segments[at - 1]) + b"|" + _content(segments[at]), digest_size=8
    ).digest()


def _digest(segments: Sequence[Segment]) -> str:
    digest = blake2b(digest_size=_DIGEST_BYTES)
    for segment in segments:
        digest.update(_content(segment) + b"\n")
    return digest.hexdigest()


def _content(segment: Segment) -> bytes:
    # repr keeps the three apart, whatever they hold, and one line
    return repr((segment.track, segment.speaker, segment.text)).encode(errors="backslashreplace")
