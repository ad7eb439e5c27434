"""A result of the benchmark, as the tests of its reports need it."""

from scripts.benchmark.aims import OURS
from scripts.benchmark.figures import UtteranceFigures
from scripts.benchmark.meters import CpuUse
from scripts.benchmark.report import Spread
from scripts.benchmark.results import Result
from scripts.evaluation.words import Errors

EACH = UtteranceFigures(
    onset_s=1.0,
    first_s=0.4,
    right_s=0.5,
    first_wrong=True,
    final_s=None,
    share_right=1.0,
    said="Hello.",
    first_text="yellow",
    text="hello",
)
ONE = Result(
    server=OURS,
    profile="embedded",
    meetings=1,
    seconds=60.0,
    each=(EACH,),
    errors=Errors(said=1000, substituted=40, deleted=5, inserted=5),
    interims=200,
    wordless=1,
    stable=200,
    revised=1,
    cpu=CpuUse(60.0, 7.5, 3.0, 11.1),
    rss=(2**20 * 150, 2**20 * 170),
    late=Spread(0.0, 0.001, 3_000),
    stages={"first": (9, [300.0, 1.0, 2.0, 50.0, 0.4, 0.2, 0.3])},
)
