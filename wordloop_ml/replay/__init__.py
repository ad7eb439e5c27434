"""Pure: what a client keeps, sends again and refuses, so that no word is lost or doubled."""
