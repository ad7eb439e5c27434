"""The figures of an evaluation as Markdown tables and as JSON; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from scripts.benchmark.report import table
from scripts.speech_evaluation.clips import Clip
from scripts.speech_evaluation.figures import (
    FILE,
    LIVE,
    POOLS,
    REFERENCE,
    Group,
    Run,
    Target,
    group,
    kinds_of,
    measure,
)

WAYS = (LIVE, FILE, REFERENCE)


def markdown(clips: Sequence[Clip], run: Run, targets: Sequence[Target]) -> str:
    """Words by kind, the pools beside the reference, what is shown where nobody speaks, targets."""
    spoken = [clip for clip in clips if clip.language is not None]
    unspoken = [clip for clip in clips if clip.language is None]
    parts = [_kinds(spoken, run), _pools(spoken, run)] if spoken else []
    if unspoken:
        parts.append(_unspoken(unspoken, run))
    if targets:
        parts.append(_targets(targets))
    return "\n".join(parts)


def _kinds(clips: Sequence[Clip], run: Run) -> str:
    ways = [way for way in WAYS if way in run]
    first = ways[0]
    head = ["kind", "clips", "words", *(f"{way}: wrong" for way in ways)]
    head += [
        f"{first}: inserted",
        "left out",
        "other words",
        "said twice",
        "annotations",
        "refused",
    ]
    rows = []
    for kind, those in [*kinds_of(clips).items(), ("all", list(clips))]:
        groups = [group(those, run[way]) for way in ways]
        one = groups[0]
        rows.append(
            [
                kind,
                str(one.clips),
                str(one.errors.said),
                *(percent(each.errors.rate) for each in groups),
                str(one.errors.inserted),
                str(one.errors.deleted),
                str(one.errors.substituted),
                str(one.twice),
                _annotations(one),
                _listed(one.refused),
            ]
        )
    return table(head, rows)


def _pools(clips: Sequence[Clip], run: Run) -> str:
    ways = [way for way in WAYS if way in run]
    head = ["pool", "words"]
    for way in ways:
        head += [f"{way}: wrong", "inserted", "said twice"]
    rows = []
    for pool in POOLS:
        those = [clip for clip in clips if pool.holds(clip)]
        if not those:
            continue
        groups = [group(those, run[way]) for way in ways]
        row = [pool.name, str(groups[0].errors.said)]
        for one in groups:
            row += [percent(one.errors.rate), str(one.errors.inserted), str(one.twice)]
        rows.append(row)
    return table(head, rows)


def _unspoken(clips: Sequence[Clip], run: Run) -> str:
    ways = [way for way in WAYS if way in run]
    head = ["where nobody speaks", "clips"]
    head += [f"{way}: words in finals, in interims; annotations" for way in ways]
    rows = []
    for kind, those in kinds_of(clips).items():
        cells = []
        for way in ways:
            one = group(those, run[way])
            cells.append(f"{one.words}, {one.shown_words}; {_annotations(one)}")
        rows.append([kind, str(len(those)), *cells])
    return table(head, rows)


def _targets(targets: Sequence[Target]) -> str:
    rows = [
        [
            one.what,
            f"{one.at_most:g} {one.unit}".rstrip(),
            "not measured" if one.measured is None else f"{one.measured:.3g} {one.unit}".rstrip(),
            "yes" if one.reached else "**no**",
        ]
        for one in targets
    ]
    return table(["live path", "at most", "measured", "reached"], rows)


def as_json(clips: Sequence[Clip], run: Run) -> list[dict[str, Any]]:
    """Every clip: what was said and what was shown on each way, with its figures."""
    return [
        {
            "clip": clip.name,
            "kind": clip.kind,
            "language": clip.language,
            "seconds": clip.seconds,
            "said": clip.text,
            "ways": {
                way: {**asdict(heard[clip.name]), **asdict(measure(clip, heard[clip.name]))}
                for way, heard in run.items()
            },
        }
        for clip in clips
    ]


def percent(ratio: float | None) -> str:
    """A ratio for people."""
    return "-" if ratio is None else f"{100 * ratio:.1f} %"


def _annotations(one: Group) -> str:
    return f"{one.unspoken}" + (f" (+{one.shown_unspoken})" if one.shown_unspoken else "")


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "0"
