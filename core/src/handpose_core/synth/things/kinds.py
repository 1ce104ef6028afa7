"""What there is to draw, a function each: many edges side by side, tapering strokes, round ends, and tones of skin.

Nothing of it has a palm with fingers.
"""

from collections.abc import Callable

import cv2
import numpy as np
from jaxtyping import Float
from numpy import ndarray
from numpy.random import Generator as Random

from handpose_core.synth.things.drawing import (
    SHIFT,
    Canvas,
    Colour,
    Path2D,
    Place,
    draw_area,
    draw_ellipse,
    draw_stroke,
    draw_through,
    draw_tube,
    fixed_point,
    turned_rows,
)


def _strands(canvas: Canvas, at: Place) -> None:
    """Hair, fur, grass, fringes: many strokes side by side."""
    random, colour = at.random, at.colour()
    path, count = at.path(), int(random.integers(40, 220))
    spread, waves = at.extent * random.uniform(0.15, 0.8), random.uniform(0, 0.12) * at.extent
    along = np.linspace(0, 1, len(path))[:, None]
    fan = random.uniform(0.3, 1.5)
    for _ in range(count):
        offset = random.normal(0, 0.5, 2) * spread
        wave = waves * np.sin(along * random.uniform(4, 18) + random.uniform(0, 6.3))
        stroke = path + offset * (1 + (fan - 1) * along) + wave * random.normal(0, 1, 2)
        begin = int(random.integers(0, len(path) // 2))
        draw_stroke(canvas, stroke[begin:], colour * random.uniform(0.45, 1.35), random.uniform(1, 4))


def _strap(canvas: Canvas, at: Place) -> None:
    """Straps, cables, tubes, rails, sleeves: one or a few, rounded or flat, some with seams."""
    random, colour = at.random, at.colour()
    width = at.extent * random.uniform(0.04, 0.5)
    path, beside = at.path(), np.array([np.cos(at.angle + np.pi / 2), np.sin(at.angle + np.pi / 2)])
    for i in range(int(random.choice([1, 1, 1, 2, 3, 4]))):
        moved = path + beside * i * width * random.uniform(1.0, 1.6)
        if random.random() < 0.6:
            draw_tube(canvas, moved, colour, width, random.uniform(0, 1.5))
        else:
            draw_stroke(canvas, moved, colour, width)
            for side in (-0.38, 0.38):
                draw_stroke(canvas, moved + beside * side * width, colour * random.uniform(0.5, 1.4), width * 0.06)


def _cloth(canvas: Canvas, at: Place) -> None:
    """A piece of cloth: folds, and a pattern or none."""
    random, size = at.random, canvas.shape[0]
    corners = np.sort(random.uniform(0, 2 * np.pi, int(random.integers(4, 9))))
    outline = at.turned(np.stack([np.cos(corners), np.sin(corners)], 1) * random.uniform(0.6, 1.3, (len(corners), 1)))
    mask = np.zeros((size, size), np.uint8)
    cv2.fillPoly(mask, [fixed_point(outline)], 255, cv2.LINE_AA, SHIFT)
    v, u = np.mgrid[:size, :size].astype(np.float32) / at.extent
    x, y = u * np.cos(at.angle) + v * np.sin(at.angle), v * np.cos(at.angle) - u * np.sin(at.angle)
    bent = x + 0.3 * np.sin(y * random.uniform(0.5, 3) + random.uniform(0, 6.3))
    folds = np.sin(bent * random.uniform(2, 12)) + 0.5 * np.sin(bent * random.uniform(6, 25) + y)
    first, other = at.colour(), at.colour()
    patterns = (np.full_like(bent, -1), np.sin(bent * 30), np.sin(bent * 22) * np.sin(y * 22))
    pattern = patterns[int(random.integers(len(patterns)))]
    shown = np.where((pattern > random.uniform(-0.2, 0.5))[..., None], other, first)
    shaded = shown * (1 + random.uniform(0.05, 0.35) * folds)[..., None]
    draw_through(canvas, mask, shaded)


def _net(canvas: Canvas, at: Place) -> None:
    """Nets, fences, keyboards, bricks, shelves: lines or boxes in rows, seen at a slant."""
    random, colour = at.random, at.colour()
    rows, columns = (int(random.integers(3, 16)) for _ in range(2))
    square = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32)
    slanted = (square + random.normal(0, 0.25, (4, 2))).astype(np.float32)
    slant = cv2.getPerspectiveTransform(square, slanted)
    filled, gap = random.random() < 0.5, random.uniform(0.05, 0.3)
    for row in range(rows):
        for column in range(columns):
            low = np.array([column / columns, row / rows]) * 2 - 1
            high = low + 2 * (1 - gap) / np.array([columns, rows])
            box = np.array([[low[0], low[1]], [high[0], low[1]], [high[0], high[1]], [low[0], high[1]]])
            outline = at.turned(cv2.perspectiveTransform(box[None].astype(np.float32), slant)[0].astype(np.float64))
            if filled:
                draw_area(canvas, outline, colour * random.uniform(0.8, 1.15))
            else:
                draw_stroke(canvas, np.concatenate([outline, outline[:1]]), colour, at.extent * 0.012)


def _box(canvas: Canvas, at: Place) -> None:
    """Boxes, books, buildings, furniture: three sides in three lights."""
    random, colour = at.random, at.colour()
    axes = random.normal(0, 0.7, (3, 2))
    lights = random.uniform(0.4, 1.2, 3)
    for i, (a, b) in enumerate(((0, 1), (1, 2), (2, 0))):
        draw_area(canvas, at.turned(np.array([0 * axes[a], axes[a], axes[a] + axes[b], axes[b]])), colour * lights[i])


def _ball(canvas: Canvas, at: Place) -> None:
    """Balls, stones, fruit, cheeks, knees: rounded, some shiny."""
    random, colour = at.random, at.colour()
    _balls(canvas, at.middle[None], at.extent * random.uniform(0.2, 1.0), colour, random.uniform(0, 1.5), random)


def _balls(canvas: Canvas, centres: Path2D, radius: float, colour: Colour, gloss: float, random: Random) -> None:
    slim, angle = random.uniform(0.5, 1.0), random.uniform(0, 180)
    towards = random.uniform(-0.35, 0.35, 2)
    for centre in centres:
        for i in range(8):
            inward = i / 7
            axes = np.array([1.0, slim]) * max(radius * (1 - 0.9 * inward), 1.0)
            light = 0.5 + 0.55 * inward + gloss * max(inward - 0.75, 0)
            draw_ellipse(canvas, centre + towards * radius * inward, axes, angle, colour * light)


def _beads(canvas: Canvas, at: Place) -> None:
    """Beads, buttons, berries, chains: balls in a row."""
    random = at.random
    radius = at.extent * random.uniform(0.02, 0.12)
    path = at.path(400)
    steps = np.r_[0, np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))]
    places = np.arange(0, steps[-1], radius * random.uniform(1.6, 4))
    centres = np.stack([np.interp(places, steps, path[:, i]) for i in range(2)], 1)
    _balls(canvas, centres, radius, at.colour(), random.uniform(0, 2), random)


