"""Official clients of other interfaces, against a whole service in this process."""

from tests.web.conftest import no_task_is_left_behind, serving

__all__ = ["no_task_is_left_behind", "serving"]
