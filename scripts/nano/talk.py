"""Speech that ships with the project: the sample meeting and the utterances of the benchmark.

Both are made of sentences that the model never saw, by voices that it knows.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
import numpy.typing as npt

from scripts.nano.grammar import normalised
from scripts.nano.noise import at_level
from scripts.nano.voices import SAMPLE_RATE, Spoken, Voice, speak

Pcm16 = npt.NDArray[np.int16]

ADA: Final = Voice("flite/slt", 1.0)
BEN: Final = Voice("flite/kal16", 1.0)
# Who speaks, how long after the one before has ended (ms; negative: over their last word), what.
# A demonstration, of lines that no lesson had and that the model understands; what it misses is in its
# card.
MEETING: Final[tuple[tuple[str, int, str], ...]] = (
    ("ada", 600, "Good morning, everyone, let's get started."),
    ("ben", 500, "Good morning, Ada. How was your weekend?"),
    ("ada", 450, "It was great, thanks. We went hiking with my sister."),
    ("ada", 700, "Okay, the first item on the agenda is the Aurora launch."),
    ("ada", 500, "When will the launch be ready?"),
    ("ben", 600, "Aurora is three weeks behind schedule."),
    ("ada", 400, "Why is that?"),
    ("ben", 500, "The database is too slow."),
    ("ben", 650, "And we found a serious bug in the payment page."),
    ("ada", 500, "How long will it take to fix the bug?"),
    ("ben", 450, "I can fix the bug by Friday."),
    ("ada", 550, "What about the database?"),
    ("ben", 450, "We decided to replace the database."),
    ("ada", 500, "How much does that cost?"),
    ("ben", 600, "Around twenty thousand dollars."),
    ("ada", -250, "That is more than our budget."),
    ("ben", 550, "I will talk to Clara about the budget this afternoon."),
    ("ada", 600, "Then it is decided, we move the launch to April tenth."),
    ("ben", 450, "I agree. I will send the new schedule to the team tomorrow."),
    ("ada", 650, "Who will update the website?"),
    ("ben", 500, "Martin will update the website by next Tuesday."),
    ("ada", 600, "Great. Our next meeting is on Monday at ten thirty."),
    ("ada", 600, "Thanks, everyone. See you next week."),
    ("ben", 400, "Bye, Ada."),
)


def write_flac(path: Path, samples: Pcm16) -> None:
    """Write 16 kHz mono FLAC."""
    with av.open(str(path), "w", format="flac") as file:
        stream = file.add_stream("flac", rate=SAMPLE_RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            file.mux(packet)


def _milliseconds(samples: int) -> int:
    return round(samples * 1000 / SAMPLE_RATE)


def _words(spoken: Spoken, at: int) -> list[dict[str, Any]]:
    return [
        {
            "text": word.text,
            "start_ms": _milliseconds(at + word.start),
            "end_ms": _milliseconds(at + word.end),
        }
        for word in spoken.words
    ]


def _level(samples: Pcm16, decibels: float) -> Pcm16:
    sound = at_level((samples / 32768).astype(np.float32), decibels)
    return (np.clip(sound, -1, 1) * 32767).astype(np.int16)


def write_meeting(folder: Path) -> None:
    """Write the sample meeting: ada.flac, ben.flac (equal length), script.json."""
    folder.mkdir(parents=True, exist_ok=True)
    voices = {"ada": ADA, "ben": BEN}
    placed: list[tuple[str, int, Spoken]] = []
    at = 0
    for speaker, gap_ms, text in MEETING:
        spoken = speak(text, voices[speaker])
        at += gap_ms * SAMPLE_RATE // 1000
        placed.append((speaker, at, spoken))
        at += len(spoken.samples)
    total = at + SAMPLE_RATE
    tracks = {name: np.zeros(total, np.int16) for name in voices}
    utterances: list[dict[str, Any]] = []
    for speaker, start, spoken in placed:
        end = start + len(spoken.samples)
        tracks[speaker][start:end] = _level(spoken.samples, -22)
        utterances.append(
            {
                "track": speaker,
                "speaker": speaker.capitalize(),
                "start_ms": _milliseconds(start),
                "end_ms": _milliseconds(end),
                "text": spoken.text,
                "words": _words(spoken, start),
            }
        )
    for name, samples in tracks.items():
        write_flac(folder / f"{name}.flac", samples)
    speakers = [name.capitalize() for name in voices]
    script = {"speakers": speakers, "utterances": utterances}
    (folder / "script.json").write_text(json.dumps(script, indent=1) + "\n")


def edges(samples: Pcm16, window: int = SAMPLE_RATE // 100) -> tuple[int, int]:
    """Where speech begins and ends, from its energy: first and last 10 ms within 35 dB of the peak."""
    frames = samples[: len(samples) // window * window].reshape(-1, window).astype(np.float64)
    power = np.square(frames).mean(axis=1)
    loud = np.flatnonzero(power > power.max() * 10**-3.5)
    return int(loud[0]) * window, (int(loud[-1]) + 1) * window


def write_bench(folder: Path, shards: Sequence[Sequence[Spoken]], each: int) -> None:
    """Write `each` sentences of every voice: one speech.flac and index.json.

    Sentences stand half a second apart in the file; the index gives, in samples of the file, each
    one's extent, the onset and end of its speech, and its words.
    """
    folder.mkdir(parents=True, exist_ok=True)
    gap = np.zeros(SAMPLE_RATE // 2, np.int16)
    pieces: list[Pcm16] = [gap]
    rows: list[dict[str, Any]] = []
    at = len(gap)
    for spoken in shards:
        long_enough = [one for one in spoken if 4 <= len(normalised(one.text).split()) <= 14]
        for one in long_enough[:each]:
            samples = _level(one.samples, -22)
            first, last = edges(samples)
            words = [{"text": w.text, "start": at + w.start, "end": at + w.end} for w in one.words]
            rows.append(
                {
                    "voice": one.voice,
                    "text": one.text,
                    "first": at,
                    "last": at + len(samples),
                    "onset": at + first,
                    "end": at + last,
                    "words": words,
                }
            )
            pieces += [samples, gap]
            at += len(samples) + len(gap)
    write_flac(folder / "speech.flac", np.concatenate(pieces))
    index = {"file": "speech.flac", "sample_rate": SAMPLE_RATE, "utterances": rows}
    (folder / "index.json").write_text(json.dumps(index, separators=(",", ":")) + "\n")
