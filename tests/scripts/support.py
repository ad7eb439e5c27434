"""A result of the benchmark, as the tests of its reports need it."""

from scripts.benchmark.figures import Spread, UtteranceFigures
from scripts.benchmark.meters import CpuUse
from scripts.benchmark.native_cost import NativeCost
from scripts.benchmark.results import Result
from scripts.benchmark.stages import Stages

EACH = UtteranceFigures(1.0, "a voice", 0.4, 0.5, True, 0.6, 1, "Hello.", "Yellow", "Hello.")
STAGES = Stages(0.3, 0.001, 0.002, 0.02, 0.03, 0.0004, 0.0002, 0.0003, 0.002, count=7)
ONE = Result(
    subject="embedded",
    has_words=True,
    meetings=1,
    tracks=1,
    seconds=60.0,
    talk_share=0.61,
    utterances=1,
    never_captioned=0,
    without_final=0,
    merged_or_split=0,
    first_caption=Spread(0.4, 0.4444, 0.45, 1),
    first_right=None,
    first_wrong_share=0.25,
    final=Spread(0.6, 0.6, 0.6, 1),
    interim_gap=None,
    transcript_latency=Spread(0.1, 0.2, 0.3, 40),
    first_stages=STAGES,
    interim_stages=None,
    final_stages=None,
    stable=200,
    revised=1,
    segments_over_nothing=0,
    word_error_rate=0.0512,
    offline_word_error_rate=None,
    cpu=CpuUse(60.0, 0.1, 0.3, 0.05, 0.01),
    native_cost=NativeCost(0.0084, 0.0041, 0.02, 0.015),
    around_native=None,
    ready_rss=2**20 * 150,
    peak_rss=2**20 * 170,
    end_rss=2**20 * 160,
    send_lateness=Spread(0.0, 0.001, 0.0021, 3_000),
    messages={"caption": 9},
    each=(EACH,),
)
