"""``scripts/evaluate_synthesis``: every table of docs/synthesis-quality.md, as Markdown."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from scripts.evaluation import boundaries, evidence, retrieval, rules, summaries, weights
from scripts.evaluation.meetings import DOMAINS, Meeting, read_meetings
from scripts.evaluation.remembered import RememberedEmbedder
from wordloop_ml.engines.catalogue import open_embedder
from wordloop_ml.engines.in_place import run_in_place
from wordloop_ml.ports import Embedder
from wordloop_ml.settings import Settings
from wordloop_ml.synthesis.chunks import chunks_of
from wordloop_ml.synthesis.evidence import EvidencePolicy
from wordloop_ml.synthesis.extractive.features import NAMES, features_of
from wordloop_ml.synthesis.extractive.gathered import Gathered, gather
from wordloop_ml.synthesis.extractive.notes import notes_of
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.questions import open_questions
from wordloop_ml.synthesis.extractive.summary import candidates, summary_of
from wordloop_ml.synthesis.extractive.topics import stretches
from wordloop_ml.synthesis.synthesiser import ChunkWords

PARTS = ("summaries", "topics", "rules", "retrieval", "evidence")
QMSUM = Path("../shared/data/qmsum")
WORDS = summaries.WORDS
APART = 2
"""Windows between two results of one search."""


def main() -> int:
    """Print the tables that are asked for."""
    parser = argparse.ArgumentParser(prog="scripts/evaluate_synthesis", description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all of them without")
    parser.add_argument("--qmsum", type=Path, default=QMSUM, help="the folder of *.jsonl")
    parser.add_argument("--vectors", type=Path, default=Path("build/evaluation"))
    options = parser.parse_args()
    if not options.qmsum.is_dir():
        print(f"skipped: there is no QMSum in {options.qmsum}")
        return 0
    meetings = read_meetings(options.qmsum)
    policy = ExtractivePolicy()
    with open_embedder(Settings()) as embedder:
        remembered = RememberedEmbedder(embedder, options.vectors)
        try:
            _report(options.parts or PARTS, meetings, remembered, policy)
        finally:
            remembered.save()
    return 0


def _report(
    parts: Sequence[str], meetings: Sequence[Meeting], embedder: Embedder, policy: ExtractivePolicy
) -> None:
    gathered: list[Gathered] = []
    if set(parts) & {"summaries", "topics", "rules"}:
        gathered = [read(meeting, embedder, policy) for meeting in meetings]
    if "summaries" in parts:
        _summaries(meetings, gathered, policy)
    if "topics" in parts:
        _topics(meetings, gathered, policy)
    if "rules" in parts:
        _rules(meetings, gathered, policy)
    if "retrieval" in parts:
        _retrieval(meetings, embedder)
    if "evidence" in parts:
        _evidence(meetings, embedder)


def read(meeting: Meeting, embedder: Embedder, policy: ExtractivePolicy) -> Gathered:
    """A meeting as the service reads it: in chunks."""
    chunks = list(chunks_of(meeting.transcript.segments, ChunkWords(*policy.chunk_words)))
    notes = [run_in_place(notes_of(chunk, True, policy), embedder) for chunk in chunks]
    return gather(meeting.transcript, chunks, notes)


def _summaries(
    meetings: Sequence[Meeting], gathered: Sequence[Gathered], policy: ExtractivePolicy
) -> None:
    print("\n| summary | R-1 / R-2 / content R-1 |", *(f" {one} |" for one in DOMAINS), sep="")
    print("|---|---|---|---|---|")

    def row(name: str, scores: Sequence[summaries.Rouge]) -> None:
        table = summaries.by_domain(meetings, scores)
        print(f"| {name} |", *(f"{_three(table[key])} |" for key in ("all", *DOMAINS)))

    def of(chooser: summaries.Chooser) -> list[summaries.Rouge]:
        pairs = zip(meetings, gathered, strict=True)
        return [summaries.rouge(chooser(one, read), one.summaries[0]) for one, read in pairs]

    row("LEAD: the first words", of(summaries.raw_lead))
    row("LEAD of long sentences", of(summaries.lead))
    draws = [of(summaries.random_long(seed)) for seed in range(summaries.DRAWS)]
    row("random long sentences", [summaries.mean(drawn) for drawn in zip(*draws, strict=True)])
    examples = []
    for meeting, one in zip(meetings, gathered, strict=True):
        rows = candidates(one, policy)
        table = run_in_place(features_of(one, rows, policy), None)
        examples.append(weights.example_of(meeting, one, rows, table))

    def unseen(*, domains: bool = False, without: Sequence[str] = ()) -> list[summaries.Rouge]:
        return weights.held_out(examples, policy, WORDS, domains, without)

    row("weights from other meetings (5 folds)", unseen())
    row("weights from the other two domains", unseen(domains=True))
    style = ("articles", "links")
    row("the same, without articles and links", unseen(domains=True, without=style))
    row("the same, without embeddings", unseen(domains=True, without=("central",)))

    def shipped(meeting: Meeting, read: Gathered) -> str:
        return " ".join(one.text for one in run_in_place(summary_of(read, WORDS, policy), None))

    row("as shipped (weights from all)", of(shipped))
    print("\nweights:", dict(zip(NAMES, weights.fit(examples).round(2).tolist(), strict=True)))


def _topics(
    meetings: Sequence[Meeting], gathered: Sequence[Gathered], policy: ExtractivePolicy
) -> None:
    print("\n| boundaries | Pk |", *(f" {one} |" for one in DOMAINS), sep="")
    print("|---|---|---|---|---|")
    ways: dict[str, list[float]] = {}
    counts: list[tuple[int, int]] = []
    for meeting, one in zip(meetings, gathered, strict=True):
        turns = len(meeting.transcript.segments)
        expected = boundaries.reference(meeting)
        parts = run_in_place(stretches(one, policy), None)
        found = [int(one.first[begin]) for begin, _ in parts[1:]]
        counts.append((len(expected) + 1, len(found) + 1))
        for name, cuts in (
            ("ours", found),
            ("none", []),
            ("evenly spaced, as many as ours", boundaries.evenly(turns, len(found))),
            ("evenly spaced, as many as the reference", boundaries.evenly(turns, len(expected))),
        ):
            ways.setdefault(name, []).append(boundaries.pk(turns, expected, cuts))
    for name, values in ways.items():
        print(f"| {name} |", *(f"{value:.3f} |" for value in _by_domain(meetings, values)))
    print("\ntopics a meeting (reference, ours):", np.mean(counts, axis=0).round(1).tolist())


def _rules(
    meetings: Sequence[Meeting], gathered: Sequence[Gathered], policy: ExtractivePolicy
) -> None:
    labels = rules.read_labels()
    found = {meeting.name: rules.found_in(meeting, policy) for meeting in meetings}
    read = [one for one in labels if not one.sampled.startswith("found")]
    print("\n| kind | lines | labelled | found | both | precision | recall | precision of hits |")
    print("|---|---|---|---|---|---|---|---|")
    for kind, name in rules.KINDS.items():
        hits = [one for one in labels if one.sampled == f"found-{kind}"]
        one, fresh = rules.score(read, found, kind), rules.score(hits, found, kind)
        print(
            f"| {name} | {len(read)} | {one.labelled} | {one.found} | {one.both} "
            f"| {one.precision:.2f} | {one.recall:.2f} | {fresh.both}/{fresh.found} |"
        )
    for meeting, one_read in zip(meetings, gathered, strict=True):
        turns: set[int] = set()
        for at, _ in open_questions(one_read, policy):
            turns |= set(range(int(one_read.first[at]), int(one_read.last[at]) + 1))
        found[meeting.name]["O"] = turns
    one = rules.score(read, found, "O")
    print(
        f"| open questions | {len(read)} | {one.labelled} | {one.found} | {one.both} "
        f"| {one.precision:.2f} | {one.recall:.2f} | |"
    )


def _retrieval(meetings: Sequence[Meeting], embedder: Embedder) -> None:
    print("\n| scored by | queries | Hit@1 | Hit@5 | Hit@10 | MRR |\n|---|---|---|---|---|---|")
    words, embeddings = retrieval.by_words, retrieval.by_embeddings(embedder)
    around = retrieval.around(embeddings, 3.0)
    speakers = retrieval.around(retrieval.by_speakers, 0.5)
    whole = retrieval.summed(embeddings, around, speakers, words)
    named = [retrieval.texts(meeting) for meeting in meetings]
    bare = [retrieval.texts(meeting, named=False) for meeting in meetings]
    scorers = {
        "BM25, without names": (words, bare),
        "embeddings, without names": (embeddings, bare),
        "BM25": (words, named),
        "embeddings": (embeddings, named),
        "embeddings; apart": (retrieval.apart(embeddings, APART), named),
        "and around; apart": (
            retrieval.apart(retrieval.summed(embeddings, around), APART),
            named,
        ),
        "and around, BM25; apart": (
            retrieval.apart(retrieval.summed(embeddings, around, words), APART),
            named,
        ),
        "and around, BM25, speakers": (whole, named),
        "and around, BM25, speakers; apart": (retrieval.apart(whole, APART), named),
    }
    for name, (scorer, said) in scorers.items():
        ranks = [
            retrieval.ranks(meeting, scorer(meeting, texts))
            for meeting, texts in zip(meetings, said, strict=True)
        ]
        for domain in (None, *DOMAINS):
            some = [
                rank
                for meeting, found in zip(meetings, ranks, strict=True)
                for rank in found
                if domain in (None, meeting.domain)
            ]
            one = retrieval.measured(some)
            print(
                f"| {name}{f', {domain}' if domain else ''} | {one.queries} | {one.hit_1:.3f} "
                f"| {one.hit_5:.3f} | {one.hit_10:.3f} | {one.mrr:.3f} |"
            )


def _evidence(meetings: Sequence[Meeting], embedder: Embedder) -> None:
    policy = EvidencePolicy()
    found = evidence.measured(meetings, embedder, policy)
    print("\n| answers against | sentences | kept | words, quartiles | cosine, quartiles |")
    print("|---|---|---|---|---|")
    for kind, supports in found.items():
        shares = np.quantile([one.words for one in supports], (0.25, 0.5, 0.75)).round(2)
        cosines = np.quantile([one.similarity for one in supports], (0.25, 0.5, 0.75)).round(2)
        print(
            f"| {kind} | {len(supports)} | {evidence.kept(supports, policy):.2f} "
            f"| {shares.tolist()} | {cosines.tolist()} |"
        )


def _three(one: summaries.Rouge) -> str:
    return f"{one.one:.1f} / {one.two:.1f} / {one.content:.1f}"


def _by_domain(meetings: Sequence[Meeting], values: Sequence[float]) -> list[float]:
    return [
        float(np.mean([v for m, v in zip(meetings, values, strict=True) if m.domain in domains]))
        for domains in (DOMAINS, *((domain,) for domain in DOMAINS))
    ]


if __name__ == "__main__":
    sys.exit(main())
