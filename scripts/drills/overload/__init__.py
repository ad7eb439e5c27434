"""More meetings than there is room for, readers that do not read, and peers that vanish."""
