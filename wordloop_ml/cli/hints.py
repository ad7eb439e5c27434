"""What a person may tell ``transcribe`` about the speech in the files."""

import argparse
from dataclasses import dataclass

from wordloop_ml.errors import BadInput
from wordloop_ml.languages import language_of
from wordloop_ml.messages import Task
from wordloop_ml.wire.json_fields import plain_terms


@dataclass(frozen=True, slots=True)
class Hints:
    """The language, task and vocabulary of every file, as the fields of ``start``."""

    language: str | None = None
    task: Task = Task.TRANSCRIBE
    vocabulary: tuple[str, ...] = ()


NO_HINTS = Hints()


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the options that ``hints_of`` reads."""
    parser.add_argument(
        "--language",
        metavar="L",
        help="language of the speech, such as en, pt-BR or yue (default: auto, as the model hears)",
    )
    parser.add_argument(
        "--task",
        type=Task,
        choices=list(Task),
        default=Task.TRANSCRIBE,
        help="translate writes English, if the model can (default: transcribe)",
    )
    parser.add_argument(
        "--vocabulary",
        metavar="TERMS",
        default="",
        help="names and terms to expect, with commas between them",
    )


def hints_of(arguments: argparse.Namespace) -> Hints:
    """Read the options; raises ``BadInput`` for a tag or a term that breaks its rule."""
    terms = (
        [term.strip() for term in arguments.vocabulary.split(",")] if arguments.vocabulary else []
    )
    try:
        vocabulary = plain_terms(terms)
    except ValueError as error:
        raise BadInput(f"--vocabulary {error}") from None
    return Hints(spoken(arguments.language), arguments.task, vocabulary)


def spoken(tag: str | None) -> str | None:
    """Parse ``--language``; None where it leaves the language open or is not given. Raises ``BadInput``."""
    try:
        return None if tag is None else language_of(tag)
    except ValueError as error:
        raise BadInput(f"--language {error}") from None
