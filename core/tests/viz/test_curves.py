import math

import numpy as np

from handpose_core.viz import Curve, plot_pck
from handpose_core.viz import curves as module


def test_the_legend_names_every_curve_with_its_auc_best_first(monkeypatch):
    figures = []
    monkeypatch.setattr(module, "rasterise", lambda figure: figures.append(figure) or np.zeros((1, 1, 3), np.uint8))
    x = [5.0 * i for i in range(11)]
    steep, flat = [math.sqrt(e / 50) for e in x], [e / 50 for e in x]
    plot_pck([Curve("a", x, flat, 0.5), Curve("b", x, steep, 0.6667)], "exact, root")
    (axes,) = figures[0].axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["b (0.667)", "a (0.500)"]
    assert axes.get_title() == "exact, root"
    assert [list(line.get_ydata()) for line in axes.lines] == [flat, steep]


def test_size():
    assert plot_pck([Curve("a", [0.0, 50.0], [0.0, 1.0], 0.5)], "title", height=400).shape == (400, 500, 3)
