"""Logs: an event a line, facts as keys, and never what was said."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from wordloop_ml.telemetry import LibraryHandler, configure_logs, describe_bug


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def test_a_log_line_is_json_with_event_level_and_time() -> None:
    """What a collector needs."""
    stream = io.StringIO()
    configure_logs("info", "json", stream)
    structlog.get_logger().info("meeting_started", meeting="m1")
    line = json.loads(stream.getvalue())
    assert line["event"] == "meeting_started"
    assert line["level"] == "info"
    assert line["meeting"] == "m1"
    assert line["timestamp"].endswith("Z")


def test_a_lower_level_than_asked_for_is_silent() -> None:
    """Levels filter."""
    stream = io.StringIO()
    configure_logs("warning", "console", stream)
    structlog.get_logger().info("meeting_started")
    assert stream.getvalue() == ""


def test_a_bug_is_described_by_type_and_place_without_its_message() -> None:
    """A message can hold a word that somebody said."""
    nothing: dict[str, str] = {}
    try:
        nothing["canary"]
    except KeyError as error:
        described = describe_bug(error)
    assert described["error"] == "KeyError"
    assert "test_telemetry.py" in str(described["where"])
    assert "canary" not in str(described)


def test_what_a_library_logs_loses_its_arguments_and_its_traceback() -> None:
    """They hold headers and requests: whatever a stranger sent."""
    stream = io.StringIO()
    configure_logs("info", "json", stream)
    library = logging.Logger("aiohttp.server")
    library.addHandler(LibraryHandler())
    try:
        int("canary")
    except ValueError:
        library.exception("Error from %s\ncanary", "canary")
    line = json.loads(stream.getvalue())
    assert (line["event"], line["library"]) == ("library_log", "aiohttp.server")
    assert (line["level"], line["template"], line["error"]) == (
        "error",
        "Error from %s",
        "ValueError",
    )
    assert "canary" not in stream.getvalue()


def test_an_exporter_s_complaints_about_each_try_are_dropped() -> None:
    """The service says once a minute that spans are lost; of the rest of OpenTelemetry nothing is."""
    stream = io.StringIO()
    configure_logs("info", "json", stream)
    for name in ("exporter.otlp.proto.http.trace_exporter", "trace.span", "sdk.trace"):
        library = logging.Logger(f"opentelemetry.{name}")
        library.addHandler(LibraryHandler())
        library.warning("Transient error")
    [line] = stream.getvalue().splitlines()
    assert json.loads(line)["library"] == "opentelemetry.sdk.trace"
