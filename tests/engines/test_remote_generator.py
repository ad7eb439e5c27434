"""A language model elsewhere: one answer at a time, which gives way, ends early, and fails by name."""

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.inference_server import InferenceServer, serving
from wordloop_ml.engines.remote_engines import RemoteGeneration, RemoteGenerator
from wordloop_ml.engines.remote_model import RemoteModel
from wordloop_ml.engines.served_models import Identity, ServedGenerator
from wordloop_ml.errors import Busy, EngineAway, EngineFailed, ErrorCode
from wordloop_ml.messages import Finish, Generated, GenerationOptions, Prompt
from wordloop_ml.ports import GeneratorCapabilities

WAIT_S = 10.0
IDENTITY = Identity("generator", "parrot", "0" * 64)


class Parrot:
    """A generator that repeats the prompt once it is let, and notes what it was asked."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.let = threading.Event()
        self.given_up = threading.Event()
        self.asked: list[tuple[Prompt, GenerationOptions]] = []

    local = True

    @property
    def capabilities(self) -> GeneratorCapabilities:
        return GeneratorCapabilities("parrot", "parrot", "0" * 64, 100)

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def begin(self, prompt: Prompt, options: GenerationOptions) -> "Parrot":
        if prompt.user == "long":
            raise EngineFailed("it does not fit", code=ErrorCode.TOO_LARGE)
        self.asked.append((prompt, options))
        self.begun.set()
        return self

    def step(self, budget_s: float, threads: int = 1) -> Generated | None:
        if not self.let.wait(budget_s):
            return None
        return Generated(self.asked[-1][0].user, Finish.STOP, 3, 1, 2)

    def pause(self) -> None: ...

    def cancel(self) -> None: ...

    def close(self) -> None:
        if not self.let.is_set():
            self.given_up.set()


@pytest.fixture
def parrot() -> Parrot:
    return Parrot()


@pytest.fixture
def generator(parrot: Parrot) -> Iterator[RemoteGenerator]:
    """The parrot elsewhere."""
    with serving(InferenceServer({"g": ServedGenerator(parrot, IDENTITY)})) as port:
        model = RemoteModel(
            f"http://127.0.0.1:{port}/v2/models/g",
            role=IDENTITY.role,
            model=IDENTITY.model,
            digest=IDENTITY.digest,
            deadline_s=WAIT_S,
        )
        with closing(RemoteGenerator.open(model)) as opened:
            yield opened


def begun(
    generator: RemoteGenerator, user: str = "polly", options: GenerationOptions | None = None
) -> RemoteGeneration:
    return generator.begin(Prompt("be a parrot", user), options or GenerationOptions())


def test_an_answer_comes_when_it_is_there(generator: RemoteGenerator, parrot: Parrot) -> None:
    """None until then; the options arrive as they were."""
    options = GenerationOptions(7, 0.5, 3, frozenset({"LATIN"}))
    generation = begun(generator, options=options)
    assert generation.step(0.0) is None
    parrot.let.set()
    assert generation.step(WAIT_S) == Generated("polly", Finish.STOP, 3, 1, 2)
    generation.close()
    assert parrot.asked == [(Prompt("be a parrot", "polly"), options)]


def test_it_gives_one_answer_at_a_time(generator: RemoteGenerator, parrot: Parrot) -> None:
    """The next one once the first is closed; closing twice is harmless."""
    parrot.let.set()
    first = begun(generator)
    with pytest.raises(Busy):
        begun(generator)
    first.close()
    first.close()
    with closing(begun(generator, "again")) as second:
        answer = second.step(WAIT_S)
    assert answer is not None
    assert answer.text == "again"


def test_a_step_gives_way(generator: RemoteGenerator, parrot: Parrot) -> None:
    """At once; the engine goes on, and a later step has the answer."""
    with closing(begun(generator)) as generation:
        generation.pause()
        assert generation.step(WAIT_S) is None
        parrot.let.set()
        assert generation.step(WAIT_S) is not None


def test_a_step_is_cancelled(generator: RemoteGenerator, parrot: Parrot) -> None:
    """The engine sees that nobody waits any more, and stops."""
    with closing(begun(generator)) as generation:
        assert generation.step(0.0) is None
        assert parrot.begun.wait(WAIT_S)
        generation.cancel()
        with pytest.raises(EngineFailed):
            generation.step(WAIT_S)
    assert parrot.given_up.wait(WAIT_S)


def test_what_does_not_fit_is_named(generator: RemoteGenerator) -> None:
    """As where the model is here."""
    with closing(begun(generator, "long")) as generation, pytest.raises(EngineFailed) as caught:
        generation.step(WAIT_S)
    assert caught.value.code is ErrorCode.TOO_LARGE


def test_tokens_are_counted_there(generator: RemoteGenerator) -> None:
    """By the model's own vocabulary."""
    assert generator.count_tokens("one two three") == 3


def test_an_engine_goes_while_it_answers(parrot: Parrot) -> None:
    """The answer is lost, and asked for again by who wants it."""
    with serving(InferenceServer({"g": ServedGenerator(parrot, IDENTITY)})) as port:
        url = f"http://127.0.0.1:{port}/v2/models/g"
        model = RemoteModel(
            url, role="generator", model="parrot", digest=IDENTITY.digest, deadline_s=WAIT_S
        )
        generator = RemoteGenerator.open(model)
        generation = begun(generator)
        assert generation.step(0.0) is None
        assert parrot.begun.wait(WAIT_S)
    with pytest.raises(EngineAway):
        generation.step(WAIT_S)
    generation.close()
    generator.close()
    with pytest.raises(EngineFailed):
        begun(generator)
