"""Server-sent events as bytes (WHATWG HTML, 9.2.5): one line of data each, or a comment."""

COMMENT = b":\n\n"
"""Says nothing, and keeps proxies from closing a stream on which nothing moves."""

CONTENT_TYPE = "text/event-stream"


def encode_event(name: str, data: bytes) -> bytes:
    """One event. name: letters and underscores. data: JSON in UTF-8, written in one line."""
    if b"\n" in data or b"\r" in data:
        raise ValueError("the data of an event is one line here")
    return b"event: %b\ndata: %b\n\n" % (name.encode(), data)
