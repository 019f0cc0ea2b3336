"""Snapshots of a module while it is trained, each an exact network.

A snapshot is a bit for bit copy of the parameters and buffers. Of a tensor that has not changed
since the snapshot before nothing is kept again, so that memory grows with what training changes.
Networks are read when they are asked for, from a copy of the module in eval mode: batch
normalization with the running statistics of that moment, unless others are asked for.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Any, final, overload

import torch
from torch import nn

from exactbn.errors import InputError, LimitError
from exactbn.model.network import Network
from exactbn.wording import a_type

#: Bytes of all copies together, by default: one gibibyte.
MAX_BYTES = 1 << 30


def record(
    module: nn.Module,
    example: object = None,
    *,
    every: int | None = None,
    max_bytes: int = MAX_BYTES,
    **options: Any,
) -> "Recording":
    """Return a recording of a module; it ends with its ``with`` block, or by ``close()``.

    Parameters
    ----------
    module : torch.nn.Module
        In train mode or eval mode; it is never changed.
    example, options
        As :meth:`exactbn.Network.from_torch` takes them, for every network.
    every : int, optional
        Take a snapshot at every so many forward passes in train mode, beginning with the first: of
        the parameters that the pass has used, and of the statistics that it leaves.
    max_bytes : int
        Of all copies together.

    Raises
    ------
    InputError
        If it is no module, or one that cannot be copied.
    """
    return Recording(module, example, every=every, max_bytes=max_bytes, options=options)


@final
class Recording(Sequence[Network]):
    """The exact networks of a module at the times of its snapshots, oldest first.

    ``steps`` are what the snapshots are called: numbers from 0, or what :meth:`snapshot` was told.
    ``nbytes`` is the memory that the copies take.
    """

    def __init__(
        self, module: nn.Module, example: object, *, every: int | None, max_bytes: int,
        options: dict[str, Any],
    ) -> None:  # fmt: skip
        if not isinstance(module, nn.Module):
            raise InputError(f"got {a_type(module)} to record, expected a torch.nn.Module")
        if every is not None and every < 1:
            raise InputError(f"every is {every}, expected at least 1")
        try:
            self._shell = copy.deepcopy(module)  # before there is a hook of ours
        except (RuntimeError, TypeError) as error:
            text = " ".join(str(error).split())[:200]
            raise InputError(f"the module ({type(module).__name__}) has no copy: {text}") from None
        self._module, self._example, self._options = module, example, options
        self._max_bytes = max_bytes
        self._kept: list[dict[str, torch.Tensor]] = []
        self.steps: list[object] = []
        self.nbytes = 0
        self._passes = 0
        self._every = every
        self._hook = None if every is None else module.register_forward_hook(self._observer())

    def _observer(self) -> Callable[[nn.Module, Any, Any], None]:
        """Return the hook that takes a snapshot after a pass in train mode, if it is its turn."""

        def passed(module: nn.Module, args: Any, output: Any) -> None:
            # A copy of the module has this hook, too.
            if module is self._module and module.training and self._every is not None:
                if self._passes % self._every == 0:
                    self.snapshot()
                self._passes += 1

        passed.only_observes = True  # type: ignore[attr-defined]
        return passed

    def snapshot(self, step: object = None) -> None:
        """Keep the module as it is now; ``step`` is what this snapshot is called.

        Raises
        ------
        LimitError
            If the copies would take more memory than they may; the snapshots so far stay.
        """
        before = self._kept[-1] if self._kept else {}
        now: dict[str, torch.Tensor] = {}
        fresh: dict[int, torch.Tensor] = {}  # tensors that have two names are kept once
        for name, tensor in _tensors(self._module):
            old = before.get(name)
            if old is not None and _is_same(old, tensor):
                now[name] = old
                continue
            if id(tensor) not in fresh:
                fresh[id(tensor)] = tensor.detach().to("cpu", copy=True)
            now[name] = fresh[id(tensor)]
        size = self.nbytes + sum(t.numel() * t.element_size() for t in fresh.values())
        if size > self._max_bytes:
            raise LimitError(
                f"a recording of {len(self._kept)} snapshots is full: the next one needs "
                f"{size} bytes together, at most {self._max_bytes} are kept; record with a "
                "greater max_bytes, or less often",
                self,
            )
        self.nbytes = size
        self.steps.append(len(self._kept) if step is None else step)
        self._kept.append(now)

    def network(self, index: int, **options: Any) -> Network:
        """Return the exact network of a snapshot; ``options`` take the place of the recording's.

        So ``network(3, statistics="batch", data=points)`` has the statistics of a batch.
        """
        kept = self._kept[index]
        found = dict(_tensors(self._shell))
        changed = [
            name for name in kept.keys() | found.keys()
            if name not in kept or name not in found or _kind(kept[name]) != _kind(found[name])
        ]  # fmt: skip
        if changed:
            raise InputError(
                f"the module has other parameters than when its recording began: "
                f"{', '.join(sorted(changed)[:5])}; begin another one"
            )
        with torch.no_grad():
            for name, tensor in kept.items():
                found[name].copy_(tensor)
        return Network.from_torch(
            self._shell.eval(), self._example, **{**self._options, **options}
        )

    def __len__(self) -> int:
        return len(self._kept)

    @overload
    def __getitem__(self, index: int) -> Network: ...

    @overload
    def __getitem__(self, index: slice) -> list[Network]: ...

    def __getitem__(self, index: int | slice) -> Network | list[Network]:
        """Return the exact network of a snapshot, or those of several."""
        if isinstance(index, slice):
            return [self.network(i) for i in range(*index.indices(len(self)))]
        return self.network(index)

    def __iter__(self) -> Iterator[Network]:
        return (self.network(i) for i in range(len(self)))

    def close(self) -> None:
        """Take no more snapshots by itself; those that there are stay."""
        if self._hook is not None:
            self._hook.remove()
            self._hook = None

    def __enter__(self) -> "Recording":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()

    def __repr__(self) -> str:
        """Return one short line."""
        name = type(self._module).__name__
        return f"<Recording of a {name}: {len(self)} snapshots, {self.nbytes} bytes>"


def _tensors(module: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield all parameters and buffers by name, also those that a state dict leaves out."""
    yield from module.named_parameters(remove_duplicate=False)
    yield from module.named_buffers(remove_duplicate=False)


def _is_same(old: torch.Tensor, new: torch.Tensor) -> bool:
    """Return whether two tensors hold the same numbers of the same type; NaN equals nothing."""
    return _kind(old) == _kind(new) and torch.equal(old, new.detach().to("cpu"))


def _kind(tensor: torch.Tensor) -> tuple[torch.Size, torch.dtype]:
    """Return shape and type of a tensor."""
    return tensor.shape, tensor.dtype
