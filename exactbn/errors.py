"""Every exception of the package, named by what went wrong.

All errors raised on purpose derive from :class:`ExactBNError`; no other module raises a bare
``ValueError`` or ``TypeError``. A message names the object, what was got, what was expected and,
where there is one, the way to mend it.
"""


class ExactBNError(Exception):
    """Base of all errors of exactbn."""


class InputError(ExactBNError, ValueError):
    """The caller's fault: an argument or a file that cannot be used."""


class DimensionError(InputError):
    """Two objects that must agree in shape do not."""


class NotRationalError(InputError):
    """A value that is not a finite rational number."""


class HypothesisError(InputError):
    """An instance that does not meet the hypotheses of the claim it is to be judged by."""


class UnsupportedLayerError(InputError):
    """A layer or operator that exactbn does not know; it is refused, never skipped."""


class DegenerateError(ExactBNError):
    """The question has no answer as posed, for example sigma = 0 with eps = 0."""


class StructureError(ExactBNError):
    """Faces that do not fit together: a damaged partition, or a bug of exactbn."""


class LimitError(ExactBNError):
    """A budget is spent; ``partial`` carries what was found, marked incomplete."""

    def __init__(self, message: str, partial: object = None) -> None:
        super().__init__(message)
        self.partial = partial


class InternalError(ExactBNError):
    """One of our own checks failed: a bug of exactbn, never of its user."""
