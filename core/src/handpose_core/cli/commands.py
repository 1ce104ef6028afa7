"""The commands that handpose-core itself registers."""

from handpose_core.cli.registry import Command

SCORE = Command("score any tool's 3D joints against the truth", "handpose_core.cli.score:main")
DATA = Command("make, check and look at datasets", "handpose_core.cli.data:main")
RECIPE = Command("train a method stage by stage, and test it", "handpose_core.cli.recipe:main")
PREDICT = Command("find hands in pictures and videos, by a trained model", "handpose_core.cli.predict:main")
DEMO = Command("a page that turns photographs into hands in 3D", "handpose_core.cli.demo:main")
EXPORT = Command("write a trained model as ONNX or for torch.export, checked", "handpose_core.cli.export:main")
