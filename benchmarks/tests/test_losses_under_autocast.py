"""Every loss of every package is computed in single precision: under bfloat16 autocast it is what it is without."""

import importlib
import inspect
import pkgutil
from types import ModuleType

import pytest
import pytorch_lightning as pl
import torch
from jaxtyping import Bool

import handpose_core
import handpose_dggan
import handpose_mvhm
import handpose_tagan
import handpose_tassn
from handpose_core.nn.gan import adversarial_loss, least_squares_loss
from handpose_core.training.manual_optimization import ManualOptimization
from handpose_tagan.losses import tonality_loss

PACKAGES = (handpose_core, handpose_dggan, handpose_tagan, handpose_tassn, handpose_mvhm)
SIZES = {"batch": 4, "*batch": 4, "*shape": 8, "maps": 21, "vertices": 30, "t": 3, "n": 21, "c": 3, "m": 16}
SIZES |= dict.fromkeys(("size", "height", "width", "h", "w"), 32)
GIVEN = {"sigma": 4.0, "image_size": 64, "levels": 3, "bins": 32, "crop": 1.5, "real": True}
#: Of no gradient: a score that is reported.
SCORES = {"overlap"}


def modules(package: ModuleType):
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if found.name.rpartition(".")[2] in ("losses", "silhouette_loss"):
            yield importlib.import_module(found.name)


def losses():
    """All public functions whose result is a number, or one for each sample, and what only losses are made of."""
    found = [adversarial_loss, least_squares_loss]
    for package in PACKAGES:
        for module in modules(package):
            own = (value for value in vars(module).values() if inspect.isfunction(value))
            found += [f for f in own if f.__module__ == module.__name__ and not f.__name__.startswith("_")]
    return [function for function in found if getattr(_returned(function), "dim_str", None) in ("", "batch", "*batch")]


def _returned(function):
    return inspect.signature(function).return_annotation


def arguments(function):
    """Tensors by the annotated shapes, floats with a gradient; probabilities where pictures are expected."""
    generator, made = torch.Generator().manual_seed(0), {}
    for name, parameter in inspect.signature(function).parameters.items():
        form = parameter.annotation
        if name == "stages":
            made[name] = [torch.rand(4, 21, 16, 16, generator=generator, requires_grad=True) for _ in range(2)]
        elif not hasattr(form, "dim_str"):
            made[name] = GIVEN[name]
        else:
            shape = [int(SIZES.get(dim, dim)) if dim in SIZES else int(dim) for dim in form.dim_str.split()]
            values = torch.rand(shape, generator=generator)
            made[name] = values > 0.3 if issubclass(form.dtype, Bool) else values.requires_grad_()
    return made


def leaves(made):
    tensors = (value for given in made.values() for value in (given if isinstance(given, list) else [given]))
    return [tensor for tensor in tensors if isinstance(tensor, torch.Tensor) and tensor.requires_grad]


def value_and_gradients(function, *, half):
    made = arguments(function)
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        value = function(**made).sum()
    used = torch.autograd.grad(value, leaves(made), allow_unused=True)
    return value.detach(), [gradient for gradient in used if gradient is not None]


def test_losses_are_found():
    names = {function.__name__ for function in losses()}
    assert names >= {
        "heatmap_loss",
        "tonality_loss",
        "depth_map_loss",
        "pose_loss",
        "consistency_loss",
        "joints_3d_loss",
    }
    assert len(names) >= 25


@pytest.mark.parametrize("function", losses(), ids=lambda f: f"{f.__module__.split('.')[0]}-{f.__name__}")
def test_a_loss_and_its_gradient_do_not_know_of_autocast(function):
    if function.__name__ in SCORES:
        with torch.autocast("cpu", torch.bfloat16):
            rounded = function(**arguments(function))
        assert torch.equal(rounded, function(**arguments(function)))
        return
    exact, gradients = value_and_gradients(function, half=False)
    value, others = value_and_gradients(function, half=True)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, exact, rtol=1e-5, atol=1e-7)
    assert len(others) == len(gradients) > 0
    for other, gradient in zip(others, gradients, strict=True):
        torch.testing.assert_close(other, gradient, rtol=1e-4, atol=1e-7)


def test_the_tonality_of_a_picture_and_itself_is_never_below_zero_under_autocast():
    """In bfloat16 it came out at -0.0012 (0.00013 in single precision)."""
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    near = (images + 0.01 * torch.randn(images.shape, generator=torch.Generator().manual_seed(2))).clamp(0, 1)
    with torch.autocast("cpu", torch.bfloat16):
        assert tonality_loss(near, images) >= 0
        assert tonality_loss(near.bfloat16(), images.bfloat16()).dtype == torch.float32


class Steps(ManualOptimization):
    """Keeps the gradient of a tonality loss, stepped by hand."""

    def __init__(self):
        super().__init__()
        self.automatic_optimization = False
        self.image = torch.nn.Parameter(torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(3)))

    def training_step(self, batch, batch_idx):
        self.manual_backward(tonality_loss(self.image, torch.linspace(0, 1, 3 * 32 * 32).view(1, 3, 32, 32)))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.0)


@pytest.mark.filterwarnings("ignore")
def test_gradients_of_manual_optimisation_are_single_precision_too():
    found = []
    for precision in ("32-true", "bf16-mixed"):
        module = Steps()
        trainer = pl.Trainer(
            max_epochs=1, precision=precision, accelerator="cpu", logger=False, enable_checkpointing=False,
            enable_progress_bar=False, enable_model_summary=False,
        )  # fmt: skip
        trainer.fit(module, torch.utils.data.DataLoader([0]))
        found.append(module.image.grad)
    torch.testing.assert_close(found[1], found[0], rtol=1e-4, atol=1e-8)
