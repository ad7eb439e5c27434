"""A transcriber that remembers how it was asked."""

from dataclasses import replace

from wordloop_ml.engines.scripted import ScriptedTranscriber
from wordloop_ml.messages import DecodeOptions, Hypothesis, Utterance
from wordloop_ml.ports import TranscriberCapabilities, TranscriberWorker


class AttentiveTranscriber(ScriptedTranscriber):
    """Scripted, and says that it knows some languages, by Whisper's codes, and translates. asked: the options of each job."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[DecodeOptions] = []

    @property
    def capabilities(self) -> TranscriberCapabilities:
        return replace(super().capabilities, languages=("en", "de", "no", "jw"), translates=True)

    def open_worker(self) -> TranscriberWorker:  # type: ignore[override]
        return AttentiveWorker(super().open_worker(), self.asked)


class AttentiveWorker:
    """Reads the words off the samples, whatever it is asked."""

    def __init__(self, scripted: TranscriberWorker, asked: list[DecodeOptions]) -> None:
        self._scripted = scripted
        self._asked = asked

    def transcribe(self, utterance: Utterance, options: DecodeOptions) -> Hypothesis:
        self._asked.append(options)
        return self._scripted.transcribe(utterance, DecodeOptions())

    def close(self) -> None:
        self._scripted.close()
