"""Synthetic speech with word times, from the C libraries of espeak-ng and flite.

Both come as Debian packages (libespeak-ng1, libflite1) and are called through ctypes: their command
lines do not tell when each word is spoken. Sources: espeak-ng `speak_lib.h` (word and phoneme
events), flite `cst_item.h`, `cst_ffeatures.h` (the Word and Segment relations).
"""

from __future__ import annotations

import ctypes
import random
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import soxr

from scripts.nano import sounds

SAMPLE_RATE: Final = 16_000
_TOKEN = re.compile(r"\S+")
_PAUSE_PHONEMES: Final = (b"_", b"_:", b"_!", b"_|", b"")

ACCENTS: Final = ("en-us", "en")
VARIANTS: Final = ("m3", "m7", "f2", "f5")
# Never trained on: one flite voice, one espeak accent, one espeak variant.
UNHEARD: Final = ("flite/rms", "espeak/en-gb-scotland+f4")
# Trained voices that the model card measures one by one.
KNOWN: Final = (
    "flite/slt",
    "flite/awb",
    "flite/kal16",
    "flite/kal",
    "espeak/en-us",
    "espeak/en-us+m3",
    "espeak/en-us+f2",
    "espeak/en-us+f5",
    "espeak/en",
    "espeak/en+m7",
    "espeak/en+f2",
    "espeak/en+f5",
)


@dataclass(frozen=True, slots=True)
class Word:
    """One word as written, with its marks, and when it is spoken: samples at 16 kHz."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Voice:
    """How to speak: `name` is 'espeak/<accent>[+<variant>]' or 'flite/<voice>'.

    rate: 1.0 is the voice's own; 1.2 is a fifth faster. pitch: espeak's 0-99, ignored by flite.
    """

    name: str
    rate: float = 1.0
    pitch: int = 50


# One sound after the other: (first sample, class of `sounds.SOUNDS`); each lasts until the next.
Sounding = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Spoken:
    """One sentence aloud: int16 samples, shape (n,), 16 kHz mono; its words and sounds in order."""

    text: str
    voice: str
    samples: npt.NDArray[np.int16]
    words: tuple[Word, ...]
    sounds: Sounding


@dataclass(frozen=True, slots=True)
class _Synthesis:
    """What a synthesiser gives: all times in samples at its own `rate`."""

    samples: npt.NDArray[np.int16]
    rate: int
    words: Sequence[tuple[int, int]]
    sounds: Sequence[tuple[int, int]]


def random_voice(rng: random.Random) -> Voice:
    """Draw a trained voice."""
    if rng.random() < 0.4:
        accent = rng.choice(ACCENTS)
        name = f"espeak/{accent}" + (f"+{rng.choice(VARIANTS)}" if rng.random() < 0.8 else "")
        return Voice(name, rng.uniform(0.8, 1.15), rng.randint(35, 65))
    name = rng.choices(("slt", "awb", "kal16", "kal"), (15, 14, 8, 5))[0]
    return Voice(f"flite/{name}", rng.uniform(0.85, 1.25))


def is_trained(name: str) -> bool:
    """Whether `random_voice` may draw the voice `name`."""
    engine, _, voice = name.partition("/")
    accent, _, variant = voice.partition("+")
    if engine == "flite":
        return voice in {"slt", "awb", "kal16", "kal"}
    return accent in ACCENTS and variant in {"", *VARIANTS}


def speak(text: str, voice: Voice) -> Spoken:
    """Say `text`. Raises ValueError if the voice is unknown or gives no word times."""
    engine, _, name = voice.name.partition("/")
    if engine == "espeak":
        made = _espeak(text, name, voice)
    elif engine == "flite":
        made = _flite(text, name, voice)
    else:
        raise ValueError(f"no engine for voice {voice.name!r}")
    return _trimmed(text, voice.name, made)


def _trimmed(text: str, voice: str, made: _Synthesis) -> Spoken:
    """At 16 kHz, without the silence at both ends, to 20 ms; words do not overlap."""
    samples = made.samples
    if made.rate != SAMPLE_RATE:
        samples = soxr.resample(samples, made.rate, SAMPLE_RATE)
    scale = SAMPLE_RATE / made.rate
    level = np.abs(samples.astype(np.float32))
    loud = np.flatnonzero(level > max(level.max() * 0.01, 8.0))
    margin = SAMPLE_RATE // 50
    first, last = max(0, int(loud[0]) - margin), min(len(samples), int(loud[-1]) + margin)
    tokens = _TOKEN.findall(text)
    if len(tokens) != len(made.words):
        raise ValueError(f"{len(made.words)} times for {len(tokens)} words")
    spans = [(int(begin * scale), int(finish * scale)) for begin, finish in made.words]
    words: list[Word] = []
    for index, (token, (begin, finish)) in enumerate(zip(tokens, spans, strict=True)):
        following = spans[index + 1][0] if index + 1 < len(spans) else last
        start, end = max(begin - first, 0), min(finish, last, following) - first
        words.append(Word(token, start, max(start + 1, end)))
    heard = tuple((max(int(at * scale) - first, 0), sound) for at, sound in made.sounds)
    return Spoken(text, voice, samples[first:last], tuple(words), heard)


def phonemes(words: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The sounds of each word in American English, by espeak-ng's names, without stress marks."""
    command = ["espeak-ng", "-q", "-x", "--sep= ", "-v", "en-us"]
    # A line of its own is a clause of its own: one line of sounds comes back for each.
    listed = "".join(f"{word}.\n" for word in words)
    done = subprocess.run(command, input=listed, capture_output=True, text=True, check=True)
    lines = [line.split() for line in done.stdout.splitlines() if line.strip()]
    if len(lines) != len(words):
        raise ValueError(f"espeak-ng gave {len(lines)} lines for {len(words)} words")
    marks = str.maketrans("", "", "',%=_|")
    return {
        word: tuple(sound for raw in line if (sound := raw.translate(marks)))
        for word, line in zip(words, lines, strict=True)
    }


