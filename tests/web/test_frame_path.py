"""The path of a frame: the files that run from the arrival of audio to the sending of its captions."""

import re
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import FrameType

import numpy as np
import pytest

from tests.speech import samples_of
from tests.web.support import Serving
from wordloop_ml.engines.catalogue import open_engines
from wordloop_ml.messages import SAMPLE_RATE
from wordloop_ml.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "wordloop_ml"
MOST_FILES = 24


class Profile:
    """Collects the files of the package whose functions are called, on any thread, while it is on."""

    def __init__(self) -> None:
        self.on = False
        self._files: set[str] = set()

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        if self.on and event == "call":
            self._files.add(frame.f_code.co_filename)

    @property
    def files(self) -> set[str]:
        """Their paths in the package."""
        paths = map(Path, self._files)
        return {path.relative_to(PACKAGE).as_posix() for path in paths if PACKAGE in path.parents}


@pytest.fixture
def profile() -> Iterator[Profile]:
    """Profile this thread, and those that start later."""
    one, before = Profile(), sys.getprofile()
    threading.setprofile(one)
    sys.setprofile(one)
    yield one
    sys.setprofile(before)
    threading.setprofile(None)


def documented_files() -> set[str]:
    """The files that ARCHITECTURE names on the path."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    [chapter] = re.findall(r"^## The path of a frame\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    return set(re.findall(r"`((?:\w+/)*\w+\.py)`", chapter))


async def test_a_frame_passes_the_files_that_architecture_names(
    profile: Profile, serving: Serving
) -> None:
    """On the embedded weights, to interims and a final; and these are few."""
    engines = open_engines(replace(Settings(), workers=2))
    clip = np.rint(samples_of("en_read_ls1272_1") * 32_767).astype(np.int16)
    audio = np.concatenate([clip, np.zeros(SAMPLE_RATE, np.int16)])
    client = await (await serving(engines=engines)).connect()
    await client.start()
    await client.until("ready")
    profile.on = True
    await client.speak(audio)
    await client.until("caption", final=False)
    await client.until("caption", final=True)
    profile.on = False
    assert profile.files == documented_files()
    assert len(profile.files) <= MOST_FILES