def _rosette(canvas: Canvas, at: Place) -> None:
    """Flowers, stars, wheels, fans: leaves all around a middle, too many or too even for fingers."""
    random, colour = at.random, at.colour()
    for ring in range(int(random.integers(1, 4))):
        count, reach = int(random.integers(6, 24)), 1 - 0.28 * ring
        slim = random.uniform(0.08, 0.35)
        turn = np.linspace(0, 2 * np.pi, 40)
        leaf = np.stack([0.5 + 0.5 * np.cos(turn), slim * np.sin(turn)], 1) * reach
        for i in range(count):
            outline = at.turned(leaf, at.angle + 2 * np.pi * i / count + 0.2 * ring)
            draw_area(canvas, outline, colour * random.uniform(0.65, 1.25))
    if random.random() < 0.7:
        _balls(canvas, at.middle[None], at.extent * random.uniform(0.08, 0.25), at.colour(), 0.5, random)


def _twigs(canvas: Canvas, at: Place) -> None:
    """Twigs, roots, antlers, forks, cracks: strokes that part from strokes, thinner than fingers."""
    random, colour = at.random, at.colour()

    def grow(start: Float[ndarray, "2"], angle: float, length: float, width: float, depth: int) -> None:
        if depth == 0 or width < 0.8:
            return
        bends = angle + np.cumsum(random.normal(0, 0.12, 8))
        steps = np.cumsum(np.stack([np.cos(bends), np.sin(bends)], 1), 0) * length / 8
        path = np.concatenate([start[None], start + steps])
        draw_stroke(canvas, path, colour * random.uniform(0.7, 1.2), width)
        for _ in range(int(random.integers(1, 4))):
            begin = path[int(random.integers(3, len(path)))]
            grow(begin, angle + random.normal(0, 0.7), length * random.uniform(0.4, 0.8), width * 0.65, depth - 1)

    grow(at.middle, at.angle, at.extent, at.extent * random.uniform(0.02, 0.09), 4)


