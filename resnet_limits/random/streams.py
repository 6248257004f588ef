"""Streams of random words: Philox (Salmon, Moraes, Dror & Shaw, SC 2011), a keyed bijection of a counter.

Seed and purpose make the key; layer and block of replicas are the two high words of the 256-bit counter, whose low
words count along the stream of that block. Streams can therefore not overlap, and word i of a stream is a pure function
of i.
"""

from __future__ import annotations

import functools
import hashlib
import threading
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

Key = np.ndarray
"""Two 64-bit words."""


@dataclass(frozen=True)
class Stream:
    """Which random numbers: those of a seed, a purpose and a layer, from replica `first_replica` on.

    Different purposes and layers have independent numbers. Replica r has the same ones whichever replicas are drawn
    with it, so that `first_replica` draws replicas in pieces.
    """

    seed: int
    purpose: str
    layer: int = 0
    first_replica: int = 0

    @property
    def key(self) -> Key:
        """That of seed and purpose."""
        return key_of(self.seed, self.purpose)

    def at(self, layer: int) -> Stream:
        """The same at another layer."""
        return replace(self, layer=layer)

    def part(self, name: str) -> Stream:
        """An independent stream beside this one: that of the purpose with this name after it."""
        return replace(self, purpose=self.purpose + name)


@functools.lru_cache(maxsize=4096)
def key_of(seed: int, purpose: str) -> Key:
    """The key of (seed, purpose)."""
    name = int.from_bytes(hashlib.blake2b(purpose.encode(), digest_size=16).digest(), "little")
    return np.random.SeedSequence((seed, name)).generate_state(2, np.uint64)


def philox(key: Key, layer: int = 0, block: int = 0, start: int = 0) -> np.random.Philox:
    """The stream of (key, layer, block) from its `4 * start`-th 64-bit word."""
    counter = np.array([start, 0, layer, block], dtype=np.uint64)
    return np.random.Philox(key=key, counter=counter)


def words(key: Key, layer: int, block: int, first: int, count: int) -> np.ndarray:
    """The 64-bit words `first, ..., first + count - 1` of one stream."""
    start, within = divmod(first, 4)  # Philox counts in groups of four words
    return _kept.at(key, start, layer, block).random_raw(within + count)[within:]


class _Kept(threading.local):
    """One generator a thread, set to a counter: making one takes five times as long."""

    def __init__(self) -> None:
        self.bits = np.random.Philox(key=0)
        self.state: Any = self.bits.state

    def at(self, key: Key, start: int, layer: int, block: int) -> np.random.Philox:
        counter = np.array([start, 0, layer, block], dtype=np.uint64)
        self.state["state"] = {"counter": counter, "key": key}
        self.bits.state = self.state  # its buffer was empty when it was read, as that of a new one is
        return self.bits


_kept = _Kept()
