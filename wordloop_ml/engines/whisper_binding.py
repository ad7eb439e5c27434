"""What the engine asks of a build of whisper.cpp beyond the functions that all of them have."""

from typing import Any, Protocol

from wordloop_ml.engines.ggml_file import GgmlHeader


class WhisperBinding(Protocol):
    """A library, its declarations, and what is particular to them.

    name: what the capabilities call an engine on it. ffi: declares its structs.
    library: its functions, by their names in ``whisper.h``.
    appended_samples: silence after each utterance, without which the library drops audio.
    idle_ms: the longest audio that it looks at and does not encode.
    distilled_layers: how many text layers it takes for a distilled model, without timestamps; 0
        for none.
    most_beams: how many hypotheses a decode can follow.
    keeps_to_its_job: a state remembers nothing of the job before; otherwise each gets a new one.
    """

    name: str
    ffi: Any
    library: Any
    appended_samples: int
    idle_ms: int
    distilled_layers: int
    most_beams: int
    keeps_to_its_job: bool

    def check(self, header: GgmlHeader) -> None:
        """Refuse weights that would end the process; raises ``StartupFailed``."""
        ...

    def open_context(self, data: Any) -> Any:
        """Load weights from a buffer; NULL when it cannot."""
        ...

    def new_parameters(self) -> Any:
        """A ``whisper_full_params`` with the defaults, owned by the caller.

        What is not speech (brackets, notes, arrows) is never decoded.
        """
        ...

    def no_speech_probability(self, state: Any) -> float:
        """Of the newest result, which has a segment; 0.0 where the library does not tell."""
        ...
