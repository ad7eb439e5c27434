"""Loads whisper.cpp and declares its C API, through cffi in ABI mode.

The library is the one that the ``pywhispercpp`` wheel ships (its own extension binds one state
per context, so it is not used, nor imported). The declarations are those of ``whisper.h`` of
whisper.cpp 1.8.5; a struct of another version would be read at wrong offsets, so ``open_library``
compares the version and every default value before anything else is called (docs/adr/0002).

A library that was compiled for one CPU ends the process on another by SIGILL, at its first decode or
as it is loaded. A build for one CPU therefore leaves a record of that CPU's instruction sets beside
the library (scripts/native_whisper), which is read before the library is. Only x86 is compared:
there the kernel names the instruction sets, and only there has it been tried.
"""

import json
import math
import os
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

import cffi

from wordloop_ml.engines.ggml_file import GgmlHeader
from wordloop_ml.errors import ErrorCode, StartupFailed


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
        """Make a ``whisper_full_params`` with the defaults, owned by the caller.

        What is not speech (brackets, notes, arrows) is never decoded.
        """
        ...

    def no_speech_probability(self, state: Any) -> float:
        """Return that of the newest result, which has a segment; 0.0 where the library does not tell."""
        ...


CPU_INFO = Path("/proc/cpuinfo")

# fmt: off
COMPILED_FOR = frozenset({
    "pni", "ssse3", "sse4_1", "sse4_2", "popcnt", "movbe", "abm", "bmi1", "bmi2", "f16c", "fma",
    "fma4", "xop", "adx", "avx", "avx2", "avx_vnni", "avx_ifma", "avx_vnni_int8",
    "avx_ne_convert", "avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl", "avx512ifma",
    "avx512vbmi", "avx512_vbmi2", "avx512_vnni", "avx512_bitalg", "avx512_vpopcntdq",
    "avx512_bf16", "avx512_fp16", "gfni", "amx_tile", "amx_int8", "amx_bf16",
})
# fmt: on
"""What a compiler uses on its own or ggml has code for, as Linux spells it in ``flags``."""

_RECORD = "libwhisper.built-for.json"


@dataclass(frozen=True, slots=True)
class Record:
    """What a library was built for: its options, in words, and the instruction sets of its CPU."""

    options: str
    instructions: frozenset[str]


def cpu_instructions(source: Path = CPU_INFO) -> frozenset[str] | None:
    """Return those of ``COMPILED_FOR`` that the CPU has; None where the kernel does not say."""
    try:
        lines = source.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        name, _, values = line.partition(":")
        if name.strip() == "flags":
            return COMPILED_FOR.intersection(values.split())
    return None


