"""A shuffled order that is computed, not stored: a keyed bijection on [0, n).

A Feistel network permutes the smallest power of two that holds n; positions that land outside [0, n)
walk on along their cycle until they come back in. Black & Rogaway, "Ciphers with Arbitrary Finite
Domains", 2002. So any position of any epoch is reached at once, with no memory that grows with n.
"""

import hashlib

import numpy as np

ODD = np.uint64(0x9E3779B97F4A7C15)
"""What splitmix64 multiplies by: numbers that follow one another lie far apart then."""
_ROUNDS = 6


def mix(*key: object) -> int:
    """Return a number in [0, 2**63) that is a fixed function of the key's parts.

    Every random draw of this project is seeded by such a key, for example (seed, "order", epoch).
    """
    digest = hashlib.blake2b(repr(key).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


class Permutation:
    """A bijection on [0, n) chosen by `key`; call it with positions to get the rows that stand there."""

    def __init__(self, n: int, key: int) -> None:
        self.n = n
        bits = max(2, (n - 1).bit_length())
        self._right_bits = np.uint64(bits // 2)
        self._left_bits = np.uint64(bits - bits // 2)
        self._keys = np.array([mix(key, number) for number in range(_ROUNDS)], dtype=np.uint64)

    def __call__(self, positions: np.ndarray) -> np.ndarray:
        """Map int positions (K,) in [0, n) to int64 rows (K,) in [0, n)."""
        rows = self._encrypt(positions.astype(np.uint64))
        outside = np.flatnonzero(rows >= self.n)
        while len(outside):
            rows[outside] = self._encrypt(rows[outside])
            outside = outside[rows[outside] >= self.n]
        return rows.astype(np.int64)

    def _encrypt(self, value: np.ndarray) -> np.ndarray:
        right_bits, left_bits = self._right_bits, self._left_bits
        right = value & ((np.uint64(1) << right_bits) - np.uint64(1))
        left = value >> right_bits
        for key in self._keys:  # unbalanced halves change places, and so do their widths
            left, right = right, (left ^ scrambled((right + key) * ODD)) & ((np.uint64(1) << left_bits) - np.uint64(1))
            left_bits, right_bits = right_bits, left_bits
        return (left << right_bits) | right


def scrambled(value: np.ndarray) -> np.ndarray:
    """The finaliser of splitmix64 (Steele, Lea & Flood, 2014): every input bit changes half the output bits."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: np.ndarray = value ^ (value >> np.uint64(31))
    return mixed
