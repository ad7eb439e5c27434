"""all-MiniLM-L6-v2 through ONNX Runtime: texts in, embeddings of length 1 out.

The graph is the project's own (scripts/minilm_graph.py). It takes padded token ids and a mask, and
gives the mean over each text's own tokens, scaled to length 1. Its weights are the published
safetensors file, which ONNX Runtime maps: of the half that matrices are made of it keeps a packed
copy in place of the pages (docs/adr/0019-a-graph-over-the-published-weights.md).
"""

import os
from collections.abc import Sequence

import numpy as np
import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as native
from tokenizers import Tokenizer

from wordloop_ml.errors import EngineFailed, ErrorCode, StartupFailed
from wordloop_ml.messages import TokenisedText, Vectors
from wordloop_ml.ports import EmbedderCapabilities
from wordloop_ml.weights.store import MappedWeights

LONGEST_TOKENS = 256
"""What the model was made for; its file of the tokenizer says 128, its position table holds 512."""

DIMENSIONS = 384

_INPUTS = {"ids", "mask"}
_OUTPUTS = ["vectors"]
_REFUSALS = (
    native.Fail,
    native.InvalidArgument,
    native.InvalidGraph,
    native.InvalidProtobuf,
    native.NoModel,
    native.NoSuchFile,
    native.NotImplemented,
    native.RuntimeException,
    ValueError,  # of the Python layer: inputs that are not those of the file
)


class MiniLmEmbedder:
    """The model, loaded once per process; its calls are safe on any thread."""

    def __init__(
        self, session: ort.InferenceSession, tokenizer: Tokenizer, model: str, digest: str
    ) -> None:
        self._session: ort.InferenceSession | None = session
        self._tokenizer = tokenizer
        self._marks = tokenizer.num_special_tokens_to_add(is_pair=False)
        self._capabilities = EmbedderCapabilities(
            name="minilm",
            model=model,
            digest=digest,
            dimensions=DIMENSIONS,
            longest_tokens=LONGEST_TOKENS,
        )

    @classmethod
    def open(
        cls, weights: MappedWeights, graph: MappedWeights, tokenizer: MappedWeights
    ) -> "MiniLmEmbedder":
        """Load the graph over the weights and embed one text.

        Raises ``StartupFailed`` (``engine_incompatible``); ``WeightsUnusable`` when the file of the
        weights has changed since it was verified.
        """
        try:
            embedder = cls(
                _open_session(weights, graph),
                _open_tokenizer(tokenizer),
                weights.name,
                weights.entry.sha256,
            )
            embedder.embed(embedder.tokenise(["one two three"]))
        except EngineFailed as error:
            raise _incompatible(str(error)) from error
        except _REFUSALS as error:
            raise _incompatible(f"{type(error).__name__} while it was tried") from error
        return embedder

    @property
    def capabilities(self) -> EmbedderCapabilities:
        """What it makes."""
        return self._capabilities

    def tokenise(self, texts: Sequence[str]) -> list[TokenisedText]:
        """Tokenise each text, in order.

        What looks like one of the model's marks (``[SEP]``) is read as text. Lone surrogates,
        which no UTF-8 holds, are read as the replacement character.
        """
        clean = [text.encode(errors="replace").decode() for text in texts]
        read = self._tokenizer.encode_batch_fast(clean)
        longest = LONGEST_TOKENS
        kept = []
        for one in read:
            ids = tuple(one.ids)
            if len(ids) > longest:
                kept.append(TokenisedText((*ids[: longest - 1], ids[-1]), len(ids) - longest))
            else:
                kept.append(TokenisedText(ids))
        return kept

    def embed(self, batch: Sequence[TokenisedText]) -> Vectors:
        """Embed texts in one native call; float32, shape (texts, 384), in order. Raises ``EngineFailed``."""
        session = self._session
        if session is None:
            raise EngineFailed("the embedder is closed")
        if not batch:
            return np.zeros((0, DIMENSIONS), np.float32)
        lengths = [len(one.ids) for one in batch]
        if min(lengths) < 1 or max(lengths) > LONGEST_TOKENS:
            raise EngineFailed(f"a text has {min(lengths)} to {max(lengths)} tokens")
        ids = np.zeros((len(batch), max(lengths)), np.int64)
        mask = np.zeros(ids.shape, np.float32)
        for row, one in enumerate(batch):
            ids[row, : len(one.ids)] = one.ids
            mask[row, : len(one.ids)] = 1.0
        try:
            vectors: Vectors = session.run(_OUTPUTS, {"ids": ids, "mask": mask})[0]
        except _REFUSALS as error:
            raise EngineFailed(f"the embedder failed: {type(error).__name__}") from error
        if vectors.shape != (len(batch), DIMENSIONS) or not np.isfinite(vectors).all():
            raise EngineFailed("the embedder gave no vectors")
        return vectors

    def close(self) -> None:
        """Release the model; harmless when repeated."""
        self._session = None


def _open_session(weights: MappedWeights, graph: MappedWeights) -> ort.InferenceSession:
    options = ort.SessionOptions()
    # The executor owns the threads: a pool of ONNX Runtime's own would take cores from captions.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # ONNX Runtime follows no link out of the folder: mounted volumes are made of such links
    file = weights.path.resolve()
    if file.name != weights.path.name:
        raise EngineFailed(f"{weights.path} is a link to a file of another name")
    options.add_session_config_entry(
        "session.model_external_initializers_file_folder_path", str(file.parent)
    )
    options.log_severity_level = 4  # fatal: errors come back as exceptions
    session = ort.InferenceSession(bytes(graph.buffer), options, ["CPUExecutionProvider"])
    # It was mapped by its name: that name must still be that of the file that was verified.
    os.close(weights.open_file())
    if {one.name for one in session.get_inputs()} != _INPUTS:
        raise EngineFailed("its inputs are others")
    return session


def _open_tokenizer(tokenizer: MappedWeights) -> Tokenizer:
    try:
        made = Tokenizer.from_buffer(bytes(tokenizer.buffer))
    except ValueError as error:
        raise EngineFailed("its tokenizer cannot be read") from error
    # What its file says of both (128 tokens, always padded) is not what the model was made for.
    made.no_truncation()
    made.no_padding()
    # a transcript that says "[SEP]" is no end of a text
    made.encode_special_tokens = True
    return made


def _incompatible(message: str) -> StartupFailed:
    return StartupFailed(
        f"the weights are no all-MiniLM-L6-v2 that this engine can run: {message}",
        code=ErrorCode.ENGINE_INCOMPATIBLE,
    )
