"""Binary frames of audio: encodings, positions, refused containers, durations of packets, PCM to samples.

The maps of ``Positions`` are floors of exact integer ratios: no float, no accumulated error,
monotone. ``audio.streams.StreamResampler`` gives exactly as many samples as ``to_service`` says.

A container that is read as samples is noise, and its captions would not say what is wrong: so its
first bytes are compared with the signatures of containers. Each signature is at least 40 bits at the
very beginning, or three headers of MPEG audio at the distances that they announce: real audio
begins with one by chance in one of 10**12 streams.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.messages import SAMPLE_RATE, Samples


class Encoding(StrEnum):
    """How binary frames carry audio; names are ffmpeg's."""

    PCM_S16LE = "pcm_s16le"
    PCM_F32LE = "pcm_f32le"
    PCM_MULAW = "pcm_mulaw"
    PCM_ALAW = "pcm_alaw"
    OPUS = "opus"


@dataclass(frozen=True, slots=True)
class Positions:
    """The scales of one track.

    sample_rate: samples per second of the stream.
    origin_ms: meeting time of the track's sample 0, in milliseconds.
    accept_from: the stream position from which this connection takes audio.
    """

    sample_rate: int
    origin_ms: int = 0
    accept_from: int = 0

    def to_service(self, position: int) -> int:
        """Return the 16 kHz sample that holds the start of stream sample ``position``."""
        return position * SAMPLE_RATE // self.sample_rate

    def to_stream(self, sample: int) -> int:
        """Return the last stream position that does not lie behind 16 kHz sample ``sample``.

        A client that trims at ``to_stream(committed)`` loses nothing after ``committed``, and
        when it resumes from there the service begins at or before it:
        ``sample - SAMPLE_RATE / sample_rate - 1 < to_service(to_stream(sample)) <= sample``.
        """
        return sample * self.sample_rate // SAMPLE_RATE

    def committed(self, sample: int, received: int) -> int:
        """Return the stream position to tell a client of a track committed to 16 kHz ``sample``.

        ``to_stream``, with two corrections where floors would puzzle a client. It never lies
        before ``accept_from``: the client has trimmed to there, and could not resume from
        before it. And a track with no sample left to commit is committed to ``received``
        (stream samples so far), though the last few may not fill a 16 kHz sample.
        """
        at_end = sample >= self.to_service(received)
        return max(self.accept_from, received if at_end else self.to_stream(sample))

    def to_ms(self, sample: int) -> int:
        """Return the meeting time, in milliseconds, at 16 kHz sample ``sample``."""
        return self.origin_ms + sample * 1000 // SAMPLE_RATE


OPUS_SAMPLE_RATE = 48_000
"""Samples a second that positions of an Opus stream count, as in RTP (RFC 7587, 4.1)."""

MAX_PACKET_SAMPLES = 5_760
"""120 ms at 48 kHz: no packet lasts longer (requirement R5)."""

_FRAME_SAMPLES = (480, 960, 1_920, 2_880) * 3 + (480, 960) * 2 + (120, 240, 480, 960) * 4
"""Samples at 48 kHz in one frame of each of the 32 configurations: SILK, hybrid, CELT."""


def packet_samples(packet: bytes) -> int:
    """Return how many samples at 48 kHz a packet lasts, from its first two bytes.

    0 for no bytes, which are no packet. Raises ``BadInput`` ``BAD_AUDIO``
    where the header allows no duration; what lies behind the header is the decoder's to judge.
    """
    if not packet:
        return 0
    table_of_contents = packet[0]
    samples = _FRAME_SAMPLES[table_of_contents >> 3] * _frames(table_of_contents & 3, packet)
    if not 0 < samples <= MAX_PACKET_SAMPLES:
        raise _bad_audio("an Opus packet holds no frame, or more than 120 ms")
    return samples


def _frames(code: int, packet: bytes) -> int:
    if code == 0:
        return 1
    if code < 3:
        return 2
    if len(packet) < 2:
        raise _bad_audio("an Opus packet ends before its number of frames")
    return packet[1] & 0x3F


