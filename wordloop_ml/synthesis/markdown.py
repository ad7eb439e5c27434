"""A MeetingSynthesis as Markdown, for people; every item says when it was said."""

import re
from collections.abc import Iterator, Sequence

from wordloop_ml.synthesis.messages import ActionItem, Coverage, MeetingSynthesis, Transcript

_SPECIAL = re.compile(r"([\\`*_\[\]<>|~&])")
_BLOCK = re.compile(r"^(?:[#+=-]|\d+(?=[.)]))")
"""What would begin a heading or a list inside an item."""

_MOST_TIMES = 3
"""So many places are named for one item; it may rest on more."""


def render_markdown(synthesis: MeetingSynthesis, transcript: Transcript) -> str:
    """Render the document (CommonMark), ending in a line break. What was said is escaped."""
    return "\n".join(_lines(synthesis, _Times(transcript))) + "\n"


class _Times:
    """When each segment of a transcript begins."""

    def __init__(self, transcript: Transcript) -> None:
        self._starts = {one.id: one.start for one in transcript.segments}
        latest = max(one.end for one in transcript.segments)
        self.start = transcript.segments[0].start
        self.end = latest
        self._hours = latest >= 3_600_000

    def clock(self, ms: int) -> str:
        """``MM:SS``, with hours where the meeting has them."""
        minutes, seconds = divmod(ms // 1000, 60)
        if not self._hours:
            return f"{minutes:02}:{seconds:02}"
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"

    def places(self, ids: Sequence[str]) -> str:
        """The times of the first few of these segments."""
        starts = [self.clock(self._starts[one]) for one in ids]
        shown = list(dict.fromkeys(starts))[:_MOST_TIMES]
        return f"({', '.join(shown)})" if shown else ""


def _lines(synthesis: MeetingSynthesis, times: _Times) -> Iterator[str]:
    draft = synthesis.draft
    yield f"# {_plain(draft.title.text) or _plain(synthesis.meeting_id)}"
    yield ""
    yield f"*{times.clock(times.start)} to {times.clock(times.end)}. {synthesis.made_by.about}*"
    sections = {
        "Summary": [f"{_plain(one.text)} {times.places(one.segments)}" for one in draft.summary],
        "Topics": [
            f"{_plain(one.title)} ({times.clock(one.start)} to {times.clock(one.end)})"
            for one in draft.topics
        ],
        "Decisions": [
            f"{_plain(one.text)} {times.places(one.segments)}" for one in draft.decisions
        ],
        "Action items": [
            f"[ ] {_action(one)} {times.places(one.segments)}" for one in draft.action_items
        ],
        "Open questions": [
            f"{_plain(one.text)} {times.places(one.segments)}" for one in draft.open_questions
        ],
        "What is missing": list(_missing(synthesis.coverage, times)),
    }
    for heading, items in sections.items():
        if items:
            yield from ("", f"## {heading}", "", *(f"- {item}".rstrip() for item in items))


def _action(action: ActionItem) -> str:
    """Render owner, task, and due date unless it is said in the task itself."""
    owner = f"**{_plain(action.owner)}**: " if action.owner is not None else ""
    if action.due is None or action.due.casefold() in action.task.casefold():
        return f"{owner}{_plain(action.task)}"
    return f"{owner}{_plain(action.task.rstrip('.'))}, due {_plain(action.due)}"


def _missing(coverage: Coverage, times: _Times) -> Iterator[str]:
    for one in coverage.failed:
        yield f"{times.clock(one.start)} to {times.clock(one.end)} could not be read ({one.code})"
    if coverage.unsupported:
        yield f"items that the transcript does not support, left out: {coverage.unsupported}"


def _plain(text: str) -> str:
    """Escape a text for Markdown and put it on one line."""
    line = _SPECIAL.sub(r"\\\1", " ".join(text.split()))
    start = _BLOCK.match(line)
    if start is None:
        return line
    # a number is a list only with what follows it, and digits cannot be escaped
    at = start.end() if line[0].isdigit() else 0
    return f"{line[:at]}\\{line[at:]}"