def _leaves(canvas: Canvas, at: Place) -> None:
    """Foliage, feathers, petals, gravel: very many small areas."""
    random, colour = at.random, at.colour()
    slim, turn = random.uniform(0.2, 0.9), np.linspace(0, 2 * np.pi, 16)
    for _ in range(int(random.integers(30, 160))):
        angle, scale = random.uniform(0, 2 * np.pi), random.uniform(0.03, 0.16)
        leaf = np.stack([np.cos(turn), slim * np.sin(turn)], 1) * scale
        placed = at.turned(leaf @ turned_rows(angle) + random.normal(0, 0.5, 2))
        draw_area(canvas, placed, colour * random.uniform(0.4, 1.3))


def _print(canvas: Canvas, at: Place) -> None:
    """Print and writing."""
    random, colour = at.random, at.colour()
    letters = "".join(chr(int(c)) for c in random.integers(33, 123, int(random.integers(2, 12))))
    scale = at.extent / 60 * random.uniform(0.3, 1.5)
    size = (canvas.shape[1], canvas.shape[0])
    mask = np.zeros(canvas.shape[:2], np.uint8)
    where = (int(at.middle[0]), int(at.middle[1]))
    cv2.putText(mask, letters, where, int(random.integers(0, 8)), scale, 255, max(1, round(2 * scale)), cv2.LINE_AA)
    turn = cv2.getRotationMatrix2D(at.middle.tolist(), random.normal(0, 40), 1.0)
    draw_through(canvas, cv2.warpAffine(mask, turn, size), colour)


def _rings(canvas: Canvas, at: Place) -> None:
    """Eyes, mouths, wheels, rings, buckles: ellipses within ellipses."""
    random = at.random
    slim, angle = random.uniform(0.3, 1.0), np.rad2deg(at.angle)
    for _ in range(int(random.choice([1, 1, 2]))):
        for inward in np.sort(random.uniform(0.1, 1.0, int(random.integers(2, 5))))[::-1]:
            thick = -1 if random.random() < 0.7 else max(1, round(0.06 * at.extent))
            axes = np.array([1.0, slim]) * 0.6 * at.extent * inward
            draw_ellipse(canvas, at.middle, axes, angle, at.colour(), thick)
        at.middle = at.middle + np.array([np.cos(at.angle), np.sin(at.angle)]) * at.extent * 1.5


THINGS: dict[str, Callable[[Canvas, Place], None]] = {
    "strands": _strands, "strap": _strap, "cloth": _cloth, "net": _net, "box": _box, "ball": _ball, "beads": _beads,
    "rosette": _rosette, "twigs": _twigs, "leaves": _leaves, "print": _print, "rings": _rings,
}  # fmt: skip
"""What there is, by name."""
