"""A table as Markdown, from its results file alone."""

import statistics
from collections.abc import Callable, Sequence
from typing import Any

from handpose_benchmarks.tables.measures import MEASURES, Measure
from handpose_benchmarks.tables.paired import Spread, gain, paired_differences, paired_gains, spread
from handpose_benchmarks.tables.progress import duration
from handpose_benchmarks.tables.provenance import age, by_twin
from handpose_benchmarks.tables.results import Document
from handpose_benchmarks.tables.trivial import MARGIN, Shortfall, shortfalls

DASH = "–"
_MARGIN = f"{100 * MARGIN:.0f} %"


def as_markdown(document: Document, figure: str | None = None) -> str:
    """The whole text: a block a dataset, paired differences, what is missing, what it was measured with.

    Args:
        document: A results file's content.
        figure: The name of its PCK figure's file, if there is one.
    """
    document = by_twin(document)
    table = document["table"]
    parts = [f"# Table {table['number']}: {table['title']}", *_headline(document), _caption(document)]
    for block in document["datasets"]:
        parts += [f"## {block['title']}", *([block["twins"]] if "twins" in block else []), _figures(document, block)]
        if paired := _paired(document, block):
            parts.append(paired)
    if figure is not None:
        parts += _curves(table, figure)
    parts += [part for further in document.get("also", []) for part in _also(document, further)]
    if table.get("further"):
        parts += _further(document)
    if document.get("generated"):
        parts += _generated(document["generated"])
    parts += [_list("Not measured", _missing(document)), _list("Notes", table["notes"]), _record(document)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _headline(document: Document) -> list[str]:
    """The first lines: of which data the file is, and where nothing can be read from it."""
    lines = [age(document)] if age(document) else []
    blocks = [block for block in document["datasets"] if block["rows"]]
    if blocks and not any("trivial" in block for block in blocks):
        lines.append("Trivial rows were not computed with it: of no row is it known whether it is competent.")
    lines += [line for block in blocks if (line := _unreadable(document, block))]
    return ["\n\n".join(f"**{line}**" for line in lines)] if lines else []


def _unreadable(document: Document, block: Document) -> str | None:
    """Say that nothing can be read from a block, and why; None where its baseline row is competent or was not run."""
    baseline = block["rows"][0]
    found = _shortfalls(document, block, baseline)
    if found is None:
        trivial = block.get("trivial") or {}
        known = _errors(document, baseline) and "trivial" in block
        reason = f": {trivial['failure']}" if "failure" in trivial else ""
        return f"{block['title']}: whether {baseline['name']} is competent is not known{reason}." if known else None
    if not found:
        return None
    reasons = "; ".join(
        f"{MEASURES['epe_mean'].text(one.error)} {_unit(document)} with alignment {one.alignment}, where "
        f"{one.trivial} allows {MEASURES['epe_mean'].text(one.allowed)}"
        for one in found
    )
    return (
        f"Nothing can be read from the rows on {block['title']}: the baseline row, {baseline['name']}, is not "
        f"{_MARGIN} better than every trivial row ({reasons})."
    )


def _shortfalls(document: Document, block: Document, row: Document) -> list[Shortfall] | None:
    """Where a row is not competent; None where that is not known."""
    errors, trivial = _errors(document, row), (block.get("trivial") or {}).get("rows")
    return shortfalls(errors, trivial) if errors and trivial else None


def _errors(document: Document, row: Document) -> dict[str, float]:
    """Mean EPE over seeds by alignment; nothing where the row was not run."""
    protocol = document["table"]["protocol"]
    found = {a: _values(row, a, "epe_mean") for a in (protocol["alignment"], *protocol["also"])}
    return {alignment: statistics.fmean(values.values()) for alignment, values in found.items() if values}


def _unit(document: Document) -> str:
    return str(document["table"]["protocol"].get("unit", "mm"))


def _caption(document: Document) -> str:
    protocol, seeds = document["table"]["protocol"], ", ".join(map(str, document["seeds"]))
    further = "; the columns at the right are the mean EPE under other alignments. " if protocol["also"] else ". "
    lines = [
        f"Thesis beside measured. Recipe `{document['recipe']}`, seeds {seeds or 'none'}; data: {_data(document)}. "
        f"Protocol `{protocol['name']}`, recover `{protocol['recover']}`, alignment `{protocol['alignment']}`"
        f"{further}Measured: mean over seeds (lowest to highest)."
    ]
    if any((block.get("trivial") or {}).get("rows") for block in document["datasets"]):
        lines.append(
            f"A row is competent when its mean EPE is {_MARGIN} smaller than that of every trivial row, in each "
            "alignment shown. Trivial rows (in italics) need no training: they are computed on the same data and "
            "protocol, constant hands from the training split, after each alignment, left hands mirrored."
        )
    if any("twins" in block for block in document["datasets"]):
        lines.append("Runs of different twins stand apart; seeds are never averaged over them.")
    if document["options"]:
        lines.append(f"**Tried out with `{' '.join(document['options'])}`: no result of the recipe.**")
    if any("twin" in data["source"] for data in document["data"].values()):
        lines.append(
            "Twins are synthetic stand-ins: their figures compare rows with each other, not with the thesis's datasets."
        )
    return "\n\n".join(lines)


def _data(document: Document) -> str:
    titles = {block["name"]: block.get("whole_title", block["title"]) for block in document["datasets"]}
    described = {
        titles.get(name, name): (f"twin (size {data['size']})" if data["source"] == "twin" else "in a given folder")
        for name, data in document["data"].items()
        if "generated" not in data  # told apart
    }
    return ", ".join(f"{name} {text}" for name, text in described.items()) or "none"


def _figures(document: Document, block: Document) -> str:
    """The dataset's block as the thesis prints it, measured values beside."""
    table = document["table"]
    protocol, measures = table["protocol"], [(name, MEASURES[name]) for name in table["measures"]]
    head = [block["title"]]
    for _, measure in measures:
        head += [f"{measure.heading}, thesis", "measured"]
    trivial = (block.get("trivial") or {}).get("rows", [])
    judged = ["competent"] if trivial else []
    lines = [[*head, *(f"EPE mean, {name}" for name in protocol["also"]), "seeds", *judged]]
    for row in block["rows"]:
        cells = [row["name"]]
        for name, measure in measures:
            cells += [
                measure.text(row["printed"].get(name)),
                _range(_values(row, protocol["alignment"], name), measure),
            ]
        cells += [_range(_values(row, also, "epe_mean"), MEASURES["epe_mean"]) for also in protocol["also"]]
        verdict = [_verdict(_shortfalls(document, block, row))] if trivial else []
        lines.append([*cells, str(len(_values(row, protocol["alignment"], "epe_mean"))), *verdict])
    for row in trivial:
        cells = [f"*{row['name']}*"]
        for name, measure in measures:
            cells += [DASH, measure.text(row["figures"][protocol["alignment"]].get(name))]
        cells += [MEASURES["epe_mean"].text(row["figures"][also]["epe_mean"]) for also in protocol["also"]]
        lines.append([*cells, DASH, *(DASH for _ in judged)])
    for quoted in block["quoted"]:
        cells = [f"{quoted['name']} (quoted)"]
        for name, measure in measures:
            cells += [measure.text(quoted["printed"].get(name)), DASH]
        lines.append([*cells, *(DASH for _ in protocol["also"]), DASH, *(DASH for _ in judged)])
    sources = [f"{quoted['name']}: quoted, not run; {quoted['source']}." for quoted in block["quoted"]]
    return "\n\n".join([_grid(lines), *_told(trivial), *sources])


def _verdict(found: list[Shortfall] | None) -> str:
    return DASH if found is None else f"no ({', '.join(one.alignment for one in found)})" if found else "yes"


def _told(trivial: Sequence[Document]) -> list[str]:
    """What the trivial rows are given of the truth."""
    if not trivial:
        return []
    told = "; ".join(f"{row['name']}: {row['told'].replace('_', ' ')}" for row in trivial)
    return [f"Given to the trivial rows: {told}. Samples: {trivial[0]['n_samples']}."]


def _paired(document: Document, block: Document) -> str:
    """Each row minus the first one, seed by seed; nothing where there is one row."""
    first, *others = block["rows"] or [None]
    if not others:
        return ""
    protocol, measures = document["table"]["protocol"], document["table"]["measures"]
    alignments = [protocol["alignment"], *protocol["also"]]
    head = [f"minus {first['name']}, same seed"]
    for name in measures:
        head.append(f"{MEASURES[name].title}, thesis")
        head.append("measured")
    gains = [f"gain in EPE mean, {alignment}" for alignment in alignments]
    lines = [[*head, "gain in EPE mean, thesis", *gains, "seeds"]]
    for row in others:
        cells, seeds = [row["name"]], 0
        for name in measures:
            measure = MEASURES[name]
            differences = _against(paired_differences, row, first, protocol["alignment"], name)
            cells += [_printed_difference(row, first, name), _deviation(spread(differences), measure.decimals)]
            seeds = max(seeds, len(differences))
        cells.append(_printed_gain(row, first))
        for alignment in alignments:
            percent = spread(_against(paired_gains, row, first, alignment, "epe_mean"))
            cells.append(_deviation(percent, 1, " %"))
        lines.append([*cells, str(seeds)])
    text = "Paired differences: mean ± standard deviation over seeds; gains in % of the old error (positive: better)."
    return f"{text}\n\n{_grid(lines)}"


def _against(
    compare: Callable[[dict[int, float], dict[int, float]], dict[int, float]],
    row: Document,
    first: Document,
    alignment: str,
    name: str,
) -> list[float]:
    return list(compare(_values(row, alignment, name), _values(first, alignment, name)).values())


def _values(row: Document, alignment: str, measure: str) -> dict[int, float]:
    """A row's figures by seed."""
    return {
        run["seed"]: run["figures"][alignment][measure]
        for run in row["runs"]
        if measure in run.get("figures", {}).get(alignment, {})
    }


def _range(values: dict[int, float], measure: Measure) -> str:
    found = spread(list(values.values()))
    if found is None:
        return DASH
    if found.count == 1:
        return measure.text(found.mean)
    return f"{measure.text(found.mean)} ({measure.text(found.low)}–{measure.text(found.high)})"


def _deviation(found: Spread | None, decimals: int, unit: str = "") -> str:
    if found is None:
        return DASH
    deviation = "" if found.deviation is None else f" ± {found.deviation:.{decimals}f}"
    return f"{found.mean:+.{decimals}f}{deviation}{unit}"


def _printed_difference(row: Document, first: Document, name: str) -> str:
    if name not in row["printed"] or name not in first["printed"]:
        return DASH
    return f"{row['printed'][name] - first['printed'][name]:+.{MEASURES[name].decimals}f}"


def _printed_gain(row: Document, first: Document) -> str:
    for name in ("epe_mean", "epe_mean_px"):
        if name in row["printed"] and name in first["printed"]:
            return f"{gain(row['printed'][name], first['printed'][name]):+.1f} %"
    return DASH


def _also(document: Document, further: Document) -> list[str]:
    """A block on a further set, rows by what they were trained on; errors are 3D's as far as it has 3D joints."""
    protocol = document["table"]["protocol"]
    in_3d = [name for name in ("auc_0_50", "auc_20_50", "epe_mean") if _known(further, protocol["alignment"], name)]
    columns = [(protocol["alignment"], name, MEASURES[name].heading) for name in in_3d]
    columns += [(a, "epe_mean", f"EPE mean, {a}") for a in protocol["also"] if _known(further, a, "epe_mean")]
    columns += [("none", name, MEASURES[name].heading) for name in ("pck_20", "epe_mean_px")]
    titles = {block["name"]: block.get("whole_title", block["title"]) for block in document["datasets"]}
    lines = [["trained on", "row", *(heading for _, _, heading in columns), "seeds"]]
    counts: set[int] = set()
    for row in further["rows"]:
        scored = [run for run in row["runs"] if "figures" in run]
        counts |= {run["n_samples"] for run in scored}
        if row["runs"]:
            cells = [_range(_values(row, alignment, name), MEASURES[name]) for alignment, name, _ in columns]
            lines.append([titles[row["trained_on"]], row["row"], *cells, str(len(scored))])
    failures = {run["failure"] for row in further["rows"] for run in row["runs"] if "failure" in run}
    pictures = ", ".join(map(str, sorted(counts))) or "no"
    return [f"## Also tested on {further['name']}", f"{pictures} pictures; nothing is trained on them.", _grid(lines),
            *sorted(failures)]  # fmt: skip


def _known(further: Document, alignment: str, name: str) -> bool:
    return any(_values(row, alignment, name) for row in further["rows"])


def _curves(table: Document, figure: str) -> list[str]:
    not_drawn = table["curves"]["not_drawn"]
    named = ", ".join(not_drawn).rstrip(".")
    missing = f" Not drawn, as the thesis gives no values: {named}." if not_drawn else ""
    return [
        f"## Figure {table['curves']['number']}",
        f"![PCK curves]({figure})",
        f"PCK, mean over seeds, the band from the lowest to the highest seed.{missing}",
    ]


def _generated(generated: Document) -> list[str]:
    """How far generated sets are from real pictures, and what they look like."""
    names = [name for name in generated["sets"][0] if name not in ("set", "n_samples")]
    lines = [["set", *names, "pictures"]]
    for found in generated["sets"]:
        figures = (DASH if found[name] is None else f"{found[name]:z.4f}" for name in names)
        lines.append([found["set"], *figures, str(found["n_samples"])])
    shown = [f"As Figure {number}:\n\n![Figure {number}]({file})" for number, file in generated["sheets"].items()]
    text = (
        "Distances to real pictures that no generator saw, unless a folder was given; lower is nearer. FID and KID are "
        f"on {generated['features']}, and compare with no published figure."
    )
    return ["## Generated sets", text, _grid(lines), *shown]


def _further(document: Document) -> list[str]:
    """What is shown beside the pose's measures, as far as there is any: figures, how they came about, pictures."""
    further, pictures = document["table"]["further"], document.get("pictures", {})
    titles = {block["name"]: block.get("whole_title", block["title"]) for block in document["datasets"]}
    lines = [
        [block["title"], row["name"], *(_further_range(row, name, further["decimals"]) for name in further["measures"])]
        for block in document["datasets"]
        for row in block["rows"]
        if any(run.get("further") for run in row["runs"])
    ]
    parts = [_grid([["Dataset", "Row", *further["measures"].values()], *lines])] if lines else []
    if "training" in pictures:
        parts.append(f"![{further['title']} over training]({pictures['training']})")
    sheets = [
        f"{title}, the first seed:\n\n![{title}]({pictures[name]})"
        for name, title in titles.items()
        if name in pictures
    ]
    parts += [f"### As Figures {further['number']}", *sheets] if sheets else []
    return [f"## {further['title']}", *parts] if parts else []


def _further_range(row: Document, name: str, decimals: int) -> str:
    found = spread([run["further"][name] for run in row["runs"] if name in run.get("further", {})])
    if found is None:
        return DASH
    text = f"{found.mean:.{decimals}f}"
    return text if found.count == 1 else f"{text} ({found.low:.{decimals}f}–{found.high:.{decimals}f})"


def _missing(document: Document) -> list[str]:
    """What has no figures and why, seeds with the same reason together."""
    lines = [
        f"{block['title']}, trivial rows: {block['trivial']['failure']}"
        for block in document["datasets"]
        if "failure" in (block.get("trivial") or {})
    ]
    for block in document["datasets"]:
        for row in block["rows"]:
            reasons: dict[str, list[str]] = {} if row["runs"] else {"not run": []}
            for run in row["runs"]:
                if "failure" in run:
                    reasons.setdefault(run["failure"], []).append(str(run["seed"]))
            for reason, seeds in reasons.items():
                which = f", seed{'s' if len(seeds) > 1 else ''} {', '.join(seeds)}" if seeds else ""
                lines.append(f"{block['title']}, {row['name']}{which}: {reason}")
    return lines


def _record(document: Document) -> str:
    """Versions, machine, time."""
    runs = [run for block in document["datasets"] for row in block["rows"] for run in row["runs"] if "stages" in run]
    # rows share stages: each counts once
    seconds = {
        (run["folder"].rpartition("/")[0], *(stage["stage"] for stage in run["stages"][: i + 1])): stage["seconds"]
        or 0.0
        for run in runs
        for i, stage in enumerate(run["stages"])
    }
    training = f"training: {duration(sum(seconds.values()))} in all, {document['jobs']} at a time"
    lines = [
        *(line for part in document.get("parts", [document]) for line in _circumstances(part)),
        training,
    ]
    if runs_of := document["table"]["runs_of"]:
        lines.append(f"runs: those of Table {runs_of}")
    return _list("Measured with", lines)


def _circumstances(part: Document) -> list[str]:
    return [
        f"date: {part['date']}",
        "versions: " + ", ".join(f"{name} {version}" for name, version in part["versions"].items()),
        "machine: " + ", ".join(f"{name} {fact}" for name, fact in part["machine"].items()),
        f"commit: {part.get('commit') or 'not recorded'}",
        f"data version: {part.get('data_version') or 'not recorded'}",
        *(
            f"twin of {name}: world {data['world']}, seed {data['seed']}, handpose-core {data['version']}, "
            f"{_count(data)} frames, sha256 {data['checksum'][:16]}"
            for name, data in part["data"].items()
            if data["source"] == "twin"
        ),
    ]


def _count(data: dict[str, Any]) -> int:
    return sum(data["frames"].values())


def _list(title: str, lines: Sequence[str]) -> str:
    return "\n".join([f"## {title}", "", *(f"- {line}" for line in lines)]) if lines else ""


def _grid(lines: Sequence[Sequence[str]]) -> str:
    head, *body = lines
    aligned = ["---", *("---:" for _ in head[1:])]
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, aligned, *body))
