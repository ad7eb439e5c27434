"""What Deepgram's ``POST /v1/listen`` answers: all that was said in a file, by channel; pure."""

from collections import Counter
from collections.abc import Mapping, Sequence

from wordloop_ml.errors import BadInput
from wordloop_ml.languages import standard_code
from wordloop_ml.messages import Caption
from wordloop_ml.wire.audio_frames import Encoding, container_of
from wordloop_ml.wire.deepgram_messages import Message, alternative, encode, seconds
from wordloop_ml.wire.deepgram_query import ListenQuery
from wordloop_ml.wire.wav import wav_header


def header_of(query: ListenQuery, beginning: bytes) -> bytes:
    """Return what a reader of files needs before samples; nothing before a container, whatever was said of it.

    beginning: of the file. Raises ``BadInput`` for Opus packets, whose lengths nothing tells.
    """
    if query.encoding is None or container_of(beginning) is not None:
        return b""
    if query.encoding is Encoding.OPUS:
        raise BadInput("encoding opus is for streams: send a file of packets in a container")
    return wav_header(query.encoding, query.sample_rate, query.channels)


def encode_file(
    query: ListenQuery,
    metadata: Mapping[str, object],
    captions: Sequence[Caption],
    speakers: Sequence[str],
    warnings: Sequence[str] = (),
) -> bytes:
    """Encode the answer.

    metadata: as ``audio_metadata`` makes it. captions: the finals of all tracks, in order.
    speakers: the track of each channel. warnings: what of the file has no text, and why.
    """
    results: Message = {
        "channels": [
            _channel(query, [one for one in captions if one.track == speaker])
            for speaker in speakers
        ]
    }
    if query.utterances:
        results["utterances"] = [
            _utterance(query, one, speakers.index(one.track)) for one in captions
        ]
    answer: Message = {"metadata": dict(metadata), "results": results}
    if warnings:
        answer["metadata"]["warnings"] = list(warnings)
    return encode(answer).encode()


def _channel(query: ListenQuery, captions: Sequence[Caption]) -> Message:
    words = [word for one in captions for word in one.words]
    channel: Message = {"alternatives": [alternative(words, punctuate=query.punctuate)]}
    if query.language is None and captions:
        spoken: Counter[str] = Counter()
        for one in captions:
            spoken[one.language] += one.end - one.start
        channel["detected_language"] = standard_code(spoken.most_common(1)[0][0])
    return channel


def _utterance(query: ListenQuery, caption: Caption, channel: int) -> Message:
    said = alternative(caption.words, punctuate=query.punctuate)
    return {
        "start": seconds(caption.start),
        "end": seconds(caption.end),
        "channel": channel,
        "id": f"{channel}-{caption.start}",
        **said,
    }
