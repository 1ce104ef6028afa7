"""``handpose tagan generate``: make training sets of labelled hands that look real."""

import argparse
from collections.abc import Sequence
from pathlib import Path


def main(argv: Sequence[str]) -> int:
    """Run ``handpose tagan generate``; the exit status."""
    options = _parser().parse_args(argv)
    import torch

    from handpose_core.cli.progress import counting
    from handpose_tagan.generated import Generation, LabelledHands

    device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    generation = Generation(LabelledHands(options.hands), options.checkpoint, options.seed, device)
    with counting() as progress:
        task = progress.add_task(f"{generation.recipe.variant} hands", total=generation.recipe.frames)
        for ready in generation.write(options.out):
            progress.update(task, completed=ready)
    print(f"{options.out}: {generation.recipe.frames} {generation.recipe.variant} hands of {generation.recipe.size} px")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="handpose tagan generate",
        description="Send labelled hands through a trained generator; the labels stay theirs. The folder is a dataset "
        "for any method: --data Folder --data.root OUT. Run it again after an interruption, and it goes on.",
    )
    parser.add_argument("hands", type=Path, help="folder that handpose tagan simulate (CBG) or superpose (RBG) made")
    parser.add_argument("out", type=Path, help="folder of the generated set")
    parser.add_argument(
        "--checkpoint", type=Path, help="of TAGAN, pix2pix or CycleGAN; without one the hands are taken as they are"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the generator's noise (default 0)")
    parser.add_argument("--device", help="where the generator runs (default: cuda where there is one, else cpu)")
    return parser
