"""QMSum's meetings as transcripts; blocking (reads files).

QMSum: Zhong et al., NAACL 2021; MIT licence. Its words are tokens of treebanks ("I 'm", "it 's ,")
with tags ({disfmarker}): both are undone, since captions have neither.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wordloop_ml.synthesis.messages import Segment, Transcript

DOMAINS = ("product", "academic", "committee")
_TAG = re.compile(r"\{[^}]*\}|<[^>]*>")
_LETTERS = re.compile(r"\b(?:[A-Za-z0-9]_)+(?:[A-Za-z0-9]\b)?")
_CLITIC = re.compile(r"\s+(['’](?:m|s|re|ve|ll|d|t|em|til|kay|cause)\b|n['’]t\b)", re.IGNORECASE)
_LOOSE = re.compile(r"\s+([,.;:?!])")
_HYPHEN = re.compile(r"(\w) - (\w)")
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Query:
    """The answer to a question about a meeting, and the turns it rests on (inclusive)."""

    answer: str
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Meeting:
    """One annotated meeting; a turn is a segment.

    index: its line in its domain's file. summaries: reference summaries of the whole.
    topics: the turns of each topic.
    """

    domain: str
    index: int
    transcript: Transcript
    summaries: tuple[str, ...]
    queries: tuple[Query, ...]
    topics: tuple[tuple[tuple[int, int], ...], ...]

    @property
    def name(self) -> str:
        """``domain-index``."""
        return f"{self.domain}-{self.index}"


def read_meetings(folder: Path) -> list[Meeting]:
    """Every meeting of the folder, domain by domain."""
    return [
        _meeting(domain, index, json.loads(line))
        for domain in DOMAINS
        for index, line in enumerate((folder / f"{domain}.jsonl").read_text("utf-8").splitlines())
    ]


def spoken(text: str) -> str:
    """A turn as a caption would have it."""
    text = _TAG.sub(" ", text)
    text = _LETTERS.sub(lambda found: found.group(0).replace("_", "") + " ", text)
    text = _HYPHEN.sub(r"\1-\2", text)
    text = _CLITIC.sub(r"\1", text)
    text = text.replace('"', "")
    return _BLANKS.sub(" ", _LOOSE.sub(r"\1", text)).strip()


def _meeting(domain: str, index: int, raw: dict[str, Any]) -> Meeting:
    segments: list[Segment] = []
    clock = 0
    for turn, said in enumerate(raw["meeting_transcripts"]):
        text = spoken(said["content"])
        length = 400 * max(1, len(text.split()))  # 150 words a minute
        speaker = said["speaker"].split("(")[0].strip() or "unknown"
        segments.append(Segment(str(turn), speaker, text, clock, clock + length, speaker))
        clock += length
    return Meeting(
        domain,
        index,
        Transcript(f"{domain}-{index}", tuple(segments), "en"),
        tuple(query["answer"] for query in raw["general_query_list"]),
        tuple(
            Query(query["answer"], _spans(query["relevant_text_span"]))
            for query in raw["specific_query_list"]
        ),
        tuple(_spans(topic["relevant_text_span"]) for topic in raw["topic_list"]),
    )


def _spans(raw: list[list[str]]) -> tuple[tuple[int, int], ...]:
    return tuple((int(first), int(last)) for first, last in raw)
