"""Every command of the guides works: each guide is followed in an empty folder, with smaller numbers.

In a guide, ``<!-- tested with: --frames 24 -->`` before a block gives its last command these further options here, and
``<!-- not run: it needs an account -->`` says why it is only parsed. A block with a title is a file.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

GUIDES = Path(__file__).parents[1] / "guides"
_BLOCK = re.compile(
    r"^(?:<!-- (?P<how>tested with|not run): (?P<words>.*?) -->\n)?"
    r'```(?P<kind>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?)^```$',
    re.MULTILINE | re.DOTALL,
)
_LONGEST_S = 600
# what SLURM would do, in this shell: the job's script is run, and each step is its command
_SLURM = {
    "sbatch": '#!/bin/bash\nscript=$1; shift\nSTEP_OPTIONS="$*" exec bash "$script"\n',
    "srun": '#!/bin/bash\nexec "$@" $STEP_OPTIONS\n',
}


@dataclass(frozen=True)
class Block:
    kind: str
    title: str | None
    text: str
    how: str | None
    words: str


def blocks(guide: Path) -> list[Block]:
    found = _BLOCK.finditer(guide.read_text())
    return [Block(m["kind"], m["title"], m["text"], m["how"], m["words"] or "") for m in found]


@pytest.fixture
def shell(tmp_path: Path):
    """Runs a command line in the empty folder."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, text in _SLURM.items():
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    here = Path(sys.executable).parent
    quiet = {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "NO_ALBUMENTATIONS_UPDATE": "1", "OMP_NUM_THREADS": "1"}
    env = {**os.environ, **quiet, "PATH": f"{tools}:{here}:{os.environ['PATH']}"}
    env |= {"PYTHONPATH": str(tmp_path / "installed")}  # a guide's own package goes there, not among those of the tests

    def run(line: str) -> None:
        log = tmp_path / "output.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                ["bash", "-euo", "pipefail", "-c", line], cwd=tmp_path, env=env, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
            try:
                status = process.wait(_LONGEST_S)
            finally:
                end(process)
        assert status == 0, f"{line}\n{log.read_text()[-4000:]}"

    return run


def end(process: subprocess.Popen[bytes]) -> None:
    """What a line left in the background ends with it: it is a group of its own."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize("guide", sorted(GUIDES.glob("*.md")), ids=lambda path: path.stem)
def test_a_guide_can_be_followed(guide: Path, shell, tmp_path: Path) -> None:
    followed = blocks(guide)
    assert guide.read_text().count("\n```") == 2 * len(followed), "a block that this test does not see"
    for block in followed:
        if block.title:
            path = tmp_path / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)
        elif block.how == "not run":
            subprocess.run(["bash", "-n", "-c", block.text], check=True)
        else:
            assert block.kind == "bash", f"a block of {block.kind} without a title"
            shell(f"{block.text.rstrip()} {shlex.join(shlex.split(block.words))}")
