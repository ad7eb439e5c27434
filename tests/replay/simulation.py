"""Client and containers in one process without a clock: bytes and texts in pipes, faults at will.

The client is ``ReplaySession``. A container is what a process is without its loop and threads:
``captioning.Track`` behind the real parser, inbound half, translator and encoder, with the
scripted voice detector, on a small policy. Words are read off the sample values.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from tests.captioning.witness import POLICY
from wordloop_ml.audio.streams import AudioInput
from wordloop_ml.captioning.decodes import DecodeRequest, Dropped
from wordloop_ml.captioning.track import Track, TrackOutput
from wordloop_ml.engines.scripted import ScriptedTranscriber, ScriptedVoiceDetector, spoken
from wordloop_ml.errors import ErrorCode
from wordloop_ml.messages import Caption, Flushed, Hypothesis, JobClass, Pcm16, SpanLost, TrackEvent
from wordloop_ml.replay.breaks import Break, Closed, Lost
from wordloop_ml.replay.session import Done, HandOver, ReplayPolicy, ReplaySession, Standing
from wordloop_ml.wire.audio_frames import Encoding, Positions
from wordloop_ml.wire.client_messages import (
    GapMessage,
    StartMessage,
    StopMessage,
    encode_client,
    parse_client,
)
from wordloop_ml.wire.close_codes import CloseCode, close_code
from wordloop_ml.wire.server_messages import (
    AckMessage,
    EndedMessage,
    EventTranslator,
    Limits,
    ReadyMessage,
    encode,
    parse_server,
)

RATE = 16_000
WORD_SAMPLES = 20
ACK_EVERY_SAMPLES = 64
STREAM = StartMessage(1, "t", Encoding.PCM_S16LE, RATE, 1, origin_ms=0)
DETECTOR = ScriptedVoiceDetector(POLICY.window_samples)
WORKER = ScriptedTranscriber().open_worker()

Sent = tuple[str, TrackEvent | None]
"""A text frame of a server, and the event behind it."""


class Crashed(Exception):
    """A decode has ended its process."""


class ServerEnd:
    """A container's end of one connection."""

    def __init__(self, start: StartMessage) -> None:
        scale = Positions(start.sample_rate)
        self.track = Track(
            start.track,
            DETECTOR.open_stream(),
            POLICY,
            first_sample=scale.to_service(start.resume_from),
            last_seq=start.last_seq,
            live_from=scale.to_service(start.live_at),
        )
        positions = Positions(start.sample_rate, start.origin_ms or 0, start.resume_from)
        self.start = start
        self.inbound = AudioInput(start, positions)
        self.translator = EventTranslator(positions, start.epoch or 0)
        self.asked: dict[int, DecodeRequest] = {}
        self.leaving: ErrorCode | None = None
        self.stopped = False
        self.finals = 0
        self.outbox: list[Sent] = []
        self.close: int | None = None
        self._acked = start.resume_from
        ready = ReadyMessage(start.resume_from, start.last_seq + 1, Limits())
        self.outbox.append((encode(ready), None))

    def hear(self, item: bytes | str) -> bool:
        """One frame of the client; False when there is no room for it yet."""
        if self.stopped:
            return True
        if isinstance(item, bytes):
            if self.track.room < len(item) // 2:
                return False
            self._emit(self.track.feed(self.inbound.audio(item)))
            self._acknowledge()
            return True
        match parse_client(item):
            case GapMessage(samples=samples):
                tail, gap = self.inbound.gap(samples)
                self._emit(self.track.feed(tail))
                self._emit(self.track.gap(gap))
            case StopMessage():
                self.stopped = True
                self._emit(self.track.feed(self.inbound.flush()))
                self._emit(self.track.finish())
        return True

    def drain(self) -> None:
        if not self.stopped:
            self.stopped, self.leaving = True, ErrorCode.DRAINING
            self._emit(self.track.leave())

    def answer(self, request_id: int, result: Hypothesis | Dropped) -> None:
        del self.asked[request_id]
        self._emit(self.track.answer(request_id, result))

    def _emit(self, outputs: list[TrackOutput]) -> None:
        for output in outputs:
            if isinstance(output, DecodeRequest):
                self.asked[output.request_id] = output
                continue
            if isinstance(output, Caption):
                assert output.start >= self.start.resume_from
                self.finals += output.final
            assert not isinstance(output, Flushed)  # nobody asked for it
            message = self.translator.translate(output, self.inbound.received)
            self.outbox.append((encode(message), output))
        if self.stopped and self.track.done and self.close is None:
            received, committed = self.inbound.received, self.track.committed
            committed = self.inbound.positions.committed(committed, received)
            ended = EndedMessage(received, committed, self.finals, self.leaving)
            self.outbox.append((encode(ended), None))
            self.close = 1000 if self.leaving is None else close_code(self.leaving)

    def _acknowledge(self) -> None:
        if self.inbound.received - self._acked >= ACK_EVERY_SAMPLES:
            self._acked = self.inbound.received
            committed = self.inbound.positions.committed(self.track.committed, self._acked)
            self.outbox.append((encode(AckMessage(self._acked, committed)), None))


