"""Where the time of a caption went, as a log line says it."""

from wordloop_ml.meetings.session import CaptionTiming, DecodeTiming
from wordloop_ml.messages import JobClass

DECODE = DecodeTiming(
    JobClass.FIRST_CAPTION, samples=8_000, heard_s=0.001, queued_s=0.02, ran_s=0.04, done_s=9.0
)


def test_every_stage_of_a_decoded_caption_is_told_in_milliseconds() -> None:
    """From the audio's arrival to the socket."""
    timing = CaptionTiming(DECODE, returned_s=0.002, stabilised_s=0.0005, put_s=9.5)
    assert timing.facts(sent_s=9.503) == {
        "decoded_for": "first_caption",
        "audio_ms": 500,
        "heard_ms": 1.0,
        "queued_ms": 20.0,
        "ran_ms": 40.0,
        "returned_ms": 2.0,
        "stabilised_ms": 0.5,
        "send_ms": 3.0,
    }


def test_a_caption_that_the_audio_let_out_names_no_decode() -> None:
    """A speculation that came true was decoded long before."""
    facts = CaptionTiming(None, returned_s=0.0, stabilised_s=0.001, put_s=1.0).facts(1.0)
    assert facts["decoded_for"] == "none"
    assert "ran_ms" not in facts
