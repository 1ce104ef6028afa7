import pickle
import traceback

from handpose_core.errors import HandposeError


def test_message_says_where_what_and_the_next_step():
    error = HandposeError("a.png", "12 bytes", "an image", "Get it again.")
    assert str(error) == "a.png: found 12 bytes; expected an image. Get it again."


def test_survives_the_way_out_of_a_loader_worker():
    error = HandposeError("a.png", "12 bytes", "an image", "Get it again.")
    lines = traceback.format_exception(error)
    assert str(HandposeError("Caught HandposeError in worker 0.\n" + "".join(lines))) == str(error)


def test_survives_pickling():
    error = HandposeError("a.png", "12 bytes", "an image", "Get it again.")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.where, again.fix) == (str(error), "a.png", "Get it again.")
