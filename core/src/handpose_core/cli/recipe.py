"""``handpose recipe``: a method's stages one after another, then the test of what they made."""

import argparse
import difflib
import re
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from handpose_core.cli import registry
from handpose_core.errors import HandposeError
from handpose_core.training.arguments import is_option
from handpose_core.training.folders import discard_empty, new_run_dir
from handpose_core.training.recipes import TEST, StageFile, known_stages, stages_in_folder
from handpose_core.training.stages import Stage, StageStopped, read_finished, run_stage, test_stage

_FOR_STAGE = re.compile(r"--(?P<stage>[A-Za-z]\w*):(?P<option>.+)", re.ASCII)
_IS_DATA = re.compile(r"--data($|[.=])")
_EPILOG = """\
All other options go to every stage's fit and to the test, over what the recipe says:
  --data STB --data.root data/stb --trainer.max_epochs 1
An option for one stage alone has the stage's name before it, with a colon:
  --regression:trainer.max_epochs 5    --test:data.batch_size 1
A stage that reads data of its own (own_data: true in its file) does not get the others' data options.

An interrupted recipe goes on with the same command and its --run_dir; finished stages are not run again.
Without a recipe, those of all installed methods are listed.
"""


@dataclass(frozen=True)
class Recipe:
    """A method's stages in order.

    Args:
        method: the method's name.
        name: the recipe's.
        stages: in the order in which they run.
    """

    method: str
    name: str
    stages: tuple[StageFile, ...]


@dataclass(frozen=True)
class Options:
    """Options as a user gave them.

    Args:
        common: those for every stage and the test.
        own: those for one stage, by its name.
    """

    common: tuple[str, ...]
    own: dict[str, tuple[str, ...]]

    def of(self, stage: StageFile) -> tuple[str, ...]:
        """All that a stage gets, no data options of all where it has data of its own; its own options come last."""
        common = _without_data(self.common) if stage.own_data else self.common
        return (*common, *self.own.get(stage.name, ()))


def main(argv: Sequence[str]) -> int:
    """Run ``handpose recipe``; the exit status.

    Raises:
        HandposeError: no such recipe, stage or checkpoint, or a stage's error.
    """
    if not argv:
        print(listing())
        return 0
    parser = _parser()
    if is_option(argv[0]):
        parser.parse_args(argv)  # --help
        parser.error("the recipe comes first: handpose recipe METHOD/RECIPE [options]")
    recipe = find_recipe(argv[0])
    known, others = parser.parse_known_args(argv[1:])
    options = split_options(others, [*(stage.name for stage in recipe.stages), TEST])
    stages = _until(recipe, known.until)
    _check(recipe, stages, options, known.run_dir, known.init_from)
    run_dir = known.run_dir or new_run_dir(Path("runs"), recipe.method, recipe.name)
    try:
        _run(recipe, stages, options, run_dir, known.init_from)
    except (KeyboardInterrupt, StageStopped, SystemExit):  # SystemExit: SIGTERM
        ends = ["--until", known.until] if known.until else []
        ends += ["--init_from", str(known.init_from)] if known.init_from else []
        again = ["handpose", "recipe", argv[0], "--run_dir", str(run_dir), *ends, *others]
        print(f"to go on: {shlex.join(again)}", file=sys.stderr)
        raise
    finally:
        discard_empty(run_dir)
    return 0


def find_recipe(text: str) -> Recipe:
    """The recipe that ``method/name`` names, or ``method/folder`` of a user's own stages.

    Raises:
        HandposeError: no such method, recipe or folder.
    """
    method, _, name = text.partition("/")
    methods = registry.methods()
    recipes = known_stages(methods[method].package) if method in methods else {}
    if name in recipes:
        return Recipe(method, name, recipes[name])
    folder = Path(name)
    if method in methods and name and folder.is_dir():
        return Recipe(method, folder.resolve().name, stages_in_folder(folder))
    known = [f"{of}/{recipe}" for of, one in methods.items() for recipe in known_stages(one.package)]
    close = difflib.get_close_matches(text, known, n=3)
    raise HandposeError(
        "handpose recipe",
        f"'{text}'",
        f"one of {', '.join(known) or 'no installed recipes'}, or <method>/<folder of own stages>",
        f"Did you mean {' or '.join(close)}?" if close else "See handpose recipe.",
    )


def split_options(arguments: Sequence[str], stages: Sequence[str]) -> Options:
    """Tell options of one stage, ``--<stage>:<option>``, from those of all.

    Raises:
        HandposeError: there is no such stage.
    """
    common: list[str] = []
    own: dict[str, list[str]] = {stage: [] for stage in stages}
    target = common
    for argument in arguments:
        match = _FOR_STAGE.fullmatch(argument)
        if match:
            if match["stage"] not in own:
                raise HandposeError(
                    argument.partition("=")[0],
                    f"stage '{match['stage']}'",
                    f"one of {', '.join(stages)}",
                    "Check the spelling of what stands before the colon.",
                )
            target = own[match["stage"]]
            target.append(f"--{match['option']}")
            continue
        if is_option(argument):
            target = common
        target.append(argument)
    return Options(tuple(common), {stage: tuple(given) for stage, given in own.items()})


