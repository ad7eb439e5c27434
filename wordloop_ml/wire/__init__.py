"""Pure: bytes and JSON to messages and back, one front file per protocol (``v1``)."""
