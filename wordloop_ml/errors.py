"""The errors that the service names, grouped by what the caller should do.

Each error carries a stable ``code``, which is what clients, logs and metrics see. Messages may
name fields, limits and offsets; they never carry a transcript, a name or audio.
"""

from enum import StrEnum


class ErrorCode(StrEnum):
    """Every code that can reach a client, an operator or a log; documented in docs/errors.md."""

    # the request is wrong: fix it, do not retry
    BAD_FRAME = "bad_frame"
    BAD_JSON = "bad_json"
    BAD_MESSAGE = "bad_message"
    UNKNOWN_MESSAGE = "unknown_message"
    UNEXPECTED_MESSAGE = "unexpected_message"
    UNSUPPORTED_VERSION = "unsupported_version"
    UNSUPPORTED_ENCODING = "unsupported_encoding"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    UNSUPPORTED_LANGUAGE = "unsupported_language"
    UNSUPPORTED_TASK = "unsupported_task"
    UNSUPPORTED_NOTES = "unsupported_notes"
    BAD_AUDIO = "bad_audio"
    TOO_LARGE = "too_large"
    TOO_FAST = "too_fast"
    AUDIO_HOLE = "audio_hole"
    SUPERSEDED = "superseded"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    TRANSCRIPT_EMPTY = "transcript_empty"
    TRANSCRIPT_TOO_LONG = "transcript_too_long"
    TOO_MANY_SEGMENTS = "too_many_segments"
    DUPLICATE_SEGMENT = "duplicate_segment"
    TIMES_BACKWARDS = "times_backwards"
    UNKNOWN_FIELD = "unknown_field"
    UNSUPPORTED_ENGINE = "unsupported_engine"
    UNSUPPORTED_MODEL = "unsupported_model"
    UNSUPPORTED_DIMENSIONS = "unsupported_dimensions"
    UNSUPPORTED_INPUT = "unsupported_input"
    TOO_MANY_TEXTS = "too_many_texts"
    TEXT_TOO_LONG = "text_too_long"
    TOKEN_REFUSED = "token_refused"  # noqa: S105 - the name of an error, not a secret
    TOKEN_EXPIRED = "token_expired"  # noqa: S105 - likewise
    ORIGIN_REFUSED = "origin_refused"
    QUOTA = "quota"
    NOT_FOUND = "not_found"
    BAD_REQUEST = "bad_request"
    IDLE = "idle"
    SLOW_CONSUMER = "slow_consumer"
    UNREADABLE_AUDIO = "unreadable_audio"
    NO_MICROPHONE = "no_microphone"
    UNREADABLE_TRANSCRIPT = "unreadable_transcript"
    SERVER_UNREACHABLE = "server_unreachable"
    # retry later, or elsewhere
    BUSY = "busy"
    DRAINING = "draining"
    ENGINE_AWAY = "engine_away"
    # a job is lost, the meeting lives
    ENGINE_FAILED = "engine_failed"
    INTERNAL = "internal"
    # start-up only: the service does not start
    BAD_SETTING = "bad_setting"
    BAD_TOKENS_FILE = "bad_tokens_file"
    BAD_MANIFEST = "bad_manifest"
    UNKNOWN_PROFILE = "unknown_profile"
    WEIGHTS_MISSING = "weights_missing"
    WEIGHTS_TRUNCATED = "weights_truncated"
    WEIGHTS_CORRUPT = "weights_corrupt"
    WEIGHTS_UNREACHABLE = "weights_unreachable"
    WEIGHTS_LOCKED = "weights_locked"
    WEIGHTS_TOO_LARGE = "weights_too_large"
    ALREADY_LOADED = "already_loaded"
    DISK_FULL = "disk_full"
    ENGINE_INCOMPATIBLE = "engine_incompatible"


class WordloopError(Exception):
    """An error that the service expects and names; anything else is a bug."""

    default_code: ErrorCode = ErrorCode.INTERNAL

    def __init__(self, message: str, *, code: ErrorCode | None = None) -> None:
        super().__init__(message)
        self.code = code if code is not None else self.default_code


class BadInput(WordloopError):
    """Raised for a wrong request: sending it again will fail again.

    field: the name of the field that is wrong, where clients of an interface are told it by itself.
    """

    default_code = ErrorCode.BAD_REQUEST

    def __init__(
        self, message: str, *, code: ErrorCode | None = None, field: str | None = None
    ) -> None:
        super().__init__(message, code=code)
        self.field = field


class BusyReason(StrEnum):
    """Which bound was reached: a label of metrics and a field of logs; clients are told the code alone."""

    STARTING = "starting"
    DRAINING = "draining"
    LOAD = "load"
    RESUME_LOAD = "resume_load"
    MEETINGS = "meetings"
    TRACKS = "tracks"
    JOBS = "jobs"
    QUEUE = "queue"
    BODIES = "bodies"
    FILES = "files"
    DISK = "disk"
    EMBEDDINGS = "embeddings"
    ENGINE_AWAY = "engine_away"
    OTHER = "other"


class Busy(WordloopError):
    """Raised where a bound is reached: retry after ``retry_after_s`` seconds. reason: which bound."""

    default_code = ErrorCode.BUSY

    def __init__(
        self,
        message: str,
        *,
        retry_after_s: float = 1.0,
        reason: BusyReason = BusyReason.OTHER,
        code: ErrorCode | None = None,
    ) -> None:
        super().__init__(message, code=code)
        self.retry_after_s = retry_after_s
        self.reason = reason


class Draining(Busy):
    """Raised while this process ends: retry elsewhere, at once."""

    default_code = ErrorCode.DRAINING

    def __init__(self, message: str = "this container is draining") -> None:
        super().__init__(message, retry_after_s=0.0, reason=BusyReason.DRAINING)


class EngineAway(Busy):
    """Raised where an engine in another process cannot be asked now: nothing is wrong with the job.

    began: the engine may have had the job when it went away, and the job may be why.
    """

    default_code = ErrorCode.ENGINE_AWAY

    def __init__(
        self,
        message: str = "the engine is away",
        *,
        began: bool = False,
        retry_after_s: float = 1.0,
    ) -> None:
        super().__init__(message, retry_after_s=retry_after_s, reason=BusyReason.ENGINE_AWAY)
        self.began = began


class EngineFailed(WordloopError):
    """Raised for one job that is lost; the meeting goes on."""

    default_code = ErrorCode.ENGINE_FAILED


class StartupFailed(WordloopError):
    """Raised where the service cannot start: a setting, the weights or a native library is wrong."""

    default_code = ErrorCode.BAD_SETTING


class StartupHung(StartupFailed):
    """Raised where the service cannot start and a native call holds a thread: end the process without waiting."""

    default_code = ErrorCode.ENGINE_FAILED


class WeightsUnusable(StartupFailed):
    """Raised for weights that are missing, truncated, corrupt or cannot be had; the code says which."""

    default_code = ErrorCode.WEIGHTS_MISSING
