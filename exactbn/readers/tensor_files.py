"""State dicts from ``.pt``, ``.pth`` and ``.safetensors`` files: names and tensors, no code."""

import io
import pickle
import pickletools
import struct
import warnings
from collections import Counter
from collections.abc import Mapping

import torch

from exactbn.errors import InputError
from exactbn.readers.allowance import Allowance
from exactbn.readers.source import Source, read_archive, read_member
from exactbn.readers.tensors import check_plain, take_tensor
from exactbn.wording import a_type

#: What torch and its unpickler raise on damaged files, found by damaging files.
_DAMAGE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RecursionError,
    RuntimeError,
    TypeError,
    ValueError,
    pickle.PickleError,
    struct.error,
)


#: Greatest length of the name of a class in a pickle.
_LONGEST_NAME = 200

#: The entries of a checkpoint that hold the state dict of the module.
_ENTRIES = ("state_dict", "model_state_dict")


def read_torch(source: Source) -> tuple[Mapping[str, torch.Tensor], tuple[str, ...]]:
    """Return the state dict of a ``.pt`` file, by torch's weights-only reader alone, with notes.

    Of a checkpoint it is the entry ``state_dict`` or ``model_state_dict``, as a note then says.
    """
    content = source.read()
    archive = read_archive(content, "a .pt file as torch.save has written it since version 1.6")
    for name in archive.namelist():
        member = read_member(archive, name)  # for its checksum, which torch does not look at
        if name.endswith("data.pkl"):
            _check_names(member)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on damaged files, which end in an error anyway
            loaded = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        # torch's own message tells how to run the file's code; ours must not.
        raise InputError(
            "not a plain state dict of tensors, or damaged; save module.state_dict(), "
            "no file's code is ever run"
        ) from None
    except _DAMAGE as error:
        raise InputError(f"not a state dict, or damaged: {_first_line(error)}") from None
    found, notes = _state_dict(loaded)
    tensors = _checked(found, len(content))
    # torch enlarges a storage that is smaller than its tensor says, with whatever is in memory.
    stored = Counter(info.file_size for info in archive.infolist())
    storages = {
        tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes()
        for tensor in tensors.values()
    }
    if any(count > stored[size] for size, count in Counter(storages.values()).items() if size):
        raise InputError("damaged: a tensor is larger than its data")
    return tensors, notes


def _check_names(content: bytes) -> None:
    """Refuse a pickle that names things by very long names, on which torch's messages take long."""
    try:
        for opcode, argument, _ in pickletools.genops(content):
            if opcode.name in ("GLOBAL", "INST") and len(str(argument)) > _LONGEST_NAME:
                raise InputError(f"damaged: a name of {len(str(argument))} characters")
    except InputError:
        raise
    except _DAMAGE:
        return  # which torch will say itself


def _state_dict(loaded: object) -> tuple[object, tuple[str, ...]]:
    """Return what should be the state dict, and a note where it is an entry of a checkpoint."""
    if not isinstance(loaded, Mapping):
        return loaded, ()
    found = [name for name in _ENTRIES if isinstance(loaded.get(name), Mapping)]
    if not found:
        return loaded, ()
    if len(found) > 1:
        raise InputError(
            f"a checkpoint with the entries {' and '.join(map(repr, found))}, expected one of "
            "them; save the state dict that is meant alone"
        )
    note = f"a checkpoint, of which the entry {found[0]!r} is read"
    return loaded[found[0]], (note,)


def read_safetensors(source: Source) -> Mapping[str, torch.Tensor]:
    """Return the tensors of a ``.safetensors`` file."""
    try:
        import safetensors
        import safetensors.torch
    except ImportError:
        raise InputError(
            "reading .safetensors needs the package safetensors; "
            'install it with pip install "exactbn[formats]"'
        ) from None
    content = source.read()
    try:
        loaded = safetensors.torch.load(content)
    except (safetensors.SafetensorError, *_DAMAGE) as error:
        raise InputError(f"not a .safetensors file, or damaged: {_first_line(error)}") from None
    return _checked(loaded, len(content))


def _checked(loaded: object, size: int) -> dict[str, torch.Tensor]:
    """Return the loaded object as a dictionary of plain tensors by name, not too many numbers."""
    if not isinstance(loaded, Mapping) or not loaded:
        raise InputError(f"holds {a_type(loaded)}, expected a state dict of tensors")
    result = {}
    allowance = Allowance(size)
    for key, value in loaded.items():
        if not isinstance(key, str) or not isinstance(value, torch.Tensor):
            raise InputError(
                f"the entry {str(key)[:60]!r} is {a_type(value)}, expected a tensor; "
                "save module.state_dict() alone, or as the entry 'state_dict' of a checkpoint"
            )
        check_plain(value, f"the entry {key[:60]!r}")
        take_tensor(allowance, value)
        result[key] = value
    return result


def _first_line(error: BaseException) -> str:
    """Return the first line of an error's message, cut to one line on a screen."""
    text = str(error).strip() or type(error).__name__
    return "".join(c for c in text.splitlines()[0][:160] if c.isprintable())
