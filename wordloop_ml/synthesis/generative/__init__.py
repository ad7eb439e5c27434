"""Pure: a language model takes notes of each part of a meeting, and writes the synthesis of them."""
