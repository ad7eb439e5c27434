"""Nothing may leave a meeting's process: ONNX Runtime's own reports are off before it loads."""

import subprocess
import sys


def test_the_engines_room_turns_reports_off_before_the_library_loads() -> None:
    """In a fresh interpreter, whatever its environment says."""
    program = (
        "import os, sys, wordloop_ml.engines as room\n"
        "assert 'onnxruntime' not in sys.modules\n"
        "print(os.environ['ORT_DISABLE_TELEMETRY'])\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "1"
