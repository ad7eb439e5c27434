"""The same audio decoded offline, with no clock: what a live transcript is held against."""

from collections.abc import Iterator, Sequence

from scripts.benchmark.native_cost import as_floats
from scripts.benchmark.tracks import Script
from wordloop_ml.cli.hints import Hints
from wordloop_ml.cli.offline import transcribe_offline
from wordloop_ml.engines.catalogue import Engines
from wordloop_ml.messages import SAMPLE_RATE, Caption, Samples


def offline_transcripts(engines: Engines, scripts: Sequence[Script]) -> list[str]:
    """The finals of each track, joined; blocking."""
    worker = engines.transcriber.open_worker()
    try:
        return [
            " ".join(
                event.text
                for event in transcribe_offline(
                    f"t{index}",
                    _seconds(as_floats(script)),
                    worker,
                    engines.voice_detector,
                    hints=Hints(language="en"),
                )
                if isinstance(event, Caption)
            )
            for index, script in enumerate(scripts)
        ]
    finally:
        worker.close()


def _seconds(samples: Samples) -> Iterator[Samples]:
    for start in range(0, len(samples), SAMPLE_RATE):
        yield samples[start : start + SAMPLE_RATE]
