"""Stores the audio that a track still needs, as int16, by absolute index; pure."""

from bisect import bisect_right

import numpy as np

from wordloop_ml.messages import Pcm16, Samples

_FIRST_CAPACITY = 1 << 15
"""Samples of the first allocation, about two seconds: a silent track needs no more."""

_SCALE = 32_768.0


class AudioBuffer:
    """Stores samples within a bound, and finds them by their absolute index.

    It grows as it fills, up to ``limit`` samples, and overwrites only what was released.
    Positions may be skipped, without audio and without memory, where the sender has none.
    """

    def __init__(self, first_sample: int, limit: int) -> None:
        self._limit = limit
        self._memory: Pcm16 = np.zeros(min(limit, _FIRST_CAPACITY), dtype=np.int16)
        self._start = first_sample
        self._end = first_sample
        self._stored_from = 0  # samples are stored at their running count, modulo the capacity
        self._stored_to = 0
        self._pieces: list[tuple[int, int]] = [(first_sample, 0)]  # (absolute index, count)

    @property
    def start(self) -> int:
        """Absolute index of the first sample that is still needed."""
        return self._start

    @property
    def end(self) -> int:
        """Absolute index one past the newest sample."""
        return self._end

    @property
    def held(self) -> int:
        """How many samples are stored and not released."""
        return self._stored_to - self._stored_from

    @property
    def room(self) -> int:
        """How many samples may be appended now."""
        return self._limit - self.held

    @property
    def memory_bytes(self) -> int:
        """Bytes allocated for audio."""
        return self._memory.nbytes

    def append(self, samples: Samples) -> None:
        """Store samples: float32, shape (n,), clipped to [-1, 1]. Raises ``ValueError`` beyond ``room``."""
        count = len(samples)
        if count > self.room:
            raise ValueError(f"{count} samples exceed the buffer's room of {self.room}")
        if self.held + count > len(self._memory):
            self._grow(self.held + count)
        scaled = np.rint(samples * _SCALE)
        np.clip(scaled, -_SCALE, _SCALE - 1, out=scaled)
        self._write(self._stored_to, scaled.astype(np.int16))
        self._stored_to += count
        self._end += count

    def skip(self, count: int) -> None:
        """Move on by ``count`` positions that hold no audio."""
        self._end += count
        if self._pieces[-1][1] == self._stored_to:
            self._pieces.pop()
        self._pieces.append((self._end, self._stored_to))
        self.release_before(self._start)

    def copy(self, start: int, end: int) -> Samples:
        """Copy [start, end): float32, shape (end - start,). Raises ``ValueError`` when any of it is not held."""
        if not self._start <= start <= end <= self._end:
            raise ValueError(f"[{start}, {end}) is not within [{self._start}, {self._end})")
        stored = self._count_at(start)
        if self._count_at(end) - stored != end - start:
            raise ValueError(f"[{start}, {end}) spans a gap")
        return self._read(stored, end - start).astype(np.float32) / np.float32(_SCALE)

    def release_before(self, index: int) -> None:
        """Release the audio before this absolute index; ``start`` never moves back."""
        self._start = min(max(index, self._start), self._end)
        self._stored_from = self._count_at(self._start)
        piece = bisect_right(self._pieces, self._start, key=lambda piece: piece[0])
        if piece > 1:
            del self._pieces[: piece - 1]

    def _count_at(self, index: int) -> int:
        """Return the running count at which the sample of an absolute index is stored."""
        piece = bisect_right(self._pieces, index, key=lambda piece: piece[0])
        absolute, count = self._pieces[max(piece - 1, 0)]
        beyond = self._pieces[piece][1] if piece < len(self._pieces) else self._stored_to
        return min(count + max(index - absolute, 0), beyond)

    def _read(self, count: int, length: int) -> Pcm16:
        at = count % len(self._memory)
        tail = self._memory[at : at + length]
        if len(tail) == length:
            return tail
        return np.concatenate((tail, self._memory[: length - len(tail)]))

    def _write(self, count: int, samples: Pcm16) -> None:
        at = count % len(self._memory)
        fits = min(len(samples), len(self._memory) - at)
        self._memory[at : at + fits] = samples[:fits]
        self._memory[: len(samples) - fits] = samples[fits:]

    def _grow(self, needed: int) -> None:
        kept = self._read(self._stored_from, self.held).copy()
        capacity = len(self._memory)
        while capacity < needed:
            capacity = min(2 * capacity, self._limit)
        self._memory = np.zeros(capacity, dtype=np.int16)
        self._write(self._stored_from, kept)
