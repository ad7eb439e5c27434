"""Blocking: decoding and resampling, any audio in, 16 kHz mono out."""
