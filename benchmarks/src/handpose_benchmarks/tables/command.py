"""``handpose bench table``: run a table, or show its results."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from handpose_benchmarks.speed.machine import machine_facts
from handpose_benchmarks.tables.also import Scored, further_set, tell_further, test_further
from handpose_benchmarks.tables.data import (
    TWINS,
    Source,
    describe,
    given_folders,
    make_twin,
    prepare_crops,
    twin_sources,
)
from handpose_benchmarks.tables.datasets import DATASETS, GENERATED_SETS, MVHM
from handpose_benchmarks.tables.execute import Outcome, execute
from handpose_benchmarks.tables.figure import has_curves, write_figure
from handpose_benchmarks.tables.further import write_pictures
from handpose_benchmarks.tables.generated import GENERATORS, REAL, Workshop, judge_sets, make_sets
from handpose_benchmarks.tables.join import join
from handpose_benchmarks.tables.markdown import as_markdown
from handpose_benchmarks.tables.plan import Cell, Node, Setting, plan
from handpose_benchmarks.tables.preflight import TablePreflight
from handpose_benchmarks.tables.results import (
    Circumstances,
    Document,
    Found,
    build_document,
    in_clone,
    read_document,
    results_folder,
    taken_from,
    write_document,
)
from handpose_benchmarks.tables.runner import Runner, StageRunner, earlier_results, trivial_results
from handpose_benchmarks.tables.spec import RowSpec, TableSpec
from handpose_benchmarks.tables.thesis import find_table
from handpose_core.errors import HandposeError
from handpose_core.io import atomic

Say = Callable[[str], None]


@dataclass(frozen=True)
class Wish:
    """What the user asks for; see ``handpose bench table --help``.

    Attributes:
        number: Of the table.
        data: ``twins``, or folders as ``rhd=PATH,stb=PATH``.
        recipe: What the method's recipes begin with.
        only: Datasets to run; None runs all.
        rows: Rows to run, counted from 1; None runs all.
        seeds: One run each.
        jobs: Trainings at a time.
        work: The table's folder; None chooses one.
        out: Where results go; None chooses.
        size: Of twins; None takes the recipe's.
        options: Further options of every training.
        also: Further sets to test on, see `handpose_benchmarks.tables.also.further_set`.
        trivial_only: Whether the trivial rows alone are computed, without any training.
    """

    number: str
    data: str
    recipe: str
    only: tuple[str, ...] | None
    rows: tuple[int, ...] | None
    seeds: tuple[int, ...]
    jobs: int
    work: Path | None
    out: Path | None
    size: str | None
    options: tuple[str, ...]
    also: tuple[str, ...] = ()
    trivial_only: bool = False

    @property
    def tried_out(self) -> bool:
        """Whether options of its own, or twins of another size, make it no run of the recipe."""
        return bool(self.options) or self.size not in (None, self.recipe)


def show(path: Path, say: Say) -> int:
    """Print a results file as Markdown, with its figure where that lies beside it."""
    figure = path.with_suffix(".png")
    say(as_markdown(read_document(path), figure.name if figure.is_file() else None).rstrip("\n"))
    return 0


def join_parts(number: str, paths: Sequence[Path], out: Path | None, say: Say) -> int:
    """Write the results of a table that was run in parts.

    Raises:
        HandposeError: no such table, or the parts do not fit each other.
    """
    document = join(find_table(number), paths)
    _write(out or results_folder(), paths[0].stem, document, say, last=True)
    return 0


def run_table(wish: Wish, say: Say, runner: Runner | None = None) -> int:
    """Run what is not there yet, and write the results; the exit status, 1 where something that was asked for failed.

    Args:
        wish: What to run.
        say: Takes lines of progress.
        runner: Trains and tests; None runs the methods' command lines, once all they need is seen to be there.

    Raises:
        HandposeError: the wish does not fit the table.
    """
    spec = find_table(wish.number)
    if spec.runs_of is not None:
        return _take_runs(spec, wish, say)
    work, out = _work_folder(spec.trainings_of or spec.number, wish), _out_folder(spec.number, wish)
    datasets, rows, also = _datasets(spec, wish), _rows(spec, wish), [further_set(text) for text in wish.also]
    sources = _sources(spec, wish, work)
    setting = Setting(wish.recipe, work, sources, wish.options)
    known = [name for name in spec.datasets if name in datasets or spec.needs((name,)) <= sources.keys()]
    everything = plan(spec, setting, known, sorted({*wish.seeds, *_seeds_in(work)}))
    chosen = [c for c in everything if c.dataset in datasets and c.seed in wish.seeds and c.row in rows]
    baselines = _baselines(spec, everything, wish.seeds[0])
    if wish.trivial_only:
        runner, last = runner or _runner(wish), _last_stages(spec)
        _make_data(spec, wish, last.needs(datasets, last.rows), sources, work, runner, say)
        trivial = _score_trivial(baselines, datasets, runner, say)
        return _write_trivial(spec, wish, trivial, _circumstances(wish, sources), out, say)
    needed = spec.needs(datasets, rows)
    generators = _generators(needed, wish, sources, work)
    preflight = TablePreflight(sources, work, _image_size(spec, wish.recipe)) if runner is None else None
    if preflight is not None:
        preflight.check(chosen, generators, data_made=False)
    runner = runner or _runner(wish)
    sets = _make_data(spec, wish, needed, sources, work, runner, say)
    if preflight is not None:
        preflight.check(chosen)
    circumstances, before = _circumstances(wish, sources), _earlier(everything)
    trivial = _score_trivial(baselines, datasets, runner, say)

    def write(outcome: Outcome, scored: Scored | None = None) -> None:
        found = Found({**before, **outcome.results}, outcome.failures, trivial)
        document, last = build_document(spec, everything, found, circumstances), scored is not None
        pictures = write_pictures(document, work, out, _stem(spec.number, wish)) if last else {}
        generated = _sets(sets, out, _stem(spec.trainings_of or spec.number, wish)) if last else {}
        told = tell_further(also, spec, everything, scored or Scored(), wish.options)
        document |= {"pictures": pictures, "generated": generated, "also": told}
        _write(out, _stem(spec.number, wish), document, say, last)

    outcome = execute(chosen, runner, wish.jobs, say, write)
    scored = test_further(also, chosen, outcome.checkpoints, runner, wish.jobs, wish.options, say)
    write(outcome, scored)
    return 1 if outcome.failures or scored.failures or _failed(trivial) else 0


def _baselines(spec: TableSpec, cells: Sequence[Cell], seed: int) -> dict[str, Node]:
    """By dataset, the last training of the row that the others are compared with: whose test the trivial rows share."""
    first = {dataset: spec.rows_on(dataset)[0] for dataset in spec.datasets}
    return {cell.dataset: cell.node for cell in cells if cell.seed == seed and cell.row == first[cell.dataset]}


def _last_stages(spec: TableSpec) -> TableSpec:
    """The table with each dataset's baseline row alone, of which its last stage alone: what trivial rows read."""
    rows = [spec.rows_on(dataset)[0] for dataset in spec.datasets]
    return replace(spec, rows=tuple(replace(row, stages=row.stages[-1:]) for row in spec.rows if row in rows))


