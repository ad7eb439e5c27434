"""Train wordloop-nano on the CPU: one process per core, gradients averaged between them.

The schedule goes by the clock, not by steps: training ends when it was told to, however busy the
machine was. A checkpoint every few minutes holds all that is needed to go on, and the running
average of the weights, which is what is exported.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
import torch.distributed as dist
from torch import Tensor

from scripts.nano.corpus import read_shard
from scripts.nano.examples import Alphabet, Assembler, Batch, batches
from scripts.nano.losses import WEIGHTS, Losses
from scripts.nano.mel import FloatArray
from scripts.nano.model import Dimensions, Nano
from scripts.nano.muon import Muon
from scripts.nano.sounds import SOUNDS
from scripts.nano.tokens import Compact
from scripts.nano.voices import is_trained

_WARM_STEPS: Final = 150
_SHOWN_STEPS: Final = 50
_LONGEST_MEMORY: Final = 0.997


@dataclass(frozen=True, slots=True)
class Options:
    """One training run.

    corpus: folder of shards. out: folder of the run. minutes: when it ends, from its first step.
    peak, peak_inner: the highest learning rates, of Adam and of Muon. budget: encoder positions in a step of one process, at the end
    of training; processes: one per core. every_s: seconds between checkpoints.
    """

    corpus: Path
    out: Path
    minutes: float
    peak: float = 2e-3
    peak_inner: float = 3e-3
    budget: int = 3000
    processes: int = 2
    every_s: float = 240.0
    resume: bool = False

    @property
    def checkpoint(self) -> Path:
        return self.out / "checkpoint.pt"

    @property
    def tokens(self) -> Path:
        return self.out / "tokens.json"


def _spectrum(windowed: FloatArray) -> npt.NDArray[Any]:
    spectrum: npt.NDArray[Any] = torch.fft.rfft(torch.from_numpy(windowed)).numpy()
    return spectrum


def _rate(step: int, progress: float) -> float:
    """One cycle, of its peak: up over the first steps, then evenly down to the end."""
    return min(1.0, 0.03 + step / _WARM_STEPS) * max(0.004, 1.0 - progress)


def _budget(most: int, progress: float) -> int:
    """Small steps first, and many; large ones at the end, when noise is what is left to lose."""
    return int(most * (0.45 if progress < 0.8 else 1.0))


class _Feed:
    """Batches for one process, from its share of the shards; new shards are taken in as found."""

    def __init__(self, options: Options, rank: int, seed: int) -> None:
        self._options, self._rank = options, rank
        self._rng = np.random.default_rng((seed, rank))
        self._assembler = Assembler((), self._rng)
        self._known = 0
        self.alphabet = Alphabet()
        self.progress = 0.0

    def _take_in(self) -> None:
        shards = sorted(self._options.corpus.glob("*.json"))
        if len(shards) != self._known:
            self._known = len(shards)
            mine = shards[self._rank :: self._options.processes]
            corpus = [one for shard in mine for one in read_shard(shard) if is_trained(one.voice)]
            self._assembler.extend(corpus)

    def __iter__(self) -> Iterator[Batch]:
        while True:
            self._take_in()
            self._assembler.hardness = min(0.6, max(0.0, self.progress - 0.35))
            budget = _budget(self._options.budget, self.progress)
            yield from batches(
                self._assembler, self._rng, budget, self.alphabet, _spectrum, group=budget // 10
            )


class _Trainer:
    """One process of a run."""

    def __init__(self, rank: int, options: Options) -> None:
        self._rank, self._options = rank, options
        if rank == 0 and not options.tokens.exists():
            Compact.of_grammar().save(options.tokens)
        if options.processes > 1:
            dist.barrier()
        compact = Compact.load(options.tokens)
        self._losses = Losses(compact)
        kept: dict[str, Any] = {}
        if options.resume and options.checkpoint.exists():
            kept = torch.load(options.checkpoint, weights_only=True)
        self._step: int = kept.get("step", 0)
        self._before_s: float = kept.get("seconds", 0.0)
        self._feed = _Feed(options, rank, self._step + 1)
        alphabet = self._feed.alphabet
        self._model = Nano(Dimensions(), compact, alphabet.words, len(SOUNDS))
        self._optimizer = _optimizer(self._model, options.peak)
        self._muon = Muon(_inner(self._model), options.processes, rank)
        if kept:
            self._model.load_state_dict(kept["model"])
            self._optimizer.load_state_dict(kept["optimizer"])
            self._muon.restore(kept["muon"])
        state = kept["average"] if kept else self._model.state_dict()
        self._average: dict[str, Tensor] = {name: value.clone() for name, value in state.items()}
        self._began = self._saved = time.monotonic()
        self._sums: dict[str, float] = {}

    def run(self) -> None:
        """Step until the time is up."""
        progress = self._before_s / (60 * self._options.minutes)
        for batch in self._feed:
            self._feed.progress = progress
            progress = self._advance(batch, progress)
            if self._rank == 0:
                self._remember(progress)
            if progress >= 1.0:
                return

    def _advance(self, batch: Batch, progress: float) -> float:
        rate = _rate(self._step, progress)
        for group in self._optimizer.param_groups:
            group["lr"] = rate * self._options.peak
        parts = self._losses(self._model, batch)
        total = sum((WEIGHTS[name] * parts[name] for name in WEIGHTS), torch.tensor(0.0))
        self._model.zero_grad()
        total.backward()  # type: ignore[no-untyped-call,unused-ignore]
        spent = self._before_s + time.monotonic() - self._began
        agreed = self._agree(spent / (60 * self._options.minutes))
        torch.nn.utils.clip_grad_norm_(self._model.parameters(), 2.0)
        self._optimizer.step()
        self._muon.step(rate * self._options.peak_inner)
        self._step += 1
        for name, value in parts.items():
            self._sums[name] = self._sums.get(name, 0.0) + float(value.detach())
        return agreed

    def _agree(self, progress: float) -> float:
        """Average the gradients of all processes, and their ideas of how far training has come."""
        ranks = self._options.processes
        if ranks == 1:
            return progress
        gradients = [p.grad for p in self._model.parameters() if p.grad is not None]
        flat = torch.cat([*(g.flatten() for g in gradients), torch.tensor([progress])])
        dist.all_reduce(flat)
        at = 0
        for gradient in gradients:
            gradient.copy_(flat[at : at + gradient.numel()].view_as(gradient)).div_(ranks)
            at += gradient.numel()
        return float(flat[-1]) / ranks

    def _remember(self, progress: float) -> None:
        """Move the average along; show and save when it is time."""
        state = self._model.state_dict()
        share = 1 - min(_LONGEST_MEMORY, self._step / (self._step + 50))
        torch._foreach_lerp_(list(self._average.values()), list(state.values()), share)
        spent = self._before_s + time.monotonic() - self._began
        if self._step % _SHOWN_STEPS == 0:
            shown = " ".join(f"{n} {v / _SHOWN_STEPS:.3f}" for n, v in self._sums.items())
            print(f"{self._step} {100 * progress:.1f}% {spent:.0f}s {shown}", flush=True)
            self._sums = {}
        if time.monotonic() - self._saved > self._options.every_s or progress >= 1.0:
            self._saved = time.monotonic()
            draft = self._options.checkpoint.with_suffix(".part")
            kept = {"model": state, "optimizer": self._optimizer.state_dict()}
            kept["muon"] = self._muon.state()
            kept |= {"average": self._average, "step": self._step, "seconds": spent}
            torch.save(kept | {"dimensions": asdict(self._model.dims)}, draft)
            draft.rename(self._options.checkpoint)


def _inner(model: Nano) -> list[Tensor]:
    """The matrices inside the layers: Muon's share; everything else is Adam's."""
    return [p for n, p in model.named_parameters() if ".blocks." in n and p.ndim == 2]


def _optimizer(model: Nano, peak: float) -> torch.optim.Optimizer:
    inner = {id(one) for one in _inner(model)}
    outer = [p for p in model.parameters() if id(p) not in inner]
    return torch.optim.AdamW(outer, lr=peak, betas=(0.9, 0.98), weight_decay=0.0, foreach=True)


def _work(rank: int, options: Options) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(7)
    if options.processes > 1:
        meeting = f"file://{(options.out / 'meet').resolve()}"
        dist.init_process_group(
            "gloo", init_method=meeting, rank=rank, world_size=options.processes
        )
    _Trainer(rank, options).run()


def train(options: Options) -> None:
    """Train for `options.minutes`, with checkpoints in `options.out`; resumes if told to.

    Writes the numbers of all its processes to train.pid, for whoever must pause them.
    """
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "meet").unlink(missing_ok=True)
    if options.processes == 1:
        _work(0, options)
        return
    started = torch.multiprocessing.start_processes(
        _work, args=(options,), nprocs=options.processes, join=False, start_method="fork"
    )
    if started is None:
        raise RuntimeError("no training process was started")
    pids = [os.getpid(), *(process.pid for process in started.processes)]
    (options.out / "train.pid").write_text(" ".join(map(str, pids)) + "\n")
    while not started.join():
        pass
