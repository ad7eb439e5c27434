"""How good a synthesis is, measured on real meetings; docs/synthesis-quality.md says how to read it."""
