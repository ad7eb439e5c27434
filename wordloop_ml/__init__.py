"""wordloop-ml: live captions and meeting intelligence, the ML service of Wordloop."""

__version__ = "0.1.0"
