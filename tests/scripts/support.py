"""A result of the benchmark, as the tests of its reports need it."""

from scripts.benchmark.aims import OURS
from scripts.benchmark.figures import Spread, UtteranceFigures
from scripts.benchmark.results import Result
from scripts.benchmark.stages import Stages
from scripts.speech_evaluation.words import Errors

EACH = UtteranceFigures(
    onset_s=1.0,
    voice="somebody",
    shown_s=0.4,
    first_s=0.4,
    right_s=0.5,
    first_wrong=True,
    final_s=0.6,
    still_s=1,
    spoken_s=4,
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
    first=Spread(0.4, 0.4444, 1),
    right=Spread(0.5, 0.6, 1),
    final=Spread(0.6, float("inf"), 1),
    never_shown=0,
    never_right=0,
    never_final=1,
    lost=0,
    first_wrong=1,
    interims=200,
    wordless=1,
    still_s=1,
    spoken_s=4,
    stable=200,
    revised=1,
    errors=Errors(said=1000, substituted=40, deleted=5, inserted=5),
    cpu_per_audio_s=0.125,
    elsewhere=0.01,
    client=0.05,
    ready_rss=2**20 * 150,
    peak_rss=2**20 * 170,
    end_rss=2**20 * 160,
    late=Spread(0.0, 0.001, 3_000),
    first_stages=Stages(0.3, 0.001, 0.002, 0.05, 0.0004, 0.0002, 0.0003, 0.002, count=7),
    interim_stages=None,
    final_stages=None,
    messages={"caption": 9},
    each=(EACH,),
)
