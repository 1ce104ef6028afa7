import ctypes

import pytest

from handpose_core.predict.memory import keep_freed_memory


def test_freed_memory_is_kept_with_glibc_and_nothing_happens_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []

    class Library:
        def __init__(self, name: str) -> None:
            assert name == "libc.so.6"

        def mallopt(self, option: int, value: int) -> int:
            asked.append((option, value))
            return 1

    monkeypatch.setattr(ctypes, "CDLL", Library)
    keep_freed_memory()
    assert asked == [(-1, 64 * 2**20), (-3, 32 * 2**20)]  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD of malloc.h

    def missing(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", missing)
    keep_freed_memory()
    assert len(asked) == 2
