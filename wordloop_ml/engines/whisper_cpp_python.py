"""The binding over ``whisper-cpp-python``'s library: whisper.cpp of May 2023, for who must have it.

The package's own ctypes module drags in what nothing here uses, so its ``libwhisper.so`` is called
as the other one is. What is particular to it was read in whisper.cpp 1.4 and seen in trials:
docs/adr/0016. It writes some lines about the model to standard error, and cannot be silenced.
"""

import math
from importlib import metadata
from pathlib import Path
from typing import Any

import cffi

from wordloop_ml.engines.ggml_file import GgmlHeader
from wordloop_ml.errors import ErrorCode, StartupFailed

DISTRIBUTION = "whisper-cpp-python"
EXPECTED_VERSION = "0.2.0"

_READABLE = {0, 1}
"""File types f32 and f16: the blocks of quantised ones were laid out differently then."""

_SIZES = {4: (384, 6), 6: (512, 8), 12: (768, 12), 24: (1_024, 16), 32: (1_280, 20)}
"""Audio layers -> widest and most heads: its memory has the sizes of OpenAI's own models."""

_DECLARATIONS = """
typedef int32_t whisper_token;

typedef struct {
    whisper_token id;
    whisper_token tid;
    float p;
    float plog;
    float pt;
    float ptsum;
    int64_t t0;
    int64_t t1;
    float vlen;
} whisper_token_data;

struct whisper_full_params {
    int strategy;
    int n_threads;
    int n_max_text_ctx;
    int offset_ms;
    int duration_ms;
    bool translate;
    bool no_context;
    bool single_segment;
    bool print_special;
    bool print_progress;
    bool print_realtime;
    bool print_timestamps;
    bool token_timestamps;
    float thold_pt;
    float thold_ptsum;
    int max_len;
    bool split_on_word;
    int max_tokens;
    bool speed_up;
    int audio_ctx;
    const char * initial_prompt;
    const whisper_token * prompt_tokens;
    int prompt_n_tokens;
    const char * language;
    bool detect_language;
    bool suppress_blank;
    bool suppress_non_speech_tokens;
    float temperature;
    float max_initial_ts;
    float length_penalty;
    float temperature_inc;
    float entropy_thold;
    float logprob_thold;
    float no_speech_thold;
    struct { int best_of; } greedy;
    struct { int beam_size; float patience; } beam_search;
    void * new_segment_callback;
    void * new_segment_callback_user_data;
    void * progress_callback;
    void * progress_callback_user_data;
    void * encoder_begin_callback;
    void * encoder_begin_callback_user_data;
    void * logits_filter_callback;
    void * logits_filter_callback_user_data;
};

struct whisper_full_params whisper_full_default_params(int strategy);

void * whisper_init_from_buffer_no_state(void * buffer, size_t size);
void whisper_free(void * context);
void * whisper_init_state(void * context);
void whisper_free_state(void * state);

whisper_token whisper_token_eot(void * context);
whisper_token whisper_token_beg(void * context);
const char * whisper_token_to_str(void * context, whisper_token token);
const char * whisper_lang_str(int id);

int whisper_full_with_state(
    void * context, void * state, struct whisper_full_params params,
    const float * samples, int n_samples);
int whisper_full_n_segments_from_state(void * state);
int whisper_full_n_tokens_from_state(void * state, int segment);
whisper_token_data whisper_full_get_token_data_from_state(void * state, int segment, int token);

int whisper_lang_max_id(void);
int whisper_lang_auto_detect_with_state(
    void * context, void * state, int offset_ms, int n_threads, float * probabilities);
"""

_DEFAULTS: dict[str, float] = {
    "n_max_text_ctx": 16384,
    "no_context": 1,
    "print_progress": 1,
    "print_timestamps": 1,
    "thold_ptsum": 0.01,
    "suppress_blank": 1,
    "max_initial_ts": 1.0,
    "length_penalty": -1.0,
    "temperature_inc": 0.4,
    "entropy_thold": 2.4,
    "logprob_thold": -1.0,
    "no_speech_thold": 0.6,
}

ffi = cffi.FFI()
ffi.cdef(_DECLARATIONS)


class WhisperCppPython:
    """The binding over the package's library.

    Without a second of silence after them, words would be lost: the library ends at a timestamp in
    the last second, and does not begin with less than one.
    """

    name = "whisper_cpp_python"
    ffi = ffi
    appended_samples = 16_000
    idle_ms = 1_000
    distilled_layers = 0
    most_beams = 1  # with more, the process ends
    keeps_to_its_job = False

    def __init__(self) -> None:
        """Open the library; raises ``StartupFailed`` with ``ENGINE_INCOMPATIBLE``."""
        path = find_library()
        try:
            self.library = ffi.dlopen(str(path))
            defaults = self.library.whisper_full_default_params(0)
        except (OSError, AttributeError) as error:
            raise _incompatible(f"its library cannot be used: {error}") from error
        wrong = [
            name
            for name, value in _DEFAULTS.items()
            if not math.isclose(getattr(defaults, name), value, rel_tol=1e-5)
        ]
        # the pointer is followed last, when all numbers around it were where they belong
        if wrong or defaults.language == ffi.NULL or ffi.string(defaults.language) != b"en":
            raise _incompatible(f"its parameters are laid out differently: {wrong}")

    def check(self, header: GgmlHeader) -> None:
        """Refuse weights at which it would abort; raises ``StartupFailed``."""
        if header.file_type not in _READABLE:
            raise _incompatible("it reads no quantised weights of today, only f16 and f32")
        if header.vocabulary == 51_866 or header.mels != 80:
            raise _incompatible("it is older than models with Cantonese or 128 mel bands")
        width, heads = _SIZES.get(header.audio_layers, (0, 0))
        fits = (
            header.audio_width <= width
            and max(header.audio_heads, header.text_heads) <= heads
            and header.text_layers <= header.audio_layers
            and header.text_context <= 448
        )
        if not fits:
            raise _incompatible("it has room for the shapes of OpenAI's models only")

    def open_context(self, data: Any) -> Any:
        """Load weights from a buffer; NULL when it cannot."""
        return self.library.whisper_init_from_buffer_no_state(data, len(data))

    def new_parameters(self) -> Any:
        """Make a ``whisper_full_params`` with the defaults, owned by the caller."""
        defaults = self.library.whisper_full_default_params(0)
        parameters = ffi.new("struct whisper_full_params *", defaults)
        parameters.suppress_non_speech_tokens = True
        return parameters

    def no_speech_probability(self, _state: Any) -> float:
        """Return 0.0: this version does not tell, so that guards have the log probability alone."""
        return 0.0


def find_library() -> Path:
    """Find the libwhisper of the installed package, without importing it."""
    try:
        installed = metadata.distribution(DISTRIBUTION)
    except metadata.PackageNotFoundError as error:
        raise _incompatible("it is not installed") from error
    if installed.version != EXPECTED_VERSION:
        raise _incompatible(f"it is {installed.version}, the engine needs {EXPECTED_VERSION}")
    for file in installed.files or ():
        path = Path(str(installed.locate_file(file)))
        if file.name == "libwhisper.so" and path.is_file():
            return path
    raise _incompatible("it ships no libwhisper")


def _incompatible(message: str) -> StartupFailed:
    return StartupFailed(
        f"the package {DISTRIBUTION}: {message}", code=ErrorCode.ENGINE_INCOMPATIBLE
    )
