"""Word figures of clips by kind, of the pools that have a target, and their tables; pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from scripts.benchmark.report import Aim, Table, percent, share
from scripts.evaluation.clips import Clip
from scripts.evaluation.ways import Heard
from scripts.evaluation.words import Errors, annotations, compare, normal_words, said_twice

LIVE, REFERENCE = "live", "whisper.cpp"
"""The ways that a clip takes."""

WAYS = (LIVE, REFERENCE)

SURE_LANGUAGE_S = 3.0
"""From this length on a clip's language should be the one that the reference hears."""

Run = Mapping[str, Mapping[str, Heard]]
"""By way, the live one first, then by the clip's name."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Clips on one way. words: in finals. twice: phrases that follow on themselves and did not when
    they were said. unspoken, shown_unspoken: annotations in finals, in interims. shown_words: for
    each segment the most words that an interim displayed at a time."""

    clips: int = 0
    errors: Errors = field(default_factory=Errors)
    words: int = 0
    twice: int = 0
    unspoken: int = 0
    shown_words: int = 0
    shown_unspoken: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: "Figures") -> "Figures":
        names = [one.name for one in fields(self)]
        return Figures(*(getattr(self, name) + getattr(other, name) for name in names))


def measure(clip: Clip, heard: Heard) -> Figures:
    """The figures of one clip."""
    said = normal_words(clip.text, clip.language)
    shown = normal_words(heard.text, clip.language)
    interims = [
        [len(normal_words(text, clip.language)) for text in segment] for segment in heard.interims
    ]
    displayed = [text for segment in heard.interims for text in segment]
    return Figures(
        clips=1,
        errors=compare(said, shown),
        words=len(shown),
        twice=len(said_twice(said, shown)),
        unspoken=len(annotations(heard.text)),
        shown_words=sum(max(counts) for counts in interims),
        shown_unspoken=sum(bool(annotations(text)) for text in displayed),
        refused=Counter(heard.refused),
    )


def group(clips: Iterable[Clip], heard: Mapping[str, Heard]) -> Figures:
    """The sums over these clips on one way."""
    return sum((measure(clip, heard[clip.name]) for clip in clips), Figures())


POOLS: Mapping[tuple[str, ...], float] = {
    ("read", "telephone", "noisy", "fast", "pauses"): 0.5,
    ("conversation",): 2.0,
    ("accented", "children", "far-field", "numbers"): 1.5,
    ("other languages",): 1.0,
}
"""Kinds whose words are judged together, and how many more of a hundred words may be wrong than the
reference has wrong."""

INSERTED_AT_MOST = 1.5
"""Of a hundred words said."""


def targets(clips: Sequence[Clip], run: Run) -> list[Aim]:
    """What must be reached by the live path, as far as these clips say something about it."""
    live, reference = run.get(LIVE), run.get(REFERENCE)
    if live is None:
        return []
    spoken = [clip for clip in clips if clip.language is not None]
    found = []
    for name, those in pools_of(spoken).items():
        what = f"{', '.join(name)}: words wrong over whisper.cpp's"
        points = None if reference is None else _more_points(those, live, reference)
        found.append(Aim(what, POOLS[name], "points", points))
    if english := [clip for clip in spoken if clip.language == "en"]:
        errors = group(english, live).errors
        inserted = 100 * (share(errors.inserted, errors.said) or 0.0)
        found.append(Aim("inserted, of the words said", INSERTED_AT_MOST, "%", inserted))
    whole = group(clips, live)
    unspoken = whole.unspoken + whole.shown_unspoken
    found.append(Aim("phrases twice that were said once", 0, "", group(spoken, live).twice))
    found.append(Aim("annotations in finals and interims", 0, "", unspoken))
    if silent := [clip for clip in clips if clip.language is None]:
        heard = group(silent, live)
        words = heard.words + heard.shown_words
        found.append(Aim("words on noise, music and silence", 0, "", words))
    if reference is not None and any(one.language != "en" for one in spoken):
        found += _language_targets(spoken, live, reference)
    return found