def _without_data(arguments: Sequence[str]) -> list[str]:
    kept: list[str] = []
    keep = True
    for argument in arguments:
        if is_option(argument):
            keep = not _IS_DATA.match(argument)
        kept += [argument] if keep else []
    return kept


def listing() -> str:
    """Every installed method's recipes with their stages."""
    lines = ["usage: handpose recipe METHOD/RECIPE [--run_dir DIR] [--until STAGE] [options]", "", "recipes:"]
    found = {
        f"{name}/{recipe}": " → ".join(stage.name for stage in stages)
        for name, method in registry.methods().items()
        for recipe, stages in known_stages(method.package).items()
    }
    width = max(map(len, found), default=0) + 2
    lines += [f"  {name:<{width}}{stages}" for name, stages in found.items()] or ["  none installed"]
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "handpose recipe",
        usage="handpose recipe METHOD/RECIPE [--run_dir DIR] [--until STAGE] [--init_from CKPT] [options]",
        description="Train a method stage by stage, each from the checkpoint of the one before, and test the last. "
        "METHOD/RECIPE is a packaged recipe, or METHOD/FOLDER a folder of your own <number>-<stage>.yaml files.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--run_dir",
        type=Path,
        metavar="DIR",
        help="where everything is written, <n>-<stage> each (default: runs/<method>/<recipe>/<date_time>)",
    )
    parser.add_argument("--until", metavar="STAGE", help="the last stage to run, without a test")
    parser.add_argument(
        "--init_from", type=Path, metavar="CKPT", help="weights for the first stage, of another recipe of the method"
    )
    return parser


def _until(recipe: Recipe, last: str | None) -> tuple[StageFile, ...]:
    names = [stage.name for stage in recipe.stages]
    if last is None:
        return recipe.stages
    if last not in names:
        raise HandposeError("--until", f"'{last}'", f"one of {', '.join(names)}", "Check the spelling.")
    return recipe.stages[: names.index(last) + 1]


def _run(recipe: Recipe, stages: Sequence[StageFile], options: Options, run_dir: Path, init_from: Path | None) -> None:
    """Run the stages, the first from given weights or its own, and, after all of a recipe's, the test."""
    title = f"{recipe.method}/{recipe.name}"
    _say(f"{title}: {len(stages)} of {len(recipe.stages)} stages, in {run_dir}")
    checkpoint = init_from
    for place, file in enumerate(stages, 1):
        heading = f"stage {place} of {len(recipe.stages)}, {file.name}"
        folder = run_dir / file.folder
        _say(f"{heading}: finished before" if read_finished(folder) else heading)
        stage = Stage(recipe.method, file.name, ("--config", str(file.config), *options.of(file)))
        started = time.monotonic()
        checkpoint = run_stage(stage, folder, init_from=checkpoint)
        _say(f"{heading}: {_took(started)}, {checkpoint}")
    if checkpoint is None or len(stages) < len(recipe.stages):
        return
    _say(f"test of {checkpoint}")
    tested = Stage(recipe.method, TEST, (*stage.arguments, *options.own[TEST]))
    results = test_stage(tested, run_dir, checkpoint)
    _say(f"{title}: all stages finished; results: {results}")


def _check(
    recipe: Recipe, stages: Sequence[StageFile], options: Options, run_dir: Path | None, init_from: Path | None
) -> None:
    """Check all that the stages and the test need, before the first of them takes its time.

    Args:
        recipe: The recipe.
        stages: Those to run; the test follows all of a recipe's.
        options: The user's.
        run_dir: Where stages may have finished before: these need nothing more.
        init_from: Weights for the first stage.

    Raises:
        HandposeError: Something that a step needs is missing.
    """
    from handpose_core.training.experiment.preflight import Preflight, Step, check_disk  # imports torch

    preflight, checkpoint, step = Preflight(), init_from, None
    passed = []
    for file in stages:
        stage = Stage(recipe.method, file.name, ("--config", str(file.config), *options.of(file)))
        done = read_finished(run_dir / file.folder) if run_dir else None
        if run_dir and done:
            checkpoint = run_dir / file.folder / done.checkpoint
            continue
        step = Step(stage, after=step, init_from=checkpoint if step is None else None)
        passed.append(preflight.check(step))
    if len(stages) == len(recipe.stages):
        preflight.check(Step(replace(stage, name=TEST, arguments=(*stage.arguments, *options.own[TEST])), "test"))
    check_disk(run_dir or Path("runs"), passed)


def _took(started: float) -> str:
    minutes, seconds = divmod(round(time.monotonic() - started), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def _say(text: str) -> None:
    print(f"== {text}", flush=True)  # before what the stages' own processes print
