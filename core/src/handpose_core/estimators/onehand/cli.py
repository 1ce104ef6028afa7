"""The registered method ``handpose onehand``."""

from handpose_core.cli.registry import Command, Method

METHOD = Method(
    summary="the suite's own: joints, mesh and handedness of a hand from one RGB crop, trained on generated hands",
    module="handpose_core.estimators.onehand.module:OneHandModule",
    commands={
        "pack": Command(
            "write a checkpoint's weights in half precision, with a card, as handpose predict takes them",
            "handpose_core.estimators.onehand.serialization_cli:main",
        ),
        "unpack": Command(
            "write a packed model as a checkpoint again, to train it further",
            "handpose_core.estimators.onehand.serialization_cli:main_unpack",
        ),
    },
)
