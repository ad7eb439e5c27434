"""What tells an item that its segments support from one that they do not: words and embeddings.

QMSum's answers to specific queries against the turns that they rest on, against the turns of another
query of the same meeting, and against as many turns of another meeting. Answers are written freely:
the measure is of items in a model's words. Sentences of the meeting itself have all of their words.
"""

from collections.abc import Sequence

from scripts.benchmark import report
from scripts.evaluation.meetings import Meeting, Query
from wordloop_ml.analysis.plan_runner import embed_all, run_plan
from wordloop_ml.ports import Embedder
from wordloop_ml.synthesis.evidence import CitedText, EvidencePolicy, read, stems_of, windows_of

EVERY = 2
"""Of the queries one in so many is measured: the windows that are embedded for one are many."""

AGAINST = ("its own turns", "another query's turns", "another meeting's turns")


def table(meetings: Sequence[Meeting], embedder: Embedder, policy: EvidencePolicy) -> str:
    """How many of the longest sentences of answers are kept against each kind of turns."""
    texts = {one.name: run_plan(read(one.transcript), None) for one in meetings}
    kept: dict[str, list[bool]] = {kind: [] for kind in AGAINST}
    for at, meeting in enumerate(meetings):
        other = meetings[(at + 1) % len(meetings)]
        for number, query in enumerate(meeting.queries):
            if (at + number) % EVERY:
                continue
            far = meeting.queries[(number + len(meeting.queries) // 2) % len(meeting.queries)]
            cited = [_ids(query, meeting), _ids(far, meeting) if far is not query else []]
            cited.append(_as_many(other, len(cited[0])))
            text = max(query.answer.split(". "), key=len)
            for kind, ids, home in zip(AGAINST, cited, (meeting, meeting, other), strict=True):
                if ids:
                    kept[kind].append(_kept(text, ids, texts[home.name], embedder, policy))
    rows = [[kind, str(len(them)), f"{sum(them) / len(them):.2f}"] for kind, them in kept.items()]
    return report.Table(["answers against", "sentences", "kept"], rows).text() + "\n"


def _kept(
    text: str, ids: Sequence[str], cited: CitedText, embedder: Embedder, policy: EvidencePolicy
) -> bool:
    """Whether the thresholds let a text through: its words in the best window, and its cosine."""
    windows = windows_of(cited.segments(ids), policy.window_words)
    wanted, limits = stems_of(text), policy.statements
    ranked = sorted(((cited.share(wanted, one.stems), one.text) for one in windows), reverse=True)
    nearest = ranked[: policy.most_windows]
    vectors = embed_all(embedder, [text, *(window for _, window in nearest)])
    words, similarity = ranked[0][0], float((vectors[1:] @ vectors[0]).max())
    alike = words >= limits.fewest_words and similarity >= limits.similarity
    return words >= limits.words or alike


def _ids(query: Query, meeting: Meeting) -> list[str]:
    segments = meeting.transcript.segments
    return [one.id for first, last in query.spans for one in segments[first : last + 1]]


def _as_many(meeting: Meeting, turns: int) -> list[str]:
    segments = meeting.transcript.segments
    begin = max(0, (len(segments) - turns) // 2)
    return [one.id for one in segments[begin : begin + turns]]