def read_record(library: Path) -> Record | None:
    """Read the record beside the library; None for one that was built for no CPU in particular."""
    try:
        stored = json.loads((library.parent / _RECORD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Record(str(stored["options"]), frozenset(stored["instructions"]))


def write_record(library: Path, options: str, source: Path = CPU_INFO) -> None:
    """Write the record beside a library that was built with these options, on and for this CPU."""
    stored = {"options": options, "instructions": sorted(cpu_instructions(source) or ())}
    (library.parent / _RECORD).write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")


def missing_instructions(needed: frozenset[str], source: Path = CPU_INFO) -> tuple[str, ...]:
    """Return what this CPU lacks of ``needed``, sorted; nothing where that cannot be known."""
    there = cpu_instructions(source)
    return () if there is None else tuple(sorted(needed - there))


EXPECTED_VERSION = "1.8.5"
"""The whisper.cpp whose structs are declared below."""

MOST_BEAMS = 8
"""whisper.cpp's ``WHISPER_MAX_DECODERS``."""

_DISTRIBUTION = "pywhispercpp"

_SPIN_COUNT = "1000"
"""Rounds of waiting awake, some microseconds: most of what one thread waits for another."""

_WHEEL_INSTRUCTIONS = frozenset({"avx", "avx2", "bmi2", "f16c", "fma", "sse4_2"})
"""What the wheel for x86-64 was compiled for: ggml's defaults, as ``ggml_cpu_has_*`` tell."""

_DECLARATIONS = """
typedef int32_t whisper_token;

struct whisper_ahead { int n_text_layer; int n_head; };
struct whisper_aheads { size_t n_heads; const struct whisper_ahead * heads; };

struct whisper_context_params {
    bool use_gpu;
    bool flash_attn;
    int gpu_device;
    bool dtw_token_timestamps;
    int dtw_aheads_preset;
    int dtw_n_top;
    struct whisper_aheads dtw_aheads;
    size_t dtw_mem_size;
};

typedef struct {
    whisper_token id;
    whisper_token tid;
    float p;
    float plog;
    float pt;
    float ptsum;
    int64_t t0;
    int64_t t1;
    int64_t t_dtw;
    float vlen;
} whisper_token_data;

struct whisper_vad_params {
    float threshold;
    int min_speech_duration_ms;
    int min_silence_duration_ms;
    float max_speech_duration_s;
    int speech_pad_ms;
    float samples_overlap;
};

struct whisper_full_params {
    int strategy;
    int n_threads;
    int n_max_text_ctx;
    int offset_ms;
    int duration_ms;
    bool translate;
    bool no_context;
    bool no_timestamps;
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
    bool debug_mode;
    int audio_ctx;
    bool tdrz_enable;
    const char * suppress_regex;
    const char * initial_prompt;
    bool carry_initial_prompt;
    const whisper_token * prompt_tokens;
    int prompt_n_tokens;
    const char * language;
    bool detect_language;
    bool suppress_blank;
    bool suppress_nst;
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
    void * abort_callback;
    void * abort_callback_user_data;
    void * logits_filter_callback;
    void * logits_filter_callback_user_data;
    const void ** grammar_rules;
    size_t n_grammar_rules;
    size_t i_start_rule;
    float grammar_penalty;
    bool vad;
    const char * vad_model_path;
    struct whisper_vad_params vad_params;
};

const char * whisper_version(void);
const char * whisper_print_system_info(void);
void whisper_log_set(void (*callback)(int, const char *, void *), void * user_data);

struct whisper_context_params * whisper_context_default_params_by_ref(void);
void whisper_free_context_params(struct whisper_context_params *);
struct whisper_full_params * whisper_full_default_params_by_ref(int strategy);
void whisper_free_params(struct whisper_full_params *);

void * whisper_init_from_buffer_with_params_no_state(
    void * buffer, size_t size, struct whisper_context_params params);
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
float whisper_full_get_segment_no_speech_prob_from_state(void * state, int segment);

int whisper_lang_max_id(void);
int whisper_lang_auto_detect_with_state(
    void * context, void * state, int offset_ms, int n_threads, float * probabilities);
"""

_CONTEXT_DEFAULTS: dict[str, float] = {
    "use_gpu": 1,
    "flash_attn": 1,
    "gpu_device": 0,
    "dtw_token_timestamps": 0,
    "dtw_aheads_preset": 0,
    "dtw_n_top": -1,
    "dtw_aheads.n_heads": 0,
    "dtw_mem_size": 128 * 1024 * 1024,
}

_FULL_DEFAULTS: dict[str, float] = {
    "strategy": 0,
    "n_max_text_ctx": 16384,
    "offset_ms": 0,
    "duration_ms": 0,
    "translate": 0,
    "no_context": 1,
    "no_timestamps": 0,
    "single_segment": 0,
    "print_special": 0,
    "print_progress": 1,
    "print_realtime": 0,
    "print_timestamps": 1,
    "token_timestamps": 0,
    "thold_pt": 0.01,
    "thold_ptsum": 0.01,
    "max_len": 0,
    "split_on_word": 0,
    "max_tokens": 0,
    "debug_mode": 0,
    "audio_ctx": 0,
    "tdrz_enable": 0,
    "carry_initial_prompt": 0,
    "prompt_n_tokens": 0,
    "detect_language": 0,
    "suppress_blank": 1,
    "suppress_nst": 0,
    "temperature": 0.0,
    "max_initial_ts": 1.0,
    "length_penalty": -1.0,
    "temperature_inc": 0.2,
    "entropy_thold": 2.4,
    "logprob_thold": -1.0,
    "no_speech_thold": 0.6,
    "greedy.best_of": 5,
    "beam_search.beam_size": -1,
    "beam_search.patience": -1.0,
    "n_grammar_rules": 0,
    "i_start_rule": 0,
    "grammar_penalty": 100.0,
    "vad": 0,
    "vad_params.threshold": 0.5,
    "vad_params.min_speech_duration_ms": 250,
    "vad_params.min_silence_duration_ms": 100,
    "vad_params.speech_pad_ms": 30,
    "vad_params.samples_overlap": 0.1,
}

ffi = cffi.FFI()
ffi.cdef(_DECLARATIONS)


@ffi.callback("void(int, const char *, void *)")  # type: ignore[untyped-decorator]
def _swallow(_level: int, _text: Any, _user_data: Any) -> None:
    """Drop native log lines: they would interleave with ours, and may quote text.

    A module-level function, because the library keeps the pointer until the process ends.
    """


class PyWhisperCpp:
    """The binding over ``pywhispercpp``'s library, or over another of its version."""

    name = "whisper_cpp"
    ffi = ffi
    appended_samples = 0
    idle_ms = 100
    distilled_layers = 2
    most_beams = MOST_BEAMS
    keeps_to_its_job = True

    def __init__(self, path: Path | None = None, expected_version: str = EXPECTED_VERSION) -> None:
        """Open the library; raises ``StartupFailed`` with ``ENGINE_INCOMPATIBLE``."""
        self.library = open_library(path, expected_version)

    def check(self, header: GgmlHeader) -> None:
        """Accept everything: this version loads what ``read_header`` lets through."""

    def open_context(self, data: Any) -> Any:
        """Load weights from a buffer; NULL when it cannot."""
        defaults = self.library.whisper_context_default_params_by_ref()
        parameters = ffi.new("struct whisper_context_params *", defaults[0])
        self.library.whisper_free_context_params(defaults)
        parameters.use_gpu = False
        # With flash attention, whisper.cpp reads keys and values up to the next multiple of 256
        # positions without a mask: rows that an earlier job of this state, another speaker's, left
        # there. Without it the rows are exactly those of this job.
        parameters.flash_attn = False
        return self.library.whisper_init_from_buffer_with_params_no_state(
            data, len(data), parameters[0]
        )

    def new_parameters(self) -> Any:
        """Make a ``whisper_full_params`` with the defaults, but without signs, owned by the caller."""
        defaults = self.library.whisper_full_default_params_by_ref(0)
        parameters = ffi.new("struct whisper_full_params *", defaults[0])
        self.library.whisper_free_params(defaults)
        parameters.suppress_nst = True
        return parameters

    def no_speech_probability(self, state: Any) -> float:
        """Return that of the newest result, which has a segment."""
        return float(self.library.whisper_full_get_segment_no_speech_prob_from_state(state, 0))


def find_library() -> Path:
    """Find the libwhisper of the installed wheel, without importing it.

    auditwheel leaves two copies: the one under ``pywhispercpp.libs`` is linked against its
    siblings there and nothing else, so one copy of ggml and of libgomp is loaded. A build from
    source has the top-level copy only.
    """
    try:
        installed = metadata.distribution(_DISTRIBUTION)
    except metadata.PackageNotFoundError as error:
        raise _incompatible(f"the package {_DISTRIBUTION} is not installed") from error
    files = [file for file in installed.files or () if file.name.startswith("libwhisper")]
    bundled = [file for file in files if file.parent.name == f"{_DISTRIBUTION}.libs"]
    plain = [file for file in files if file.name == "libwhisper.so"]
    for file in bundled + plain:
        path = Path(str(installed.locate_file(file)))
        if path.is_file():
            return path
    raise _incompatible(f"the package {_DISTRIBUTION} {installed.version} ships no libwhisper")


def open_library(path: Path | None = None, expected_version: str = EXPECTED_VERSION) -> Any:
    """Open the library, check it and silence its log.

    path: another libwhisper of the same version (one built for this CPU), or None for the wheel's.
    Raises ``StartupFailed`` with ``ENGINE_INCOMPATIBLE``. Opening it again gives the same library.
    """
    # libgomp reads these once, when it is loaded. By default its threads spin for a while after
    # each parallel region, which on few cores steals the time of the workers beside them; without
    # spinning at all, threads that work together wake each other up hundreds of times a decode,
    # and gain nothing. Defaults only: who sets a variable in the environment keeps their choice.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ["OMP_WAIT_POLICY"] = "passive"
        os.environ.setdefault("GOMP_SPINCOUNT", _SPIN_COUNT)
    path = path if path is not None else find_library()
    _check_cpu(path)
    try:
        library = ffi.dlopen(str(path))
    except OSError as error:
        raise _incompatible(f"libwhisper cannot be loaded: {error}") from error
    try:
        version = ffi.string(library.whisper_version()).decode()
        if version != expected_version:
            raise _incompatible(f"libwhisper is {version}, the engine needs {expected_version}")
        _check_layout(library)
    except AttributeError as error:
        raise _incompatible(f"libwhisper lacks a function: {error}") from error
    library.whisper_log_set(_swallow, ffi.NULL)
    return library


_IN_SYSTEM_INFO = {
    "avx": "AVX",
    "avx2": "AVX2",
    "fma": "FMA",
    "avx512f": "AVX512",
    "avx512_vnni": "AVX512_VNNI",
    "avx_vnni": "AVX_VNNI",
    "amx_int8": "AMX_INT8",
}
"""What ggml calls the instruction sets of ``COMPILED_FOR`` that make the difference."""


def built_instructions(library: Any) -> frozenset[str]:
    """Ask an open library which instruction sets it was compiled for, of those that make the difference."""
    said = ffi.string(library.whisper_print_system_info()).decode()
    on = {part.split("=")[0].strip().split()[-1] for part in said.split("|") if "= 1" in part}
    return frozenset(name for name, told in _IN_SYSTEM_INFO.items() if told in on)


def _check_cpu(path: Path) -> None:
    """Refuse a library that was built for another CPU, before it is loaded and ends the process."""
    record = read_record(path)
    if record is not None:
        missing = missing_instructions(record.instructions)
        mend = "run scripts/setup --native here, or build the image on the CPU that runs it"
    elif path.parent.name == f"{_DISTRIBUTION}.libs":
        missing = missing_instructions(_WHEEL_INSTRUCTIONS)
        mend = "run scripts/setup --native here"
    else:
        return
    if missing:
        raise _incompatible(
            f"libwhisper was built for a CPU with {', '.join(missing)}, which this one lacks: {mend}"
        )


def _check_layout(library: Any) -> None:
    """Compare every default with the header's: a shifted field would show here."""
    context = library.whisper_context_default_params_by_ref()
    full = library.whisper_full_default_params_by_ref(0)
    try:
        wrong = _differences(context, _CONTEXT_DEFAULTS) + _differences(full, _FULL_DEFAULTS)
        # the pointer is followed last, when all numbers around it were where they belong
        if not wrong and (full.language == ffi.NULL or ffi.string(full.language) != b"en"):
            wrong = ["language"]
    finally:
        library.whisper_free_context_params(context)
        library.whisper_free_params(full)
    if wrong:
        raise _incompatible(f"libwhisper's parameters are laid out differently: {wrong}")


def _differences(struct: Any, expected: dict[str, float]) -> list[str]:
    """Return the names of the fields that do not hold the value that the header documents."""
    wrong = []
    for name, value in expected.items():
        found = struct
        for part in name.split("."):
            found = getattr(found, part)
        if not math.isclose(found, value, rel_tol=1e-5):
            wrong.append(name)
    return wrong


def _incompatible(message: str) -> StartupFailed:
    return StartupFailed(message, code=ErrorCode.ENGINE_INCOMPATIBLE)
