"""Text as a point: near to texts that share words and parts of words with it.

Computed in the process, the same everywhere and for ever, and honest about what it is: each word and each three letters
of it are hashed to one of 128 directions, with a sign, and added up ("feature hashing", Weinberger and others, ICML
2009). It finds "ceramics" near "ceramic bowl"; that a stool is a kind of chair it does not know. A model that does goes
in here, behind the same function.
"""

import hashlib
import math
import re
from collections.abc import Iterator

DIMENSIONS = 128
# A whole word says more than a part of one.
WORD_WEIGHT = 2.0
_WORD = re.compile(r"[^\W_]+")


def embed(text: str) -> list[float]:
    """Return DIMENSIONS numbers of length 1 in all; all 0 for a text without a word."""
    point = [0.0] * DIMENSIONS
    for feature, weight in _features(text.lower()):
        number = int.from_bytes(hashlib.blake2b(feature.encode(), digest_size=8).digest())
        point[number % DIMENSIONS] += weight if number >> 63 else -weight
    length = math.sqrt(sum(one * one for one in point))
    return [one / length for one in point] if length else point


def as_text(point: list[float]) -> str:
    """Return a point as pgvector reads it."""
    return f"[{','.join(f'{one:.6f}' for one in point)}]"


def _features(text: str) -> Iterator[tuple[str, float]]:
    for word in _WORD.findall(text):
        yield word, WORD_WEIGHT
        padded = f"^{word}$"
        for at in range(len(padded) - 2):
            yield padded[at : at + 3], 1.0
