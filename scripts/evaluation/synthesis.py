"""``scripts/evaluate synthesis``: every table of docs/synthesis-quality.md."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from scripts.evaluation import engines, evidence, judged, rules, summaries
from scripts.evaluation.meetings import Meeting, read_meetings
from wordloop_ml.analysis.plan_runner import run_plan
from wordloop_ml.engines.catalogue import open_text_engines
from wordloop_ml.ports import Embedder
from wordloop_ml.settings import read_settings
from wordloop_ml.synthesis.chunks import ChunkWords, chunks_of
from wordloop_ml.synthesis.evidence import EvidencePolicy
from wordloop_ml.synthesis.extractive.notes import Gathered, gather, notes_of
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy, FeatureWeights

QMSUM = Path("../shared/data/qmsum")
POLICY = ExtractivePolicy()

OF_GATHERED: dict[str, Callable[[Sequence[Meeting], Sequence[Gathered], ExtractivePolicy], str]] = {
    "summaries": summaries.table,
    "rules": rules.table,
}
PARTS = (*OF_GATHERED, "evidence", "judged", "engines")


def main() -> int:
    """Print the tables that are asked for."""
    parser = argparse.ArgumentParser(prog="scripts/evaluate synthesis", description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all of them without")
    parser.add_argument("--qmsum", type=Path, default=QMSUM, help="the folder of *.jsonl")
    parser.add_argument("--every", type=int, default=1, help="engines: one meeting in so many")
    parser.add_argument("--unseen", action="store_true", help="engines: by others' weights")
    options = parser.parse_args()
    if not options.qmsum.is_dir():
        print(f"skipped: there is no QMSum in {options.qmsum}")
        return 0
    meetings, parts = read_meetings(options.qmsum), options.parts or PARTS
    if "evidence" in parts:
        print(evidence.table(meetings, EvidencePolicy()), flush=True)
    if "judged" in parts:
        print(judged.table(), flush=True)
    if set(parts) <= {"evidence", "judged"}:
        return 0
    with open_text_engines(read_settings(os.environ), generator="engines" in parts) as opened:
        policies: engines.Policies = {}
        if set(parts) & set(OF_GATHERED) or options.unseen:
            gathered = [read(meeting, opened.embedder) for meeting in meetings]
            for part in (one for one in OF_GATHERED if one in parts):
                print(OF_GATHERED[part](meetings, gathered, POLICY), flush=True)
            policies = unseen_policies(meetings, gathered) if options.unseen else {}
        if "engines" in parts:
            print(engines.table(meetings[:: options.every], opened, policies), flush=True)
    return 0


def unseen_policies(meetings: list[Meeting], gathered: list[Gathered]) -> engines.Policies:
    """For each meeting, by its name, the policy with the weights that others give."""
    pairs = zip(meetings, gathered, strict=True)
    examples = [summaries.example_of(meeting, one, POLICY) for meeting, one in pairs]
    weights = summaries.unseen_weights(examples, summaries.folds_of(len(examples)))
    unseen = [replace(POLICY, weights=FeatureWeights(*one.tolist())) for one in weights]
    return dict(zip((one.name for one in meetings), unseen, strict=True))


def read(meeting: Meeting, embedder: Embedder) -> Gathered:
    """Read a meeting as the service does: in chunks."""
    chunks = list(chunks_of(meeting.transcript.segments, ChunkWords(*POLICY.chunk_words)))
    notes = [run_plan(notes_of(chunk, True, POLICY), embedder) for chunk in chunks]
    return gather(meeting.transcript, chunks, notes)


if __name__ == "__main__":
    sys.exit(main())