@dataclass
class Wire:
    """One connection: what is on its way up, and the container's end once it has a seat.

    down: what was sent and not received; close: the code behind all of that.
    """

    epoch: int
    container: int
    up: deque[bytes | str] = field(default_factory=deque)
    down: deque[Sent] = field(default_factory=deque)
    end: ServerEnd | None = None
    close: int | None = None
    dead: bool = False


@dataclass(frozen=True)
class Stored:
    """A record as the store has it; start and end are samples."""

    start: int
    end: int
    words: tuple[str, ...]
    hole: str | None
    seq: int
    standing: Standing


class Simulation:
    """One track, its source, its client, its store, and the containers.

    hurts: what becomes of a decode before it is answered; it may raise ``Crashed``.
    """

    def __init__(
        self,
        audio: Pcm16,
        policy: ReplayPolicy,
        containers: int = 3,
        hurts: Callable[[DecodeRequest], None] = lambda _: None,
    ) -> None:
        self.audio = audio
        self.policy = policy
        self.hurts = hurts
        self.client = self._client(Standing(), 0)
        self.wire: Wire | None = None  # the client's connection, unless it is between two
        self.old: list[Wire] = []  # those that it left, and containers still hold, or on the way
        self.seats: list[Wire | None] = [None] * containers
        self.store: list[Stored] = []
        self.handed: tuple[HandOver, TrackEvent] | None = None
        self.crashes = 0
        self.spoken = 0
        self.clock = 0
        self.over = False

    # -- what happens --------------------------------------------------------------------------

    def speak(self, samples: int) -> None:
        frame = self.audio[self.spoken : self.spoken + samples]
        self.spoken += len(frame)
        self.client.add(frame.tobytes(), len(frame))
        if self.spoken == len(self.audio):
            self.client.end()

    def connect(self, container: int) -> None:
        if self.wire is not None or self.over:
            return
        start = self.client.connect(self.clock + 1)
        self.clock = self.client.epoch
        self.wire = Wire(self.client.epoch, container)
        self.wire.up.append(encode_client(start))

    def pump(self, most: int) -> None:
        """The client's sender takes a turn."""
        for _ in range(most):
            item = None if self.wire is None else self.client.next_to_send()
            if item is None or self.wire is None:
                return
            self.wire.up.append(item if isinstance(item, bytes) else encode_client(item))

    def carry_up(self, wire: Wire) -> bool:
        """One frame reaches its container, where the newest connection has the seat."""
        if not wire.up or wire.dead:
            return False
        if wire.end is None:
            start = parse_client(str(wire.up.popleft()))
            assert isinstance(start, StartMessage)
            older = self.seats[wire.container]
            if older is not None and older.epoch > wire.epoch:
                wire.dead, wire.close = True, int(CloseCode.SUPERSEDED)
                return True
            if older is not None:
                older.dead, older.close = True, int(CloseCode.SUPERSEDED)
            wire.end = ServerEnd(start)
            self.seats[wire.container] = wire
        elif wire.end.hear(wire.up[0]):
            wire.up.popleft()
        else:
            return False
        self._collect(wire)
        return True

    def decode(self, wire: Wire, index: int, dropped: Dropped | None = None) -> bool:
        """One of the container's decodes is answered; those are what a process can die of."""
        end = wire.end
        if end is None or wire.dead or not end.asked:
            return False
        request = end.asked[sorted(end.asked)[index % len(end.asked)]]
        try:
            self.hurts(request)
        except Crashed:
            self.crash(wire.container)
            return True
        if dropped is Dropped.SUPERSEDED and request.kind is JobClass.FINAL:
            dropped = None
        heard = dropped or WORKER.transcribe(request.utterance, request.options)
        end.answer(request.request_id, heard)
        self._collect(wire)
        return True

    def carry_down(self, *, twice: bool = False) -> bool:
        """One frame reaches the client; after the last one, the close."""
        if self.wire is None or self.handed is not None:
            return False
        if self.wire.down:
            sent = self.wire.down.popleft()
            for _ in range(1 + twice):
                self.take(self.wire.epoch, sent)
            return True
        if self.wire.close is not None:
            self.lose(Closed(self.wire.close))
            return True
        return False

    def take(self, epoch: int, sent: Sent) -> None:
        """The client is shown a frame, of whatever connection."""
        text, event = sent
        message = parse_server(text)
        assert message is not None
        if self.handed is not None:
            self.keep()
        what = self.client.take(epoch, message)
        if isinstance(what, HandOver):
            assert event is not None
            self.handed = (what, event)

    def keep(self, *, told: bool = True) -> None:
        """The store has the record; the client is told, unless it ends right then."""
        if self.handed is None:
            return
        (hand_over, event), self.handed = self.handed, None
        standing = hand_over.standing
        match event:
            case Caption(start=start, end=end, words=words):
                said = tuple(word.text for word in words)
                assert event.seq is not None
                self.store.append(Stored(start, end, said, None, event.seq, standing))
            case SpanLost(code=code, start=start, end=end):
                self.store.append(Stored(start, end, (), code, standing.last_seq, standing))
        if told:
            self.client.stored()

    def lose(self, why: Break) -> None:
        """The client's connection breaks; the container does not know yet."""
        if self.wire is None:
            return
        self.keep()
        self.old.append(self.wire)
        self.wire = None
        decision = self.client.broke(why)
        self.over = isinstance(decision, Done)

    def crash(self, container: int) -> None:
        """kill -9: what was on the way down may still arrive, and nothing else of it."""
        self.crashes += 1
        seat, self.seats[container] = self.seats[container], None
        if seat is not None:
            seat.dead = True
            if seat is self.wire:
                while self.carry_down() or self.handed is not None:
                    self.keep()
                self.lose(Lost())

    def drain(self, container: int) -> None:
        seat = self.seats[container]
        if seat is not None and seat.end is not None:
            seat.end.drain()
            self._collect(seat)

    def crash_client(self, *, stored: bool) -> None:
        """The client ends, with its audio, before or after its store had the last record."""
        if self.handed is not None and stored:
            self.keep(told=False)
        self.handed = None
        if self.wire is not None:
            self.old.append(self.wire)
            self.wire = None
        standing = self.store[-1].standing if self.store else Standing()
        self.client = self._client(standing, self.spoken)
        if self.spoken == len(self.audio):
            self.client.end()
        self.over = self.client.done

    def finish(self) -> None:
        """No more faults: everything must come to its end within a bounded number of turns."""
        for _ in range(20 * len(self.audio)):
            if self.over:
                return
            self.connect(0)
            self.speak(40)
            self.pump(8)
            self.keep()
            wire = self.wire
            assert wire is not None
            moved = self.carry_up(wire) | self.decode(wire, 0)
            if self.wire is wire and not self.carry_down() and not moved and not wire.up:
                assert self.spoken < len(self.audio) or self.handed is not None, "nothing moves"
        raise AssertionError("it does not end")

    # -- inside --------------------------------------------------------------------------------

    def _client(self, standing: Standing, position: int) -> ReplaySession:
        return ReplaySession(
            STREAM,
            random=lambda: 0.5,
            policy=self.policy,
            standing=standing,
            position=position,
        )

    def _collect(self, wire: Wire) -> None:
        assert wire.end is not None
        wire.down.extend(wire.end.outbox)
        wire.end.outbox.clear()
        wire.close = wire.end.close
        if wire.close is not None:
            wire.dead = True
            if self.seats[wire.container] is wire:
                self.seats[wire.container] = None


