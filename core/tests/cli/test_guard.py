import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from handpose_core.cli.guard import INTERRUPTED, USER_ERROR, guarded
from handpose_core.errors import HandposeError

ERROR = HandposeError("frame 3, image", "nothing", "a PNG", "Copy it\nagain.")


class _Unreadable(Dataset):
    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> torch.Tensor:
        raise ERROR


def _raiser(error: BaseException):
    def command() -> int:
        raise error

    return command


def test_status_of_the_command_is_kept():
    assert guarded(lambda: 7) == 7


def test_user_error_is_one_message(capsys):
    assert guarded(_raiser(ERROR)) == USER_ERROR
    assert capsys.readouterr().err == f"error: {ERROR}\n"


def test_user_error_from_a_loader_worker_is_the_same_message(capsys):
    def command() -> int:
        next(iter(DataLoader(_Unreadable(), num_workers=1)))
        return 0

    assert guarded(command) == USER_ERROR
    assert capsys.readouterr().err == f"error: {ERROR}\n"


def test_interrupt_is_130():
    assert guarded(_raiser(KeyboardInterrupt())) == INTERRUPTED


def test_interrupt_that_lightning_turned_into_an_exit_is_130():
    def command() -> int:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise SystemExit(1)  # noqa: B904  # as Lightning does

    assert guarded(command) == INTERRUPTED


@pytest.mark.parametrize("error", [RuntimeError("shapes differ"), ValueError("no"), ZeroDivisionError()])
def test_a_bug_keeps_its_traceback(error):
    with pytest.raises(type(error)):
        guarded(_raiser(error))


def test_exit_status_of_the_parser_is_kept():
    with pytest.raises(SystemExit, match=r"^3$"):
        guarded(_raiser(SystemExit(3)))
