"""Pure: bytes and JSON to messages and back, one file per protocol."""
