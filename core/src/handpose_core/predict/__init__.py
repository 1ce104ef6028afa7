"""From photographs and videos to hands in 3D, with trained models.

from handpose_core.predict import load
model = load("best.ckpt")
hands = model("photo.jpg")
"""

from handpose_core.predict.boxes import Box
from handpose_core.predict.hands import Hand
from handpose_core.predict.load import load
from handpose_core.predict.model import HandModel, Known
from handpose_core.predict.pictures import Picture
from handpose_core.predict.search import Search
from handpose_core.predict.smoothing import OneEuro

__all__ = ["Box", "Hand", "HandModel", "Known", "OneEuro", "Picture", "Search", "load"]
