"""The native engines behind ports.py, and the scripted ones for tests and drills; blocking."""

import os

# ONNX Runtime's wheels report sessions and a device id to their maker unless this is set before
# the library is first loaded; this room is the only one that loads it.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

# tokenizers would bring a thread for each core; inference threads are the executor's to give.
os.environ["TOKENIZERS_PARALLELISM"] = "false"
