"""Wire protocol, version 1: the front of the room; docs/protocol.md documents it.

Text frames in: ``parse_client``. Binary frames in: ``pcm.PcmDecoder``, or ``audio.opus`` for what
is no PCM. Text frames out: ``encode``, of what ``EventTranslator`` makes from a track's events, or
of messages built here.
"""

from wordloop_ml.wire.client_messages import (
    MAX_CHANNELS,
    MAX_SAMPLE_RATE,
    MIN_SAMPLE_RATE,
    VERSION,
    ClientMessage,
    Encoding,
    FinalizeMessage,
    GapMessage,
    KeepAliveMessage,
    StartMessage,
    StopMessage,
    parse_client,
)
from wordloop_ml.wire.close_codes import CloseCode, close_code, close_reason, http_status
from wordloop_ml.wire.fields import MAX_POSITION
from wordloop_ml.wire.identifiers import valid_meeting_id
from wordloop_ml.wire.pace import Pace
from wordloop_ml.wire.pcm import PcmDecoder
from wordloop_ml.wire.positions import Positions
from wordloop_ml.wire.pulse import Pulse
from wordloop_ml.wire.server_messages import (
    AckMessage,
    CaptionMessage,
    CaptionMessageWord,
    DrainingMessage,
    EndedMessage,
    ErrorMessage,
    Limits,
    NoticeCode,
    NoticeMessage,
    ReadyMessage,
    ServerMessage,
    SpeechStartedMessage,
    encode,
)
from wordloop_ml.wire.track_events import EventTranslator

__all__ = [
    "MAX_CHANNELS",
    "MAX_POSITION",
    "MAX_SAMPLE_RATE",
    "MIN_SAMPLE_RATE",
    "VERSION",
    "AckMessage",
    "CaptionMessage",
    "CaptionMessageWord",
    "ClientMessage",
    "CloseCode",
    "DrainingMessage",
    "Encoding",
    "EndedMessage",
    "ErrorMessage",
    "EventTranslator",
    "FinalizeMessage",
    "GapMessage",
    "KeepAliveMessage",
    "Limits",
    "NoticeCode",
    "NoticeMessage",
    "Pace",
    "PcmDecoder",
    "Positions",
    "Pulse",
    "ReadyMessage",
    "ServerMessage",
    "SpeechStartedMessage",
    "StartMessage",
    "StopMessage",
    "close_code",
    "close_reason",
    "encode",
    "http_status",
    "parse_client",
    "valid_meeting_id",
]
