"""The fixtures of the server's tests: a whole service in this process, on scripted engines."""

from tests.web.conftest import no_task_is_left_behind, serving

__all__ = ["no_task_is_left_behind", "serving"]
