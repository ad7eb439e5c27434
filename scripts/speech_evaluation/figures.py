"""Word figures of clips by kind, and of the pools that have a target; pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from scripts.speech_evaluation.clips import Clip
from scripts.speech_evaluation.heard import Heard
from scripts.speech_evaluation.words import (
    Errors,
    annotations,
    compare,
    normal_words,
    said_twice,
)

LIVE, FILE, REFERENCE = "live", "file", "whisper.cpp"
"""The ways that a clip takes."""

SURE_LANGUAGE_S = 3.0
"""From this length on a clip's language should be the one that the reference hears."""


@dataclass(frozen=True, slots=True)
class ClipFigures:
    """One clip on one way. twice: phrases shown twice that were said once.

    unspoken: annotations in finals. shown_unspoken: in interims. words: in finals.
    shown_words: for each segment the most words that an interim displayed at a time.
    """

    errors: Errors
    words: int
    twice: tuple[str, ...]
    unspoken: tuple[str, ...]
    shown_words: int
    shown_unspoken: int
    refused: Mapping[str, int]


def measure(clip: Clip, heard: Heard) -> ClipFigures:
    """The figures of one clip."""
    said = normal_words(clip.text, clip.language)
    shown = normal_words(heard.text, clip.language)
    interims = [
        [len(normal_words(text, clip.language)) for text in segment] for segment in heard.interims
    ]
    return ClipFigures(
        errors=compare(said, shown),
        words=len(shown),
        twice=tuple(said_twice(said, shown)),
        unspoken=tuple(annotations(heard.text)),
        shown_words=sum(max(counts) for counts in interims),
        shown_unspoken=sum(
            bool(annotations(text)) for segment in heard.interims for text in segment
        ),
        refused=heard.refused,
    )


@dataclass(frozen=True, slots=True)
class Group:
    """Clips taken together; the fields are sums of those of ``ClipFigures``."""

    clips: int = 0
    errors: Errors = field(default_factory=Errors)
    words: int = 0
    twice: int = 0
    unspoken: int = 0
    shown_words: int = 0
    shown_unspoken: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)


def pooled(figures: Sequence[ClipFigures]) -> Group:
    """The sums."""
    refused: Counter[str] = Counter()
    for one in figures:
        refused.update(one.refused)
    return Group(
        clips=len(figures),
        errors=sum((one.errors for one in figures), Errors()),
        words=sum(one.words for one in figures),
        twice=sum(len(one.twice) for one in figures),
        unspoken=sum(len(one.unspoken) for one in figures),
        shown_words=sum(one.shown_words for one in figures),
        shown_unspoken=sum(one.shown_unspoken for one in figures),
        refused=dict(sorted(refused.items())),
    )


@dataclass(frozen=True, slots=True)
class Pool:
    """Clips whose words are judged together. points: how many more may be wrong, per hundred words,
    than the reference has wrong."""

    name: str
    holds: Callable[[Clip], bool]
    points: float


def _english(*kinds: str) -> Callable[[Clip], bool]:
    return lambda clip: clip.language == "en" and clip.kind in kinds


POOLS = (
    Pool(
        "read, telephone, noisy, fast, pauses",
        _english("read", "telephone", "noisy", "fast", "pauses"),
        0.5,
    ),
    Pool("conversation", _english("conversation"), 2.0),
    Pool(
        "accented, children, far-field, numbers",
        _english("accented", "children", "far-field", "numbers"),
        1.5,
    ),
    Pool("other languages", lambda clip: clip.language not in {None, "en"}, 1.0),
)

INSERTED_AT_MOST = 0.015
"""Of the words said."""


@dataclass(frozen=True, slots=True)
class Target:
    """What must be reached. measured: None where the run does not say."""

    what: str
    measured: float | None
    at_most: float
    unit: str = ""

    @property
    def reached(self) -> bool:
        """Whether it was; what was not measured was not."""
        return self.measured is not None and self.measured <= self.at_most


Run = Mapping[str, Mapping[str, Heard]]
"""By way, then by the clip's name."""


def kinds_of(clips: Iterable[Clip]) -> dict[str, list[Clip]]:
    """Clips by kind, in order of appearance; those in other languages than English are a kind."""
    kinds: dict[str, list[Clip]] = {}
    for clip in clips:
        name = clip.kind if clip.language in {None, "en"} else "other languages"
        kinds.setdefault(name, []).append(clip)
    return kinds


def group(clips: Iterable[Clip], heard: Mapping[str, Heard]) -> Group:
    """The sums over these clips on one way."""
    return pooled([measure(clip, heard[clip.name]) for clip in clips])


def targets(clips: Sequence[Clip], run: Run) -> list[Target]:
    """What must be reached by the live path, as far as these clips say something about it."""
    live, reference = run.get(LIVE), run.get(REFERENCE)
    if live is None:
        return []
    found = []
    for pool in POOLS:
        those = [clip for clip in clips if pool.holds(clip)]
        if those:
            what = f"{pool.name}: words wrong over whisper.cpp's"
            points = None if reference is None else _more_points(those, live, reference)
            found.append(Target(what, points, pool.points, "points"))
    spoken = [clip for clip in clips if clip.language is not None]
    english = [clip for clip in spoken if clip.language == "en"]
    if english:
        errors = group(english, live).errors
        share = errors.inserted / errors.said if errors.said else None
        percent = None if share is None else 100 * share
        found.append(Target("inserted, of the words said", percent, 100 * INSERTED_AT_MOST, "%"))
    whole = group(clips, live)
    found.append(Target("phrases twice that were said once", group(spoken, live).twice, 0))
    found.append(Target("annotations in finals and interims", _unspoken(whole), 0))
    unspoken = [clip for clip in clips if clip.language is None]
    if unspoken:
        silent = group(unspoken, live)
        words = silent.words + silent.shown_words
        found.append(Target("words on noise, music and silence", words, 0))
    if reference is not None and any(one.language != "en" for one in spoken):
        other = other_languages(spoken, live, reference)
        found.append(Target("clips of 3 s or more in another language", len(other), 1))
        wrong = [
            clip.name
            for clip in spoken
            if clip.language != "en"
            and reference[clip.name].language == clip.language != live[clip.name].language
        ]
        what = "clips not in English whose language whisper.cpp alone hears"
        found.append(Target(what, len(wrong), 0))
    return found


def _unspoken(whole: Group) -> int:
    return whole.unspoken + whole.shown_unspoken


def _more_points(
    clips: Sequence[Clip], live: Mapping[str, Heard], reference: Mapping[str, Heard]
) -> float | None:
    ours, theirs = group(clips, live).errors.rate, group(clips, reference).errors.rate
    return None if ours is None or theirs is None else 100 * (ours - theirs)


def other_languages(
    clips: Iterable[Clip], live: Mapping[str, Heard], reference: Mapping[str, Heard]
) -> list[str]:
    """The clips of some length that are heard as another language than the reference hears."""
    return [
        clip.name
        for clip in clips
        if clip.seconds >= SURE_LANGUAGE_S
        and live[clip.name].language != reference[clip.name].language
    ]
