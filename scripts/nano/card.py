"""The model card of wordloop-nano, written from what was measured."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Final

from scripts.ggml_file import read
from scripts.nano.evaluate import Findings, VoiceScore, pooled
from scripts.nano.grammar import vocabulary
from scripts.nano.voices import SAMPLE_RATE, UNHEARD, is_trained

_CARD: Final = """\
# wordloop-nano

A very small Whisper model that this project trained itself, on synthetic speech alone, so that the
whole path through whisper.cpp runs, and tests assert on words, on a machine that reaches no model
hub. **It is for trying and testing.** It knows the voices of two synthesisers and {words:,} words of
meeting talk; of real people's speech it will make nonsense. `wordloop-ml weights pull` fetches a
real model.

This card is written by `scripts/train_nano evaluate`, through the service's own engine.

| | |
|---|---|
| file | `{file}`, {size:,} bytes, SHA-256 `{digest}` |
| architecture | Whisper, English only: width {width}, {encoder} encoder and {decoder} decoder layers, \
{parameters:.1f} M parameters and a token table of {table:.1f} M; q8_0 |
| why {decoder} decoder layers | whisper.cpp takes two for a distilled model and refuses timestamps |
| trained on | {hours:.1f} hours by espeak-ng and flite, {sentences:,} sentences of a grammar; \
{minutes:.0f} minutes on 2 CPU cores, {steps:,} steps |
| licence | MIT, as the project; the token table is GPT-2's (MIT) |

## Word error rates

Held-out sentences: never in training as text, by anybody. Lower case, marks stripped. `service` is
the context that the service asks for (what the audio needs and 32 positions, at least 128). 1500 is
measured on a third of the sentences.

| voice | {contexts} |
|---|{rule}|
{rows}

Never trained on: {unheard}.

## First captions

The service decodes a segment long before it ends. Held-out sentences of the trained voices, cut
some time after the onset of speech, with 250 ms before it:

| cut after | nothing yet | first word right | first word wrong |
|---|---|---|---|
{first}

## Times and confidence

Of words heard rightly, by trained voices, against the synthesiser's own times: start off by
{start_median:.0f} ms (median) and {start_p95:.0f} ms (p95); end off by {end_median:.0f} ms and \
{end_p95:.0f} ms. Mean confidence: {sure:.2f} where the word was right, {unsure:.2f} where it was not.

How times are written: the first timestamp is the start of the first word; at each later text token
the best timestamp (`tid`) is the start of its word; at a comma, full stop or question mark it is the
end of the word before; the last timestamp is the end of the last word. whisper.cpp masks
timestamps at the very first text token, so the first word's start is only in the first timestamp.

## Sounds without words

60 s of each at -60, -40 and -20 dB, each once in windows of 2 to 5 s and once in pieces of 30 s:

| sound | decodes | words |
|---|---|---|
{noise}

Without words the model says `<|nospeech|>`, then `<|0.00|><|endoftext|>`, so whisper.cpp gives no
segment. With `no_timestamps`, `suppress_blank` forbids to end at once: it then gives a lone
newline, which is no word. (Its no-speech probability says nothing there: whisper.cpp 1.8.5 reads it
at the first token of the prompt, and computes logits for the last one only.)

## What it is taught

Sentences of meeting talk from a grammar (`scripts/nano/grammar.py`), common words more often than
rare ones, as in talk; and, as 15 % of its lessons, words in no order, every word as often as another, so that rare
words are heard too. In that row of the table no context helps. What was aimed at was 5 % on trained
voices and 30 % on others; it has {known:.1f} % and {other:.1f} %. `scripts/train_nano train --resume
--minutes` with more minutes goes on where a run stopped.

## Limits

Only the words of its grammar; only synthetic voices, and those it was trained on far better than others; numbers are
spelled out; at most 15 s at a
time, times up to 16 s; one speaker at a time. No real Whisper model has been measured on real speech in this project.
"""


def _row(name: str, columns: list[VoiceScore]) -> str:
    return f"| {name} | " + " | ".join(f"{score.rate:.1f} %" for score in columns) + " |"


def _training(work: Path) -> tuple[float, int, float, int]:
    """Hours and sentences spoken; minutes and steps trained."""
    import torch  # noqa: PLC0415 - only for this

    shards = (json.loads(path.read_text()) for path in (work / "corpus").glob("*.json"))
    rows = [row for shard in shards for row in shard if is_trained(row["voice"])]
    kept = torch.load(work / "run" / "checkpoint.pt", weights_only=True)
    hours = sum(row["samples"] for row in rows) / SAMPLE_RATE / 3600
    return hours, len(rows), kept["seconds"] / 60, kept["step"]


def write_card(path: Path, model: Path, findings: Findings, work: Path) -> None:
    """Write the card of `model`; `work` holds its corpus and its run."""
    header, _, _, tensors = read(model)
    table = tensors.pop("decoder.token_embedding.weight").size
    hours, sentences, minutes, steps = _training(work)
    contexts = list(findings.wer)
    voices = list(findings.wer[contexts[0]])
    rows = [
        _row(
            voice + (" (never trained on)" if voice in UNHEARD else ""),
            [findings.wer[context][voice] for context in contexts],
        )
        for voice in sorted(voices, key=lambda voice: (voice in UNHEARD, voice))
    ]
    for title, unheard in (("**trained voices**", False), ("**voices never trained on**", True)):
        rows.append(_row(title, [pooled(findings.wer[c], unheard) for c in contexts]))
    mixed = _row("words in no order, trained voices", [findings.scrambled])
    rows.append(mixed + " |" * (len(contexts) - 1))
    first = [
        f"| {cut} ms | {100 * s.empty / s.decodes:.0f} % | {100 * s.right / s.decodes:.0f} % | "
        f"{100 * s.wrong / s.decodes:.0f} % |"
        for cut, s in findings.first.items()
    ]
    noise = [
        f"| {kind} | {findings.noise_decodes[kind]} | {words} |"
        for kind, words in findings.noise_words.items()
    ]
    text = _CARD.format(
        words=len(vocabulary()),
        file=model.name,
        size=model.stat().st_size,
        digest=hashlib.sha256(model.read_bytes()).hexdigest(),
        width=header.audio_width,
        encoder=header.audio_layers,
        decoder=header.text_layers,
        parameters=sum(values.size for values in tensors.values()) / 1e6,
        table=table / 1e6,
        hours=hours,
        sentences=sentences,
        minutes=minutes,
        steps=steps,
        contexts=" | ".join(contexts),
        rule="---|" * (len(contexts) - 1) + "---",
        rows="\n".join(rows),
        unheard=", ".join(f"`{voice}`" for voice in UNHEARD),
        first="\n".join(first),
        start_median=findings.start_median_ms,
        start_p95=findings.start_p95_ms,
        end_median=findings.end_median_ms,
        end_p95=findings.end_p95_ms,
        sure=findings.confidence_right,
        unsure=findings.confidence_wrong,
        noise="\n".join(noise),
        known=pooled(findings.wer["service"], False).rate,
        other=pooled(findings.wer["service"], True).rate,
    )
    path.write_text(text)