def _bad_audio(message: str) -> BadInput:
    return BadInput(message, code=ErrorCode.BAD_AUDIO)


HEAD_BYTES = 4_096
"""Bytes of a connection's first audio that are searched: some frames of MP3 at its highest rate."""

_SIGNATURES: tuple[tuple[str, re.Pattern[bytes]], ...] = tuple(
    (name, re.compile(pattern, re.DOTALL))
    for name, pattern in (
        ("WebM", rb"\x1a\x45\xdf\xa3.{1,60}webm"),
        ("Matroska", rb"\x1a\x45\xdf\xa3.{1,60}matroska"),
        # a cluster of unknown size: a recorder's stream without its beginning
        ("WebM", rb"\x1f\x43\xb6\x75\x01\xff{7}"),
        ("Ogg", rb"OggS\x00[\x00-\x07]"),
        ("MP4", rb"\x00\x00[\x00-\x03].(?:ftyp|styp)[ -~]{4}"),
        ("MP4", rb"\x00\x00..moof\x00\x00\x00\x10mfhd"),
        ("WAV", rb"(?:RIFF|RF64|BW64).{4}WAVE"),
        ("AIFF", rb"FORM.{4}AIF[FC]"),
        ("CAF", rb"caff\x00\x01\x00\x00"),
        ("FLAC", rb"fLaC[\x00\x80]\x00\x00\x22"),
        ("MP3", rb"ID3[\x02-\x04]\x00.[\x00-\x7f]{4}"),
        ("AMR", rb"#!AMR(?:-WB)?\n"),
        ("the header of an Ogg Opus stream", rb"OpusHead"),
    )
)

_MP3_KBIT = {
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MP3_RATE = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}

_CHAINED = 3
"""Headers in a row that make a stream of MPEG audio."""


def container_of(head: bytes) -> str | None:
    """Name the container that begins with these bytes; None for audio, or for too few bytes to tell."""
    for name, pattern in _SIGNATURES:
        if pattern.match(head):
            return name
    if _is_chain(head, _mp3_frame_bytes, 0xFE0C):
        return "MP3"
    if _is_chain(head, _adts_frame_bytes, 0xFFFC):
        return "AAC"
    return None


class StreamHead:
    """Searches for a container in the first ``HEAD_BYTES`` of one connection's audio."""

    def __init__(self) -> None:
        self._head = b""

    def look(self, payload: bytes) -> None:
        """Search the next frame. Raises ``BadInput`` (``bad_audio``) for a container."""
        if len(self._head) >= HEAD_BYTES:
            return
        self._head = (self._head + payload)[:HEAD_BYTES]
        name = container_of(self._head)
        if name is not None:
            raise BadInput(f"this looks like {name}: {_advice(name)}", code=ErrorCode.BAD_AUDIO)


def _advice(name: str) -> str:
    if name == "WAV":
        return "leave its header out, and send the samples that follow"
    return "send decoded samples, or bare Opus packets, one a frame"


def _is_chain(head: bytes, frame_bytes: Callable[[bytes], int], constant: int) -> bool:
    """Whether headers follow one another at the distances that they tell.

    constant: the bits of the second and third byte that are the same in each header.
    """
    at, first = 0, int.from_bytes(head[1:3], "big") & constant
    for _ in range(_CHAINED - 1):
        length = frame_bytes(head[at : at + 6])
        at += length
        following = head[at : at + 6]
        same = int.from_bytes(following[1:3], "big") & constant == first
        if not length or not same or not frame_bytes(following):
            return False
    return True


def _mp3_frame_bytes(header: bytes) -> int:
    """Return the bytes of the frame of MPEG audio, layer III, with this header; 0 for none."""
    if len(header) < 6 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return 0
    version, kbit, rate = header[1] >> 3 & 3, header[2] >> 4, header[2] >> 2 & 3
    if version not in _MP3_RATE or rate == 3 or not 0 < kbit < 15:
        return 0
    samples = 144_000 if version == 3 else 72_000
    bits = _MP3_KBIT[1 if version == 3 else 2][kbit]
    return samples * bits // _MP3_RATE[version][rate] + (header[2] >> 1 & 1)