# --- espeak-ng -----------------------------------------------------------------------------------


class _EventId(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


_EVENT_END, _EVENT_WORD, _EVENT_PHONEME = 0, 1, 7
_SYNCHRONOUS, _PHONEME_EVENTS, _UTF8 = 2, 1, 1
_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


class _Espeak:
    """The library, opened once; not thread-safe, like the library itself."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL("libespeak-ng.so.1")
        self.rate: int = self._library.espeak_Initialize(_SYNCHRONOUS, 0, None, _PHONEME_EVENTS)
        self._chunks: list[npt.NDArray[np.int16]] = []
        self._events: list[tuple[int, int, int, bytes]] = []
        self._callback = _CALLBACK(self._collect)
        self._library.espeak_SetSynthCallback(self._callback)

    def _collect(self, samples: Any, count: int, events: Any) -> int:
        if samples and count > 0:
            self._chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        index = 0
        while (event := events[index]).type != _EVENT_END:
            if event.type in (_EVENT_WORD, _EVENT_PHONEME):
                name = event.id.string if event.type == _EVENT_PHONEME else b""
                self._events.append((event.type, event.text_position, event.sample, name))
            index += 1
        return 0

    def say(
        self, text: str, name: str, voice: Voice
    ) -> tuple[npt.NDArray[np.int16], list[tuple[int, int, int, bytes]]]:
        self._chunks, self._events = [], []
        if self._library.espeak_SetVoiceByName(name.encode()):
            raise ValueError(f"espeak-ng has no voice {name!r}")
        self._library.espeak_SetParameter(1, int(175 * voice.rate), 0)  # espeakRATE, words a minute
        self._library.espeak_SetParameter(3, voice.pitch, 0)  # espeakPITCH
        data = text.encode()
        self._library.espeak_Synth(data, len(data) + 1, 0, 1, 0, _UTF8, None, None)
        self._library.espeak_Synchronize()
        return np.concatenate(self._chunks), self._events


@cache
def _espeak_library() -> _Espeak:
    return _Espeak()


def _espeak(text: str, name: str, voice: Voice) -> _Synthesis:
    library = _espeak_library()
    samples, events = library.say(text, name, voice)
    matches = list(_TOKEN.finditer(text))
    starts: dict[int, int] = {}
    pauses = [s for kind, _, s, n in events if kind == _EVENT_PHONEME and n in _PAUSE_PHONEMES]
    for kind, position, sample, _ in events:
        for index, match in enumerate(matches):
            inside = match.start() <= position - 1 < match.end()
            if kind == _EVENT_WORD and inside and text[position - 1].isalnum():
                starts.setdefault(index, sample)
    if 0 not in starts:
        raise ValueError("espeak-ng gave no time for the first word")
    known = [*sorted(starts), len(matches)]
    spans: list[tuple[int, int]] = []
    for here, there in pairwise(known):
        begin, end = starts[here], starts.get(there, len(samples))
        end = min([end, *(p for p in pauses if begin < p < end)])
        # Words that espeak says as one ("of the") share its time by their letters.
        weights = np.array([len(m.group()) for m in matches[here:there]], dtype=np.float64)
        edges = begin + (end - begin) * np.concatenate(([0.0], np.cumsum(weights / weights.sum())))
        spans += [(int(a), int(b)) for a, b in pairwise(edges)]
    return _Synthesis(samples, library.rate, spans, _espeak_sounds(events))


def _espeak_sounds(events: Sequence[tuple[int, int, int, bytes]]) -> list[tuple[int, int]]:
    heard: list[tuple[int, int]] = []
    word: int | None = None
    for kind, _, sample, name in events:
        if kind == _EVENT_WORD:
            word = sample
        elif (number := sounds.of_espeak(name.decode())) is not None:
            # A stop is announced after its closure; the word that it begins, before.
            heard.append((sample if word is None else word, number))
            word = None
    return heard


# --- flite ---------------------------------------------------------------------------------------


class _Wave(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_char_p),
        ("sample_rate", ctypes.c_int),
        ("num_samples", ctypes.c_int),
        ("num_channels", ctypes.c_int),
        ("samples", ctypes.POINTER(ctypes.c_short)),
    )


class _FliteVoice(ctypes.Structure):
    _fields_ = (("name", ctypes.c_char_p), ("features", ctypes.c_void_p))


@cache
def _flite_library() -> ctypes.CDLL:
    library = ctypes.CDLL("libflite.so.1", mode=ctypes.RTLD_GLOBAL)
    for name in ("libflite_cmulex.so.1", "libflite_usenglish.so.1"):
        ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
    library.flite_init()
    pointer = ctypes.c_void_p
    signatures: dict[str, tuple[Any, tuple[Any, ...]]] = {
        "flite_synth_text": (pointer, (ctypes.c_char_p, pointer)),
        "utt_wave": (ctypes.POINTER(_Wave), (pointer,)),
        "utt_relation": (pointer, (pointer, ctypes.c_char_p)),
        "relation_head": (pointer, (pointer,)),
        "item_next": (pointer, (pointer,)),
        "item_parent": (pointer, (pointer,)),
        "item_as": (pointer, (pointer, ctypes.c_char_p)),
        "ffeature_float": (ctypes.c_float, (pointer, ctypes.c_char_p)),
        "ffeature_string": (ctypes.c_char_p, (pointer, ctypes.c_char_p)),
        "delete_utterance": (None, (pointer,)),
        "feat_set_float": (None, (pointer, ctypes.c_char_p, ctypes.c_float)),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


@cache
def _flite_voice(name: str) -> int:
    _flite_library()
    try:
        register = getattr(ctypes.CDLL(f"libflite_cmu_us_{name}.so.1"), f"register_cmu_us_{name}")
    except (OSError, AttributeError) as error:
        raise ValueError(f"flite has no voice {name!r}") from error
    register.restype, register.argtypes = ctypes.c_void_p, (ctypes.c_void_p,)
    return int(register(None))


def _flite_sounds(library: ctypes.CDLL, utterance: int, rate: int) -> list[tuple[int, int]]:
    heard: list[tuple[int, int]] = []
    at = 0
    item = library.relation_head(library.utt_relation(utterance, b"Segment"))
    while item:
        heard.append((at, sounds.of_flite(library.ffeature_string(item, b"name").decode())))
        at = int(library.ffeature_float(item, b"end") * rate)
        item = library.item_next(item)
    return [*heard, (at, 0)]


def _flite(text: str, name: str, voice: Voice) -> _Synthesis:
    library, handle = _flite_library(), _flite_voice(name)
    features = ctypes.cast(handle, ctypes.POINTER(_FliteVoice)).contents.features
    library.feat_set_float(features, b"duration_stretch", 1.0 / voice.rate)
    utterance = library.flite_synth_text(text.encode(), handle)
    try:
        wave = library.utt_wave(utterance).contents
        samples = np.ctypeslib.as_array(wave.samples, (wave.num_samples,)).copy()
        rate = int(wave.sample_rate)
        spans: list[tuple[int, int]] = []
        previous: int | None = None
        item = library.relation_head(library.utt_relation(utterance, b"Word"))
        while item:
            # "it's" is two words of one token: they share a parent in the Token relation.
            parent = library.item_parent(library.item_as(item, b"Token"))
            syllables = b"R:SylStructure."
            start = library.ffeature_float(item, syllables + b"daughter1.daughter1.R:Segment.p.end")
            end = library.ffeature_float(item, syllables + b"daughtern.daughtern.R:Segment.end")
            if parent == previous and spans:
                spans[-1] = (spans[-1][0], int(end * rate) or spans[-1][1])
            else:
                spans.append((int(start * rate), int(end * rate)))
            previous = parent
            item = library.item_next(item)
        heard = _flite_sounds(library, utterance, rate)
    finally:
        library.delete_utterance(utterance)
    return _Synthesis(samples, rate, spans, heard)
