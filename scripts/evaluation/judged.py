"""What a model wrote and the check kept, judged by reading: ``judged.csv``; blocking (reads it).

Written by Qwen2.5-Coder-1.5B-Instruct about QMSum's meetings (MIT). reading: 1, before rules were made of what it showed (``synthesis/generative/claims.py``);
2, after, mostly of other meetings; 3, summaries of passages (docs/adr/0038); 4, weakened ones (0045); 5, of larger chunks; 6, of one thing each (0046); 7, facts
first (0048); 8, the same beside 9, who alone said it is named (0049), blind; 10, of other meetings; 11, with an opening; 12, without kinds that are seldom true
(0050); 13, what is new in further passages of chunks (0052); 14, no model's, items as the rules find them (0053). By other readers each time.
"""

import csv
from collections import Counter
from pathlib import Path

from scripts.benchmark.report import Table

JUDGED = Path(__file__).with_name("judged.csv")
VERDICTS = ("true", "partly", "false")


def table() -> str:
    """Count verdicts and wrong owners of each reading, by kind."""
    counts: Counter[tuple[str, str, str]] = Counter()
    with JUDGED.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for kind in (row["kind"], "all"):
                counts[row["reading"], kind, row["verdict"]] += 1
                counts[row["reading"], kind, "wrong owner"] += row["owner"] == "wrong"
    rows = [
        [reading, kind, *(str(counts[reading, kind, what]) for what in (*VERDICTS, "wrong owner"))]
        for reading, kind in dict.fromkeys((one, kind) for one, kind, _ in counts)
    ]
    return Table(["reading", "kind", *VERDICTS, "wrong owner"], rows).markdown()
