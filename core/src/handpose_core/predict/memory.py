"""Memory of the process that predicts, without PyTorch."""

import ctypes

#: Options of glibc's ``mallopt``, and what they are set to, bytes.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_TRIM, _MMAP = 64 << 20, 32 << 20


def keep_freed_memory() -> None:
    """Let the C library keep up to 64 MB of freed memory for the next image.

    By default glibc returns a large tensor's memory to the system, and the page faults of mapping it anew take a
    quarter of the time that a hand takes on a CPU. The setting holds for the whole process: commands make it, the
    library does not. Nothing happens with another C library than glibc.
    """
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return
    for option, value in ((_M_TRIM_THRESHOLD, _TRIM), (_M_MMAP_THRESHOLD, _MMAP)):
        mallopt(option, value)
