"""Networks as ``.nnet``: a text of decimals, each of which is the decimal that it says."""

import io
from collections.abc import Iterator
from fractions import Fraction

from exactbn.errors import DimensionError, InputError
from exactbn.exact.rational import Vector, to_fraction
from exactbn.exact.stages import Activation, Chain, Linear, Scaling, Stage
from exactbn.readers.allowance import Allowance
from exactbn.readers.source import Source
from exactbn.wording import counted

#: Greatest size of a text.
MAX_TEXT = 1 << 25
# Of the number of a layer or a neuron.
_MOST_DIGITS = 9


def read_nnet(source: Source) -> Chain:
    """Return the stages of a ``.nnet`` file, exact.

    The network is y = range * N((x - mean) / range) + mean with ReLU between the layers of N. The
    least and greatest inputs that the file names are no part of it: inputs are not clipped.

    Raises
    ------
    InputError
        If it is no such text, or too much for its size; the message names the line.
    """
    content = source.read(MAX_TEXT)
    try:
        text = content.decode("ascii")
    except UnicodeDecodeError as error:
        raise InputError(f"not ASCII text: byte {error.start} is {content[error.start]}") from None
    if text.rstrip(" \t\r")[-1:] not in ("\n", ","):
        raise InputError("the text ends within a line, expected a comma or a line feed at its end")
    lines = _Lines(text, Allowance(len(content)))
    count, num_inputs, num_outputs, _ = lines.naturals(4, "the header")
    sizes = lines.naturals(count + 1, "the sizes of the layers")
    if (sizes[0], sizes[-1]) != (num_inputs, num_outputs):
        raise DimensionError(
            f"the sizes of the layers go from {sizes[0]} to {sizes[-1]}, expected from "
            f"{num_inputs} to {num_outputs} as the header says"
        )
    lines.naturals(1, "the flag")
    lines.numbers(num_inputs, "the least inputs")
    lines.numbers(num_inputs, "the greatest inputs")
    means = lines.numbers(num_inputs + 1, "the means")
    ranges = lines.numbers(num_inputs + 1, "the ranges")
    if not all(ranges):
        raise InputError(f"range {ranges.index(Fraction(0))} is 0, expected another number")
    shifts = tuple(-m / r for m, r in zip(means, ranges))
    stages: list[Stage] = [
        Scaling("the normalization", tuple(1 / r for r in ranges[:-1]), shifts[:-1])
    ]
    for k in range(count):
        where = f"layer {k}"
        width = sizes[k]
        weight = tuple(
            lines.numbers(width, f"{where}, weight row {i}") for i in range(sizes[k + 1])
        )
        bias = tuple(lines.numbers(1, f"{where}, bias {i}")[0] for i in range(sizes[k + 1]))
        stages += [Linear(where, weight, bias), Activation(Fraction(0))]
    lines.check_end()
    stages[-1] = Scaling(
        "the normalization of the outputs", (ranges[-1],) * num_outputs, (means[-1],) * num_outputs
    )
    return Chain(tuple(stages))


class _Lines:
    """The lines of numbers, one after the other; comments and empty lines are no lines."""

    def __init__(self, text: str, allowance: Allowance) -> None:
        self._lines = self._told(text)
        self._allowance = allowance
        self._number = 0

    def _told(self, text: str) -> Iterator[str]:
        """Yield what the lines say."""
        for self._number, line in enumerate(io.StringIO(text), 1):
            told = line.strip()
            if told and not told.startswith("//"):
                yield told

    def numbers(self, count: int, what: str) -> Vector:
        """Return the numbers of the next line, of which there are ``count``."""
        words = self._words(count, what)
        for i, word in enumerate(words):
            if "/" in word:
                raise InputError(
                    f"line {self._number}, {what}[{i}] is {word[:40]!r}, expected a decimal"
                )
        return tuple(
            to_fraction(word, f"line {self._number}, {what}[{i}]") for i, word in enumerate(words)
        )

    def naturals(self, count: int, what: str) -> list[int]:
        """Return the natural numbers, at least 1 but for a flag, of the next line."""
        words = self._words(count, what)
        for word in words:
            is_natural = word.isdecimal() and len(word) <= _MOST_DIGITS
            if not is_natural or (what != "the flag" and int(word) == 0):
                raise InputError(
                    f"line {self._number}, {what}: got {word[:40]!r}, expected a natural number"
                )
        return [int(word) for word in words]

    def check_end(self) -> None:
        """Raise InputError if there is another line."""
        if next(self._lines, None) is not None:
            raise InputError(f"line {self._number} stands behind the last bias, expected none")

    def _words(self, count: int, what: str) -> list[str]:
        """Return the ``count`` words of the next line; the last comma is free."""
        line = next(self._lines, None)
        if line is None:
            raise InputError(f"the text ends before {what}")
        line = line.removesuffix(",")
        found = line.count(",") + 1
        if found != count:
            raise DimensionError(
                f"line {self._number}, {what}: got {counted(found, 'number')}, expected {count}"
            )
        self._allowance.take_numbers(count)
        words = [word.strip() for word in line.split(",")]
        for word in words:
            self._allowance.take_text(word)
        return words