def _language_targets(
    spoken: Sequence[Clip], live: Mapping[str, Heard], reference: Mapping[str, Heard]
) -> list[Aim]:
    pairs = [(clip, live[clip.name].language, reference[clip.name].language) for clip in spoken]
    other = sum(clip.seconds >= SURE_LANGUAGE_S and ours != sure for clip, ours, sure in pairs)
    alone = sum(
        clip.language != "en" and sure == clip.language != ours for clip, ours, sure in pairs
    )
    return [
        Aim("clips of 3 s or more in another language", 1, "", other),
        Aim("clips not in English whose language whisper.cpp alone hears", 0, "", alone),
    ]


def _more_points(
    clips: Sequence[Clip], live: Mapping[str, Heard], reference: Mapping[str, Heard]
) -> float | None:
    ours, theirs = group(clips, live).errors.rate, group(clips, reference).errors.rate
    return None if ours is None or theirs is None else 100 * (ours - theirs)


def kinds_of(clips: Iterable[Clip]) -> dict[str, list[Clip]]:
    """Clips by kind, in order of appearance; those in other languages than English are a kind."""
    kinds: dict[str, list[Clip]] = {}
    for clip in clips:
        name = clip.kind if clip.language in {None, "en"} else "other languages"
        kinds.setdefault(name, []).append(clip)
    return kinds


def pools_of(clips: Iterable[Clip]) -> dict[tuple[str, ...], list[Clip]]:
    """Clips by pool, as far as there are some."""
    kinds = kinds_of(clips)
    pools = {pool: [clip for kind in pool for clip in kinds.get(kind, ())] for pool in POOLS}
    return {pool: those for pool, those in pools.items() if those}


def tables(clips: Sequence[Clip], run: Run) -> list[Table]:
    """Words by kind, and what is shown where nobody speaks."""
    spoken = [clip for clip in clips if clip.language is not None]
    unspoken = [clip for clip in clips if clip.language is None]
    found = [_words(spoken, run)] if spoken else []
    return [*found, _unspoken(unspoken, run)] if unspoken else found


def summary(clips: Sequence[Clip], run: Run) -> list[Table]:
    """How many words are wrong by pool, on each way."""
    spoken = [clip for clip in clips if clip.language is not None]
    rows = []
    for name, those in [*pools_of(spoken).items(), (("all",), spoken)]:
        errors = [group(those, heard).errors for heard in run.values()]
        rates = (percent(one.rate) for one in errors)
        rows.append([", ".join(name), str(errors[0].said), *rates])
    return [Table(["kinds", "words", *(f"{way}: wrong" for way in run)], rows)] if spoken else []


def _words(clips: Sequence[Clip], run: Run) -> Table:
    rates = [f"{way}: wrong" for way in run]
    head = ["kind", "clips", "words", *rates, f"{next(iter(run))}: inserted"]
    head += ["left out", "other words", "said twice", "annotations", "refused"]
    rows = []
    for name, those in [*kinds_of(clips).items(), ("all", list(clips))]:
        figures = [group(those, heard) for heard in run.values()]
        one, errors = figures[0], figures[0].errors
        counts = (errors.inserted, errors.deleted, errors.substituted, one.twice)
        refused = ", ".join(f"{count} {why}" for why, count in sorted(one.refused.items())) or "0"
        rates = [percent(each.errors.rate) for each in figures]
        row = [name, str(one.clips), str(errors.said), *rates, *map(str, counts)]
        rows.append([*row, _annotations(one), refused])
    return Table(head, rows)


def _unspoken(clips: Sequence[Clip], run: Run) -> Table:
    ways = (f"{way}: words in finals, in interims; annotations" for way in run)
    head = ["where nobody speaks", "clips", *ways]
    rows = []
    for kind, those in kinds_of(clips).items():
        groups = [group(those, heard) for heard in run.values()]
        cells = [f"{one.words}, {one.shown_words}; {_annotations(one)}" for one in groups]
        rows.append([kind, str(len(those)), *cells])
    return Table(head, rows)


def _annotations(one: Figures) -> str:
    return f"{one.unspoken}" + (f" (+{one.shown_unspoken})" if one.shown_unspoken else "")


def as_json(clips: Sequence[Clip], run: Run) -> list[dict[str, Any]]:
    """Every clip: what was said and what was shown on each way, with its figures."""
    return [
        {
            **asdict(clip),
            "path": clip.path.name,
            "ways": {
                way: {
                    **asdict(measure(clip, heard[clip.name])),
                    **asdict(heard[clip.name]),  # last: a Counter of ``asdict`` counts its items
                }
                for way, heard in run.items()
            },
        }
        for clip in clips
    ]
