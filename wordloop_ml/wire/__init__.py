"""Pure: bytes and JSON to messages and back, by version 1 of the protocol (docs/protocol.md)."""