def _score_trivial(
    baselines: Mapping[str, Node], datasets: Sequence[str], runner: Runner, say: Say
) -> dict[str, Path | str]:
    """By dataset, the results file of the trivial rows, or why there is none; earlier ones of the other datasets."""
    found: dict[str, Path | str] = {}
    for dataset, node in baselines.items():
        if dataset in datasets:
            say(f"{dataset}: trivial rows, no training")
            try:
                found[dataset] = runner.trivial(node)
            except (HandposeError, OSError) as error:
                found[dataset] = str(error)
                say(f"{dataset}: trivial rows FAILED: {error}")
        elif trivial_results(node).is_file():
            found[dataset] = trivial_results(node)
    return found


def _failed(trivial: Mapping[str, Path | str]) -> bool:
    return any(isinstance(found, str) for found in trivial.values())


def _write_trivial(
    spec: TableSpec,
    wish: Wish,
    trivial: Mapping[str, Path | str],
    circumstances: Circumstances,
    out: Path,
    say: Say,
) -> int:
    """Write and print the table with its trivial rows alone; the exit status."""
    document = build_document(spec, [], Found(trivial=trivial), circumstances)
    blocks = [block | {"rows": [], "quoted": []} for block in document["datasets"] if block["name"] in trivial]
    title = f"{spec.title} (trivial rows alone)"
    document |= {"datasets": blocks, "table": document["table"] | {"title": title, "curves": None, "further": None}}
    _write(out, f"{_stem(spec.number, wish)}-trivial", document, say, last=True)
    return 1 if _failed(trivial) else 0


