"""Strangers' files as tracks: who speaks in them, and how they are read."""

from pathlib import Path

import av
import numpy as np
import pytest

from tests.web.files import sentences, wav
from wordloop_ml.audio import file_track
from wordloop_ml.audio.file_track import FileTrack, Part, parts_of
from wordloop_ml.audio.files import audio_streams, open_audio
from wordloop_ml.audio.spool import SpooledFile
from wordloop_ml.captioning.decodes import DecodeRequest, Dropped
from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.captioning.track import Track, TrackOutput
from wordloop_ml.engines.scripted import ScriptedVoiceDetector, silence
from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.messages import SAMPLE_RATE, SpanLost

ADA = sentences([1, 2], [5, 6])
BEN = np.concatenate([silence(12_000), sentences([3, 4])])


def written(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "a"
    path.write_bytes(content)
    return path


def track() -> Track:
    return Track(
        "A", ScriptedVoiceDetector().open_stream(), CaptioningPolicy(guards=False), language="en"
    )


def read_all(file: FileTrack) -> list[TrackOutput]:
    """Everything that a track says whose decodes all fail."""
    outputs: list[TrackOutput] = []
    todo: list[TrackOutput] = []
    while file.readable or todo:
        todo = [*todo, *file.read(0.0)] if file.readable else todo
        while todo:
            one = todo.pop(0)
            if isinstance(one, DecodeRequest):
                todo = [*file.answer(one, Dropped.FAILED), *todo]
            outputs.append(one)
    return outputs


def test_channels_that_differ_are_speakers(tmp_path: Path) -> None:
    """Where that is wanted."""
    path = written(tmp_path, wav(ADA, BEN))
    assert parts_of(path, by_channel=True) == (Part(0, 0), Part(0, 1))
    assert parts_of(path, by_channel=False) == (Part(),)


@pytest.mark.parametrize("channels", [(ADA,), (ADA, ADA), (ADA, -ADA), (0 * ADA, 0 * ADA)])
def test_channels_that_are_alike_are_one_speaker(
    tmp_path: Path, channels: tuple[np.ndarray[tuple[int], np.dtype[np.int16]], ...]
) -> None:
    """One alone, the same twice, the same wired the other way round, and silence."""
    assert parts_of(written(tmp_path, wav(*channels)), by_channel=True) == (Part(),)


def test_one_channel_of_a_file_is_read_alone(tmp_path: Path) -> None:
    """Bit by bit; behind the last one stands the last one."""
    path = written(tmp_path, wav(ADA, BEN))
    assert audio_streams(path, trusted=False)[0].channels == 2
    for channel, said in ((0, ADA), (1, BEN), (2, BEN)):
        with open_audio(path, 0, channel, trusted=False) as audio:
            heard = np.concatenate(list(audio))
        np.testing.assert_array_equal(heard[: len(said)] * 32_768, said)


def test_a_file_without_a_name_is_read_as_often_as_wanted() -> None:
    """And is gone when it is closed."""
    spooled = SpooledFile(None)
    spooled.write(wav(ADA)[:1_000])
    spooled.write(wav(ADA)[1_000:])
    for _ in range(2):
        with open_audio(spooled.path, trusted=False) as audio:
            assert sum(map(len, audio)) == len(ADA)
    path = spooled.path
    spooled.close()
    spooled.close()
    assert not path.exists()


def test_a_track_is_read_in_short_steps_to_its_end(tmp_path: Path) -> None:
    """Each ends with a request, or with its time."""
    path = written(tmp_path, wav(ADA))
    file = FileTrack(path, Part(), track())
    outputs = read_all(file)
    file.close()
    assert file.track.done
    assert file.track.received == len(ADA)
    lost = [one for one in outputs if isinstance(one, SpanLost)]
    assert [one.code for one in lost] == ["decode_failed", "decode_failed"]


def test_errors_do_not_name_the_path(tmp_path: Path) -> None:
    """It is no concern of the sender's."""
    path = written(tmp_path, b"no audio at all")
    for refused in (
        lambda: parts_of(path, by_channel=False),
        lambda: parts_of(path, by_channel=True),
        lambda: FileTrack(path, Part(), track()).read(1.0),
    ):
        with pytest.raises(BadInput) as error:
            refused()
        assert (error.value.code, error.value.field) == (ErrorCode.BAD_AUDIO, "file")
        assert str(error.value) == "the file is no audio or video file that FFmpeg knows"


def test_a_damaged_file_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    """What is missing is said."""
    file = FileTrack(written(tmp_path, wav(ADA)[:-9_000]), Part(), track())
    read_all(file)
    file.close()
    assert file.damage is not None
    assert file.damage.startswith("the file is damaged: nothing readable after 2.")


def test_a_file_may_last_for_hours_and_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Silence packs well."""
    monkeypatch.setattr(file_track, "MOST_SAMPLES", 16_000)
    file = FileTrack(written(tmp_path, wav(silence(40_000))), Part(), track())
    with pytest.raises(BadInput) as error:
        read_all(file)
    file.close()
    assert (error.value.code, error.value.field) == (ErrorCode.TOO_LARGE, "file")


def test_a_list_of_other_files_is_no_file(tmp_path: Path) -> None:
    """Of a stranger; whoever owns all of them may have it read."""
    (tmp_path / "other.wav").write_bytes(wav(ADA))
    path = tmp_path / "list"
    path.write_text("ffconcat version 1.0\nfile other.wav\n")
    with open_audio(path) as audio:
        assert sum(map(len, audio)) == len(ADA)
    with pytest.raises(BadInput):
        open_audio(path, trusted=False)


def test_audio_streams_are_speakers(tmp_path: Path) -> None:
    """Each as a whole; where they are not wanted apart, the first one is heard."""
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        streams = [
            container.add_stream("pcm_s16le", rate=SAMPLE_RATE, layout="mono") for _ in range(2)
        ]
        for stream, said in zip(streams, (ADA, BEN), strict=True):
            frame = av.AudioFrame.from_ndarray(said[None], format="s16", layout="mono")
            frame.sample_rate = SAMPLE_RATE
            for packet in [*stream.encode(frame), *stream.encode(None)]:
                container.mux(packet)
    assert parts_of(path, by_channel=True) == (Part(0), Part(1))
    assert parts_of(path, by_channel=False) == (Part(0),)
    file = FileTrack(path, Part(1), track())
    read_all(file)
    file.close()
    assert file.track.received == len(BEN)
