"""Plans of commands: requests are answered by engines, or fail by name."""

from collections.abc import Sequence

import numpy as np
import pytest

from wordloop_ml.analysis.plan_runner import embed_all, run_plan
from wordloop_ml.engines.scripted import ScriptedEmbedder
from wordloop_ml.errors import EngineFailed
from wordloop_ml.messages import (
    Finish,
    Generated,
    GenerationOptions,
    Prompt,
    TokenisedText,
    Vectors,
)
from wordloop_ml.ports import Generation, GeneratorCapabilities
from wordloop_ml.synthesis.messages import Statement
from wordloop_ml.synthesis.steps import Embed, Found, Generate, Pause, Progress, Steps

ASKED = Generate(Prompt("system", "user"), GenerationOptions())


class Parrot:
    """A generator that repeats the prompt, one word a step."""

    def __init__(self) -> None:
        self.closed = 0

    local = True

    @property
    def capabilities(self) -> GeneratorCapabilities:
        return GeneratorCapabilities("parrot", "parrot", "0" * 64, 100)

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def begin(self, prompt: Prompt, options: GenerationOptions) -> Generation:
        return ParrotAnswer(self, prompt.user)

    def close(self) -> None:
        return None


class ParrotAnswer:
    """One repetition."""

    def __init__(self, parrot: Parrot, text: str) -> None:
        self._parrot = parrot
        self._text = text
        self._steps = 0

    def step(self, budget_s: float, threads: int = 1) -> Generated | None:
        self._steps += 1
        if self._text == "fail":
            raise EngineFailed("parrot")
        if self._steps < 3:
            return None
        return Generated(self._text, Finish.STOP, 1, 0, 1)

    def pause(self) -> None:
        return None

    def cancel(self) -> None:
        return None

    def close(self) -> None:
        self._parrot.closed += 1


def answers(request: Embed | Generate) -> Steps[Vectors | Generated | str]:
    """A plan of one request, which survives its failure."""
    yield Pause()
    yield Progress("reading", 0, 1)
    yield Found("title", Statement("", ()))
    try:
        answer: Vectors | Generated = yield request
    except EngineFailed as error:
        return str(error)
    return answer


def test_requests_are_answered_by_the_engines() -> None:
    """And what is told is heard."""
    told: list[Progress | Found] = []
    parrot = Parrot()
    answer = run_plan(answers(ASKED), None, parrot, told.append)
    assert answer == Generated("user", Finish.STOP, 1, 0, 1)
    assert parrot.closed == 1
    assert told == [Progress("reading", 0, 1), Found("title", Statement("", ()))]
    vectors = run_plan(answers(Embed(("one", "two"))), ScriptedEmbedder())
    assert isinstance(vectors, np.ndarray)
    assert vectors.shape == (2, 64)


@pytest.mark.parametrize("request_", [ASKED, Embed(("one",))])
def test_an_engine_that_is_not_there_has_failed(request_: Embed | Generate) -> None:
    """The plan decides what to do about it."""
    assert "this profile has no" in str(run_plan(answers(request_), None))


def test_a_generation_that_fails_is_closed() -> None:
    """So that the next one can begin."""
    parrot = Parrot()
    asked = Generate(Prompt("system", "fail"), GenerationOptions())
    assert run_plan(answers(asked), None, parrot) == "parrot"
    assert parrot.closed == 1


def test_texts_are_embedded_in_batches_and_come_back_in_order() -> None:
    """Long and short ones mixed."""
    batches: list[Sequence[TokenisedText]] = []
    embedder = ScriptedEmbedder(before=batches.append)
    texts = [" ".join([f"w{at}"] * (1 + at * 37 % 240)) for at in range(100)]
    together = embed_all(embedder, texts)
    assert len(batches) > 2
    for row in (0, 50, 99):
        np.testing.assert_allclose(together[row], embed_all(embedder, [texts[row]])[0], atol=1e-5)


def test_no_text_is_no_vector() -> None:
    """And no native call."""
    assert embed_all(ScriptedEmbedder(), []).shape == (0, 64)