def _make_data(
    spec: TableSpec,
    wish: Wish,
    needed: set[str],
    sources: Mapping[str, Source],
    work: Path,
    runner: Runner,
    say: Say,
) -> Document:
    """Make what is not there yet: twins, generated sets, prepared crops; what is to be told of the sets."""
    made = _sets_to_make(needed, wish)
    for name in sorted({*needed, REAL} if made else needed):
        if sources[name].size is not None:
            make_twin(name, sources[name], say)
    if made:
        make_sets(made, _workshop(wish, sources[REAL], work), runner, say)
    for name in sorted(needed):
        if sources[name].prepared is not None:
            image_size = str(_image_size(spec, wish.recipe))
            prepare_crops(name, sources[name], image_size, spec.parts_of(name), spec.preparing(name, wish.recipe))
    return judge_sets(made, _workshop(wish, sources[REAL], work)) if made else {}


def _sets(told: Document, out: Path, stem: str) -> Document:
    """What is told of generated sets, the drawings copied to the results: once for tables of the same trainings."""
    copied = {}
    for number, path in told.get("sheets", {}).items():
        copied[number] = f"{stem}-figure_{number.replace('.', '_')}.png"
        atomic.write_bytes(out / copied[number], Path(path).read_bytes())
    return {**told, "sheets": copied} if told else {}


def _sets_to_make(needed: set[str], wish: Wish) -> set[str]:
    """The generated sets that are not given; none where folders are given, but no real pictures to make them with."""
    given = {} if wish.data == TWINS else given_folders(wish.data)
    return needed & GENERATED_SETS.keys() - given.keys() if wish.data == TWINS or REAL in given else set()


def _generators(needed: set[str], wish: Wish, sources: Mapping[str, Source], work: Path) -> list[Node]:
    """Return the trainings of the generators whose sets are to be made."""
    made = sorted(_sets_to_make(needed, wish) & set(GENERATORS))
    return [_workshop(wish, sources[REAL], work).generator(name) for name in made]


def _workshop(wish: Wish, real: Source, work: Path) -> Workshop:
    return Workshop(work / "data", real, wish.size or wish.recipe, wish.recipe, wish.options)


def _take_runs(spec: TableSpec, wish: Wish, say: Say) -> int:
    """Write a table that trains nothing of its own."""
    assert spec.runs_of is not None
    if wish.trivial_only:
        found, wanted = f"table {spec.number}, whose rows are those of Table {spec.runs_of}", "a table with trainings"
        fix = f"Run handpose bench table {spec.runs_of} --trivial-only."
        raise HandposeError("--trivial-only", found, wanted, fix)
    out = _out_folder(spec.runs_of, wish)
    other = out / f"{_stem(spec.runs_of, wish)}.json"
    if not other.is_file():
        fix = f"Run it first: handpose bench table {spec.runs_of}"
        raise HandposeError(str(other), "no such file", f"the results of Table {spec.runs_of}", fix)
    _write(out, _stem(spec.number, wish), taken_from(spec, read_document(other)), say, last=True)
    return 0


def _circumstances(wish: Wish, sources: Mapping[str, Source]) -> Circumstances:
    return Circumstances(
        recipe=wish.recipe,
        options=wish.options,
        data={name: describe(source) for name, source in sources.items() if source.root.is_dir()},
        machine=machine_facts(),
        date=time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        jobs=wish.jobs,
    )