def _adts_frame_bytes(header: bytes) -> int:
    """Return the bytes of the ADTS frame with this header; 0 for none."""
    if len(header) < 6 or header[0] != 0xFF or header[1] & 0xF6 != 0xF0:
        return 0
    if header[2] >> 2 & 15 > 12:
        return 0
    length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    return length if length > 7 else 0


_REMEMBERED_S = 0.5
"""Time constant, in seconds, with which measured energies decay (to 1/e)."""
_OPPOSITE = -0.7
"""A channel is inverted from this correlation with those before it on, or less."""
_NO_LONGER = -0.3
"""An inverted channel is inverted no more from this correlation on; in between nothing changes."""
_RAMP_S = 0.01
"""Seconds from one polarity to the other."""
_SILENT = 1e-12
"""Mean squares below this (-120 dB of full scale) say nothing about polarity."""


class Downmix:
    """Averages the channels of one stream, each with the polarity that agrees with the rest.

    A channel that is wired the wrong way round (right = -left) would cancel the others: it is
    inverted while it does. Whatever has no such channel is averaged. A change
    takes 10 ms, so that it is not heard.

    sample_rate: of the samples, which says how long half a second is.
    """

    def __init__(self, channels: int, sample_rate: int) -> None:
        self._channels = channels
        self._sample_rate = sample_rate
        self._energy: npt.NDArray[np.float64] = np.zeros((channels, channels))
        self._signs: npt.NDArray[np.float32] = np.ones(channels, np.float32)

    def mix(self, interleaved: Samples) -> Samples:
        """Mix to one channel: float32, shape (n,), in [-1, 1].

        interleaved: float32, shape (n * channels,), in [-1, 1]; passed on where it has one channel.
        """
        if self._channels == 1 or not len(interleaved):
            return interleaved
        frames = interleaved.reshape(-1, self._channels)
        before, self._signs = self._signs, self._agreeing(frames)
        if (before == self._signs).all():
            return self._weighted(frames, self._signs)
        ramp = min(len(frames), math.ceil(self._sample_rate * _RAMP_S))
        old, new = self._weighted(frames[:ramp], before), self._weighted(frames, self._signs)
        new[:ramp] = old + np.linspace(0, 1, ramp, dtype=np.float32) * (new[:ramp] - old)
        return new

    def _weighted(self, frames: Samples, signs: npt.NDArray[np.float32]) -> Samples:
        mono: Samples = frames @ (signs / np.float32(self._channels))
        # halves add up to one exactly, thirds and their like do not
        return mono if self._channels == 2 else np.clip(mono, -1, 1)

    def _agreeing(self, frames: Samples) -> npt.NDArray[np.float32]:
        """Return the polarity of each channel, 1 or -1, after these frames."""
        kept = math.exp(-len(frames) / (self._sample_rate * _REMEMBERED_S))
        heard = (frames.T @ frames).astype(np.float64) / self._sample_rate
        self._energy = kept * self._energy + heard
        # plain numbers: there are four of them as a rule
        energy: list[list[float]] = self._energy.tolist()
        before: list[float] = self._signs.tolist()
        signs = [1.0]
        for channel in range(1, self._channels):
            others = range(channel)
            towards = sum(signs[one] * energy[one][channel] for one in others)
            together = sum(
                signs[one] * signs[two] * energy[one][two] for one in others for two in others
            )
            loudness = math.sqrt(max(0.0, together * energy[channel][channel]))
            if loudness <= _SILENT:
                signs.append(before[channel])
            else:
                limit = _NO_LONGER if before[channel] < 0 else _OPPOSITE
                signs.append(-1.0 if towards < limit * loudness else 1.0)
        return np.array(signs, np.float32)