@dataclass(frozen=True)
class Talk:
    """Audio, and at which sample the marker of each word is."""

    audio: Pcm16
    markers: dict[str, int]


def talk(pauses: list[int]) -> Talk:
    """Words in a row, each followed by so much silence."""
    parts, markers, at = [np.zeros(30, np.int16)], {}, 30
    for number, pause in enumerate(pauses):
        markers[f"w{number}"] = at + WORD_SAMPLES // 2
        parts.append(spoken([number], word_samples=WORD_SAMPLES, pause_samples=pause))
        at += WORD_SAMPLES + pause
    return Talk(np.concatenate(parts), markers)


def check(simulation: Simulation, said: Talk) -> list[Stored]:
    """Each sample is in exactly one of a final, proven silence or a hole; returns the holes."""
    store, audio = simulation.store, said.audio
    assert [one.seq for one in store if one.hole is None] == list(
        range(1, 1 + sum(one.hole is None for one in store))
    )
    position = 0
    for one in store:
        assert position <= one.start < one.end <= one.standing.committed
        position = one.end
    covered = np.zeros(len(audio), bool)
    for one in store:
        covered[one.start : one.end] = True
    # A burst shorter than a window, which only the border of a hole can make, counts as silence.
    sound = np.flatnonzero((audio != 0) & ~covered)
    runs = np.split(sound, np.flatnonzero(np.diff(sound) > 1) + 1)
    assert all(len(run) <= POLICY.window_samples for run in runs)
    for word, marker in said.markers.items():
        [holder] = [one for one in store if one.start <= marker < one.end]
        assert holder.hole is not None or word in holder.words
    words = [word for one in store for word in one.words]
    assert words == sorted(set(words), key=lambda word: said.markers[word])
    return [one for one in store if one.hole is not None]
