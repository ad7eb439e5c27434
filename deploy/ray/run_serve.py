"""Run Ray Serve on this machine alone, until SIGTERM: then what replicas have is answered, and all ends with status 0.

``python run_serve.py CONFIG PORT [ROLE...]``. On a cluster, ``ray start`` and
``serve deploy`` do this, or KubeRay.
"""

import argparse
import signal
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

import ray
import yaml
from ray import serve
from ray.serve.scripts import cli

CPUS, OBJECT_STORE_BYTES = 2, 100 << 20
"""For replicas; nearly nothing goes through the store: requests and answers go from process to process."""


def main(arguments: Sequence[str]) -> int:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(description="Run Ray Serve on this machine alone.")
    parser.add_argument("config", type=Path, help="as serve deploy takes it")
    parser.add_argument("port", type=int, help="for HTTP")
    parser.add_argument("roles", nargs="*", help="instead of the config's")
    options = parser.parse_args(arguments)
    config = yaml.safe_load(options.config.read_text(encoding="utf-8"))
    config["http_options"]["port"] = options.port
    [application] = config["applications"]
    roles = application["args"]["roles"] = options.roles or application["args"]["roles"]
    application["deployments"] = [
        one for one in application["deployments"] if one["name"] in {"ingress", *roles}
    ]
    ended = threading.Event()
    ray.init(
        namespace="serve",
        num_cpus=CPUS,
        object_store_memory=OBJECT_STORE_BYTES,
        include_dashboard=False,
    )
    # only now: Ray puts a handler of its own in the place of one that it finds
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda *_: ended.set())
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(config, file)
        file.flush()
        cli.main(["run", "--non-blocking", file.name], standalone_mode=False)
        ended.wait()
    # before Serve itself: as long as that is there, answers find their way
    serve.delete(application["name"])
    serve.shutdown()
    ray.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
