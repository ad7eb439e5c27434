"""Pure: bytes and JSON to messages and back; docs/protocol.md documents version 1 of the protocol."""
