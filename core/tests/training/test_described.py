import pytest
from jsonargparse import ArgumentParser, Namespace

from handpose_core.estimators.hand3d.module import Hand3DModule
from handpose_core.estimators.hand3d.objectives import LiftToSpace
from handpose_core.nn.cpm import CPMSize
from handpose_core.nn.hand3d import BranchSize, Hand3DSize
from handpose_core.nn.heatmaps import SoftArgmax
from handpose_core.nn.localise import GivenCrop
from handpose_core.training.described import described

TRUNK = {"trunk": ((8, 1), (8, 1)), "features": 8, "first_width": 8}
SIZE = Hand3DSize(
    segmentation=CPMSize(**TRUNK, stages=1, maps=2),
    posenet=CPMSize(**TRUNK, stages=2, width=8, convolutions=1, kernel=3, maps=21),
    prior=BranchSize(convolutions=(8, 8), hidden=(16, 16), grid=8),
    viewpoint=BranchSize(convolutions=(8, 8), hidden=(16, 16), grid=8),
    rotation="6d",
)


def test_options_stand_for_objects_where_a_dataclass_is_asked_for_and_where_a_base_class_is():
    options = described({"decoder": SoftArgmax(beta=7.0), "size": SIZE, "scale_mm": 40.0}, Hand3DModule)
    assert options.decoder.class_path == "handpose_core.nn.heatmaps.SoftArgmax"
    assert options.decoder.init_args.beta == 7.0
    assert options.size.prior.convolutions == (8, 8)
    assert options.scale_mm == 40.0


@pytest.mark.filterwarnings("ignore")  # jsonargparse's, of names that Lightning uses, too
def test_options_build_the_objects_again():
    made = Hand3DModule(SIZE, GivenCrop(), LiftToSpace(0.5, 2.0), SoftArgmax(beta=7.0), scale_mm=40.0)
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(Hand3DModule, "model")
    options = described(dict(made.hparams), Hand3DModule)
    built = parser.instantiate_classes(parser.parse_object(Namespace(model=options))).model
    for name in ("localiser", "objective", "decoder"):
        assert getattr(built, name) == getattr(made, name)
        assert type(getattr(built, name)) is type(getattr(made, name))
    one, other = ({name: w.shape for name, w in module.state_dict().items()} for module in (built, made))
    assert one == other  # of the same sizes


def test_what_are_options_already_is_left_alone():
    options = {"size": Namespace(prior=Namespace(grid=8)), "decoder": Namespace(class_path="a.B", init_args={})}
    assert described(options, Hand3DModule) == Namespace(options)


def test_types_that_only_checkers_know_are_not_looked_up_in_vain():
    class Plugin:
        def __init__(self, size: "NowhereImported" = 3) -> None:
            self.size = size

    assert described({"size": 3}, Plugin) == Namespace(size=3)
