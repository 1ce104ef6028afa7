"""Half precision only where the processor has it: elsewhere it is emulated, and slower than single precision."""

import platform

import torch

_HALF = ("bf16-mixed", "bf16-true", "bf16")
_SINGLE = "32-true"


def affordable(precision: str | int | None, accelerator: str) -> str | int | None:
    """The precision to train in: ``precision``, or single where this machine would have to emulate bfloat16.

    On an x86 processor with AVX2 and nothing newer the suite's own estimator trained twelve times as slowly in
    bf16-mixed as in single precision (78 and 6.4 samples a second on one core).

    Args:
        precision: as Lightning's Trainer takes it.
        accelerator: as Lightning's Trainer takes it.
    """
    on_cpu = accelerator == "cpu" or (accelerator == "auto" and not _has_accelerator())
    return _SINGLE if precision in _HALF and on_cpu and not cpu_has_bfloat16() else precision


def cpu_has_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 itself."""
    if platform.machine().lower() in ("x86_64", "amd64"):
        # oneDNN calls bfloat16 supported from AVX-512 on, but only with these is it quicker than single precision
        found = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
        return any(test is not None and test() for test in found)
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _has_accelerator() -> bool:
    return torch.cuda.is_available() or torch.backends.mps.is_available()
