"""What training wants of wordloop-nano.

The next token; the time of each word, read from the timestamp rows at the place where its first
token is said (that is where whisper.cpp reads `tid`); in the encoder, which word and which sound is
spoken at each moment; and, for half of the heads, cross-attention inside the window in which the
word sounds. The last four are aids. The synthesisers tell when each word is spoken, so nothing has
to be aligned, and no CTC is needed.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812 - its customary name
from torch import Tensor

from scripts.nano.examples import Batch
from scripts.nano.model import Nano
from scripts.nano.tokens import TIMES, Compact

_GUIDED_HEADS = 2
_NO_SPEECH_SHARE = 0.9
_TIMES_SHARE = 0.004


class Losses:
    """The losses of one batch."""

    def __init__(self, compact: Compact) -> None:
        self._index = compact.index()
        self._text = compact.text_size
        steps = torch.arange(TIMES)
        self._near = torch.softmax(-((steps[:, None] - steps[None]) ** 2) / (2 * 1.2**2), dim=1)

    def __call__(self, model: Nano, batch: Batch) -> dict[str, Tensor]:
        audio, middle = model.encoder(torch.from_numpy(batch.mel))
        rows = batch.labels
        longest = max(len(row.inputs) for row in rows)

        def table(lists: list[list[int]], fill: int) -> Tensor:
            return torch.tensor([row + [fill] * (longest - len(row)) for row in lists])

        number = self._index
        inputs = table([[number[t] for t in row.inputs] for row in rows], 0)
        targets = table([[number[t] for t in row.targets] for row in rows], -1)
        second = table([[number[t] if t >= 0 else -1 for t in row.second] for row in rows], -1)
        moments = table([row.moments for row in rows], -1)
        logits, seen = model.decoder(inputs, audio)
        said = targets >= 0
        logits, targets, second, moments = logits[said], targets[said], second[said], moments[said]
        logp = logits.log_softmax(-1)
        loss = -logp.gather(1, targets[:, None]).squeeze(1)
        doubtful = second >= 0
        other = -logp[doubtful].gather(1, second[doubtful][:, None]).squeeze(1)
        loss[doubtful] = _NO_SPEECH_SHARE * loss[doubtful] + (1 - _NO_SPEECH_SHARE) * other
        timed = targets >= self._text
        near = self._near[targets[timed] - self._text]
        loss[timed] = -(near * logp[timed][:, self._text :]).sum(1)
        placed = moments >= 0
        times = logits[placed][:, self._text :].log_softmax(-1)
        when = -(self._near[moments[placed]] * times).sum(1)
        # A little of the mass stays on the times, so that `ptsum` says that they mean something.
        # Not more: whisper.cpp ends a sentence where all times together beat the best word.
        mass = logp[placed][:, self._text :].logsumexp(1)
        hold = F.smooth_l1_loss(mass, torch.full_like(mass, math.log(_TIMES_SHARE)))
        with torch.no_grad():
            right = (logits.argmax(1) == targets)[~timed].float().mean()
            off = (times.argmax(1) - moments[placed]).abs().float()
        pairs = F.pad(audio, (0, 0, 0, audio.shape[1] % 2)).unflatten(1, (-1, 2)).sum(2)
        return {
            "token": loss.mean(),
            "time": when.sum() / max(1, len(when)),
            "hold": hold if len(mass) else torch.tensor(0.0),
            "look": self._look(seen, batch),
            "words": _spoken(model.word_scores(pairs), batch.words, (batch.positions + 1) // 2),
            "sounds": _spoken(model.sound_head(middle), batch.sounds, batch.positions),
            "right": right,
            "off": off.median() if len(off) else torch.tensor(0.0),
        }

    def _look(self, seen: list[Tensor], batch: Batch) -> Tensor:
        """How little of the guided heads' attention lies where the word sounds."""
        places = torch.arange(seen[0].shape[-1])
        who, at, low, high = [], [], [], []
        for row, marked in enumerate(batch.labels):
            for position, (start, end) in enumerate(marked.windows):
                if end:
                    who.append(row)
                    at.append(position)
                    low.append(start)
                    high.append(end)
        if not who:
            return torch.tensor(0.0)
        inside = (places >= torch.tensor(low)[:, None]) & (places < torch.tensor(high)[:, None])
        total = torch.tensor(0.0)
        for weights in seen:
            share = (weights[who, :_GUIDED_HEADS, at] * inside[:, None]).sum(-1)
            total = total - torch.log(share + 1e-4).mean()
        return total / len(seen)


def _spoken(
    scores: Tensor, classes: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]
) -> Tensor:
    """Cross-entropy of what is spoken at each place within the sound."""
    inside = torch.arange(scores.shape[1]) < torch.from_numpy(lengths)[:, None]
    return F.cross_entropy(scores[inside], torch.from_numpy(classes)[inside])


WEIGHTS = {"token": 1.0, "time": 0.25, "hold": 0.05, "look": 0.25, "words": 0.4, "sounds": 0.4}
