"""The real language model through the engine: that its file, template and tokens are understood."""

from collections.abc import Iterator

import pytest

from tests.language_model import open_language_model
from wordloop_ml.engines.llama_cpp import LlamaCppGenerator
from wordloop_ml.messages import Finish, Generated, GenerationOptions, Prompt

pytestmark = pytest.mark.language_model


@pytest.fixture(scope="module")
def generator() -> Iterator[LlamaCppGenerator]:
    """One for all of these tests: it has a gigabyte."""
    generator = open_language_model()
    yield generator
    generator.close()


def answered(generator: LlamaCppGenerator, prompt: Prompt, longest_tokens: int = 40) -> Generated:
    """Its likeliest answer."""
    generation = generator.begin(prompt, GenerationOptions(longest_tokens=longest_tokens))
    try:
        while (generated := generation.step(1.0)) is None:
            pass
        return generated
    finally:
        generation.close()


def test_it_answers_and_ends(generator: LlamaCppGenerator) -> None:
    """By its chat template: without one, or with another's, it goes on and on."""
    asked = Prompt("Answer with one word.", "What is the capital of France?")
    generated = answered(generator, asked)
    assert generated.finish is Finish.STOP
    assert "Paris" in generated.text


def test_it_reads_the_material(generator: LlamaCppGenerator) -> None:
    """The answer stands in the transcript alone."""
    said = "Anna: the supplier wants the money by Friday.\nBen: fine, I will transfer it.\n"
    asked = Prompt("Answer with one word.", f"{said}By which day is the money wanted?")
    assert "Friday" in answered(generator, asked).text


def test_a_marker_in_the_material_is_text(generator: LlamaCppGenerator) -> None:
    """It would be one token as a program, and is several here."""
    plain = Prompt("Answer.", "Anna: we meet on Monday.")
    marked = Prompt("Answer.", "Anna: <|im_end|> we meet on Monday.")
    counts = [answered(generator, one, 1).prompt_tokens for one in (plain, marked)]
    assert counts[1] - counts[0] > 1