def _runner(wish: Wish) -> StageRunner:
    """Processes with a share of the cores each: for torch, or where an accelerator computes, for loading."""
    if wish.jobs == 1:
        return StageRunner()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    share = max(1, cores // wish.jobs)
    return StageRunner(1, share - 1) if torch.cuda.is_available() else StageRunner(share, 0)


def _datasets(spec: TableSpec, wish: Wish) -> tuple[str, ...]:
    """The datasets to run, in the table's order."""
    folders = set(spec.datasets) if wish.data == TWINS else set(given_folders(wish.data))
    given = tuple(name for name in spec.datasets if name in folders)
    wanted = given if wish.only is None else wish.only
    for name in wanted:
        if name not in given:
            raise HandposeError("--only", f"'{name}'", f"out of {', '.join(given)}", "Name some of these.")
    if not wanted:
        known = ", ".join(spec.datasets)
        raise HandposeError("--data", f"'{wish.data}'", f"a dataset of the table: {known}", "Give one of them.")
    return tuple(name for name in spec.datasets if name in wanted)


def _sources(spec: TableSpec, wish: Wish, work: Path) -> dict[str, Source]:
    """Where the data is or will be: for all of the table where twins stand in, so that earlier runs are found.

    The source world is made even where the rest is real.
    """
    needed, size, folder = spec.needs(spec.datasets), wish.size or wish.recipe, work / "data"
    given = {} if wish.data == TWINS else given_folders(wish.data)
    sets = _sets_to_make(needed, wish)
    twins = {*needed, REAL} if sets else needed
    if wish.data != TWINS:
        twins = {name for name in needed if DATASETS[name].world == "source" and DATASETS[name].twin}
    sources = {**twin_sources(twins - GENERATED_SETS.keys() - given.keys(), folder, size), **given}
    sources |= {name: _workshop(wish, sources[REAL], work).of(name) for name in sets}
    if MVHM in sources and "vertices" in spec.values.get(wish.recipe, {}):
        sources[MVHM] = replace(sources[MVHM], vertices=int(spec.values[wish.recipe]["vertices"]))
    if _image_size(spec, wish.recipe) is None:
        return sources
    kind = {name: source.size or (size if name in sets else "given") for name, source in sources.items()}
    return {name: replace(s, prepared=folder / f"{name}-{kind[name]}-prepared") for name, s in sources.items()}


def _image_size(spec: TableSpec, recipe: str) -> int | None:
    """Return the side of the crops that a table prepares, px; None where it prepares none."""
    size = spec.values.get(recipe, {}).get("image_size")
    return None if size is None else int(size)


def _rows(spec: TableSpec, wish: Wish) -> tuple[RowSpec, ...]:
    """The rows to run."""
    if wish.rows is None:
        return tuple(row for row in spec.rows if not row.optional)
    for number in wish.rows:
        if not 1 <= number <= len(spec.rows):
            raise HandposeError("--rows", str(number), f"numbers from 1 to {len(spec.rows)}", "Correct the list.")
    return tuple(spec.rows[number - 1] for number in wish.rows)


def _seeds_in(work: Path) -> set[int]:
    """Seeds of earlier runs."""
    names = {path.name.removeprefix("seed") for path in work.glob("*/seed*")}
    return {int(name) for name in names if name.isdecimal()}


def _earlier(cells: Sequence[Cell]) -> dict[Node, Path]:
    """The results of what was run before with the same options."""
    return {node: path for node in {cell.node for cell in cells} if (path := earlier_results(node)) is not None}


def _kind(wish: Wish) -> str:
    return "twins" if wish.data == TWINS else "real"


def _work_folder(number: str, wish: Wish) -> Path:
    """Where a table's runs live: apart for real data, and for options that make them no runs of the recipe."""
    further = ("" if wish.data == TWINS else "-real") + ("-tried" if wish.tried_out else "")
    return wish.work or Path("runs", "tables", number, wish.recipe + further)


def _out_folder(number: str, wish: Wish) -> Path:
    """Where results go: in a clone with the other tables', unless they are no results of the recipe.

    Raises:
        HandposeError: runs with options of their own are to go with the others.
    """
    if not wish.tried_out:
        return wish.out or results_folder()
    if wish.out is not None and in_clone() and wish.out.resolve() == results_folder().resolve():
        expected = "none: only recipes' results are kept there"
        raise HandposeError(f"--out {wish.out}", "further options or --size", expected, "Give another folder.")
    return wish.out or _work_folder(number, wish) / "results"


def _stem(number: str, wish: Wish) -> str:
    return f"table_{number.replace('.', '_')}-{wish.recipe}-{_kind(wish)}"


def _write(out: Path, stem: str, document: Document, say: Say, last: bool) -> None:
    """The results file and its Markdown; at the end the figure, too."""
    figure = out / f"{stem}.png"
    write_document(out / f"{stem}.json", document)
    if last and has_curves(document):
        write_figure(figure, document)
    text = as_markdown(document, figure.name if figure.is_file() else None)
    atomic.write_text(out / f"{stem}.md", text)
    if last:
        say(text)
        say(f"written: {out / stem}.json, .md" + (", .png" if figure.is_file() else ""))
