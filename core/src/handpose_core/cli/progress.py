"""The bars of commands that count what they have made."""

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text


def counting() -> Progress:
    """Bars with what they count, how much is there of all, the time it took and the time left."""
    times = (TimeElapsedColumn(), TimeRemainingColumn())
    return Progress(TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), *times)


def counting_speed(what: str) -> Progress:
    """Bars on the error stream that go when they are done, with how many there are a second of what is counted."""
    times = (TimeElapsedColumn(), TimeRemainingColumn(), _Speed(what))
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), *times)
    return Progress(*columns, console=Console(stderr=True), transient=True)


class _Speed(ProgressColumn):
    def __init__(self, what: str) -> None:
        super().__init__()
        self._what = what

    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:.1f} {self._what}/s")