_DTYPES: dict[Encoding, np.dtype[np.generic]] = {
    Encoding.PCM_S16LE: np.dtype("<i2"),
    Encoding.PCM_F32LE: np.dtype("<f4"),
    Encoding.PCM_MULAW: np.dtype("u1"),
    Encoding.PCM_ALAW: np.dtype("u1"),
}
_S16_SCALE = np.float32(1 / 32_768)


def _mulaw_levels() -> Samples:
    """Return the level of each of the 256 mu-law bytes, on the scale of s16le: at most 32,124 of 32,768.

    ITU-T G.711, tables 2a and 2b, whose 14-bit values are four times larger here. All bits are inverted;
    then come a sign, an exponent of three bits and a mantissa of four.
    """
    code = ~np.arange(256, dtype=np.uint8)
    exponent = (code >> 4) & 7
    mantissa = (code & 15).astype(np.int32)
    magnitude = (((2 * mantissa + 33) << exponent) - 33) * 4
    levels = np.where(code & 0x80, -magnitude, magnitude).astype(np.float32) * _S16_SCALE
    levels.flags.writeable = False
    return levels


def _alaw_levels() -> Samples:
    """Return the level of each of the 256 A-law bytes, on the scale of s16le: at most 32,256 of 32,768.

    ITU-T G.711, tables 1a and 1b, whose 13-bit values are eight times larger here. Every other bit is
    inverted; then come a sign, an exponent of three bits and a mantissa of four.
    """
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    exponent = ((code >> 4) & 7).astype(np.int32)
    mantissa = (code & 15).astype(np.int32)
    leading = np.where(exponent, 33, 1)  # the smallest exponent has no leading one
    magnitude = (2 * mantissa + leading << np.maximum(exponent - 1, 0)) * 8
    levels = np.where(code & 0x80, magnitude, -magnitude).astype(np.float32) * _S16_SCALE
    levels.flags.writeable = False
    return levels


_LEVELS = {Encoding.PCM_MULAW: _mulaw_levels(), Encoding.PCM_ALAW: _alaw_levels()}


class PcmDecoder:
    """Decodes the binary frames of one stream; of several channels, it keeps their polarity.

    encoding: any but Opus, whose packets ``audio.streams`` decodes.
    """

    def __init__(
        self, encoding: Encoding, channels: int, *, sample_rate: int = SAMPLE_RATE
    ) -> None:
        self._encoding = encoding
        self._channels = channels
        self._downmix = Downmix(channels, sample_rate)

    @property
    def sample_bytes(self) -> int:
        """Bytes of one sample on all channels: what one position counts."""
        return _DTYPES[self._encoding].itemsize * self._channels

    def decode(self, payload: bytes) -> Samples:
        """Decode one frame: float32, shape (n,), in [-1, 1], channels mixed by ``Downmix``.

        ``pcm_f32le`` beyond full scale is clipped. Mono ``pcm_f32le`` is a read-only view of
        ``payload`` where nothing had to be clipped. Raises ``BadInput`` ``BAD_AUDIO`` for half a
        sample or a value that is no number.
        """
        if len(payload) % self.sample_bytes:
            raise _bad_audio(
                f"{len(payload)} bytes of audio are no multiple of {self.sample_bytes}"
            )
        values = np.frombuffer(payload, _DTYPES[self._encoding])
        if (levels := _LEVELS.get(self._encoding)) is not None:
            return self._downmix.mix(levels[values])
        samples: Samples = values.astype(np.float32, copy=False)
        if self._encoding is Encoding.PCM_S16LE:
            return self._downmix.mix(samples * _S16_SCALE)
        return self._downmix.mix(_in_range(samples))


def _in_range(samples: Samples) -> Samples:
    if not len(samples):
        return samples
    # both are NaN if any sample is: two passes instead of a mask of the whole frame
    low, high = samples.min(), samples.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise _bad_audio("audio holds a value that is not a finite number")
    if low < -1 or high > 1:
        return np.clip(samples, -1, 1)
    return samples
