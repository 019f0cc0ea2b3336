"""Activation patterns as bits: 64 neurons of one layer a word, every layer from a new word."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

WORD = 64


def num_words(widths: Sequence[int]) -> int:
    """Return the number of words of a pattern."""
    return sum(-(-width // WORD) for width in widths)


def columns(widths: Sequence[int]) -> NDArray[np.int64]:
    """Return the bit of each neuron, counted from bit 0 of the first word."""
    bits, offset = [], 0
    for width in widths:
        bits.append(np.arange(offset, offset + width))
        offset += -(-width // WORD) * WORD
    return np.concatenate([np.empty(0, dtype=np.int64), *bits])


def unpack(words: NDArray[np.uint64], widths: Sequence[int]) -> NDArray[np.uint8]:
    """Return the patterns as zeros and ones, shape (m, neurons)."""
    octets = np.ascontiguousarray(words, dtype="<u8").view(np.uint8)
    bits = np.unpackbits(octets, axis=1, bitorder="little")
    layers, offset = [bits[:, :0]], 0
    for width in widths:
        layers.append(bits[:, offset : offset + width])
        offset += -(-width // WORD) * WORD
    return np.concatenate(layers, axis=1)


def pack(patterns: NDArray[np.uint8], widths: Sequence[int]) -> NDArray[np.uint64]:
    """Return patterns of zeros and ones, shape (m, neurons), as words, shape (m, words)."""
    bits = np.zeros((len(patterns), num_words(widths) * WORD), dtype=np.uint8)
    bits[:, columns(widths)] = patterns
    octets = np.packbits(bits, axis=1, bitorder="little")
    return np.ascontiguousarray(octets).view("<u8").astype(np.uint64, copy=False)
