"""What a run at scale is told: one flat list of parameters, checked before anything starts."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ganlab.errors import GanlabError
from ganlab.files import parse_yaml
from ganlab.runner.parameters import Parameter, check_parameters

METHODS = ("gan", "regularized", "mdgan", "msgan", "mmgan", "nemgan", "rpgan")
PRESETS = Path(__file__).with_name("presets")
FREE = 1e12  # no bound


def _int(name: str, default: int, help: str, low: float = 1, high: float = FREE) -> Parameter:
    return Parameter(name, "int", default, help, low, high)


def _float(name: str, default: float, help: str, low: float = 0, high: float = FREE) -> Parameter:
    return Parameter(name, "float", default, help, low, high)


def _choice(name: str, default: str, help: str, *choices: str) -> Parameter:
    return Parameter(name, "str", default, help, choices=choices)


GENERAL = (
    Parameter("data", "str", "faces", "faces (drawn on the spot), celeba, or the name of an import"),
    _choice("method", "gan", "which method", *METHODS),
    Parameter("size", "int", 32, "side of the images, pixels", choices=("32", "64", "128")),
    Parameter("crop", "int", 108, "of celeba: the side of the centre square that was imported; 0: the whole"),
    _int("count", 20_000, "of faces: how many training images are drawn", 100),
    _int("latent", 64, "dimensions of z"),
    _int("width", 32, "channels before the generator's last layer, and after the discriminator's first"),
    _int("batch", 64, "images a step, in all processes together", 2),
    _int("steps", 2000, "training steps"),
    _float("learning_rate", 2e-4, "of all networks, Adam"),
    _float("beta1", 0.5, "Adam's", 0, 0.9999),
    _float("beta2", 0.999, "Adam's", 0, 0.99999),
    _float("weight_decay", 0.0, "Adam's, of msgan"),
    _int("seed", 0, "random start, data order and latents", 0),
    _choice("precision", "no", "of the networks' arithmetic", "no", "bf16", "fp16"),
    Parameter("compile", "bool", False, "let torch compile the networks"),
    Parameter("resident", "bool", True, "keep all images on the device, as bytes"),
    _int("ema", 10_000, "half-life of the averaged generator, images", 0),
    _int("log", 6_400, "report after so many images"),
    _int("save", 64_000, "checkpoint, picture and Fréchet distance after so many images"),
    _int("judged", 1000, "images that the Fréchet distance is measured on; 0: it is not", 0),
    _float("exploding", 1e6, "stop when a loss is larger than this"),
)
#: Parameters that only some methods have.
OF_METHOD = {
    "regularized": (
        _float("lambda1", 0.005, "weight of the squared distance of a reconstruction"),
        _float("lambda2", 0.2, "weight of the mode regulariser"),
    ),
    "mdgan": (
        _float("distance_weight", 1.0, "weight of the squared distance, manifold step"),
        _float("log_weight", 0.01, "weight of log D1, manifold step"),
    ),
    "msgan": (
        _float("mode_seeking", 1.0, "weight of the mode-seeking term"),
        Parameter("conditions", "list[str]", ["Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair", "Bald",
                  "Eyeglasses", "Smiling"], "attributes that the generator is told"),
    ),
    "mmgan": (
        _choice("kernel", "exponential", "of the manifolds", "sphere", "linear", "rbf", "exponential"),
        _float("alpha", 1.0, "weight of the radius"),
        _float("beta", 1.0, "weight of the correlation regulariser"),
        _float("delta", 0.9, "weight of the past in the moving averages", 0, 0.9999),
        _float("bound", 1.0, "features are drawn into a ball of this radius; 0: as printed, they are not"),
    ),
    "nemgan": (
        Parameter("attribute", "str", "Eyeglasses", "the two modes: faces without it and with it"),
        _int("labelled", 100, "training images whose mode is known", 2),
        _choice("adversary", "cross-entropy", "kind of discriminator", "cross-entropy", "wasserstein"),
        _float("penalty", 10.0, "weight of the gradient penalty, wasserstein"),
        _int("penalty_every", 1, "steps from one penalty to the next, which then weighs as much more"),
        _int("supervise_every", 10, "steps from one labelled batch to the next"),
        _int("prior_start", 500, "the prior learns after so many steps", 0),
        _float("prior_rate", 1e-3, "its learning rate"),
    ),
    "rpgan": (
        _int("discriminators", 12, "how many (K)"),
        _int("projected_width", 16, "first width of each"),
    ),
}  # fmt: skip
PARAMETERS = {p.name: p for p in (*GENERAL, *(p for own in OF_METHOD.values() for p in own))}


def read_settings(file: str | Path, changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """Everything that a YAML file, or the preset of that name, asks for; `changes` win over it.

    Raises:
        GanlabError: no such file, not a mapping, an unknown parameter, a wrong type, a value out of its range, or a
            parameter of another method.
    """
    path = preset_path(str(file)) or Path(file)
    try:
        text = path.read_bytes()
    except OSError as error:
        known = ", ".join(presets())
        raise GanlabError(f"{file} cannot be read ({error.strerror}); give a YAML file, or one of {known}.") from None
    given = parse_yaml(text, path)
    if not isinstance(given, dict):
        raise GanlabError(f"{path} must be a mapping of parameters, for instance method: mdgan.")
    return complete({**given, **(changes or {})})


def complete(given: dict[str, Any]) -> dict[str, Any]:
    """All parameters of the method that is asked for: those given, checked, and the others' defaults.

    Raises:
        GanlabError: an unknown parameter, a wrong type, a value out of its range, or a parameter of another method.
    """
    given = check_parameters(PARAMETERS, given, "The trainer")
    method = given.get("method", PARAMETERS["method"].default)
    own = {p.name: p.default for p in (*GENERAL, *OF_METHOD.get(method, ()))}
    for name in given:
        if name not in own:
            takes = ", ".join(p.name for p in OF_METHOD.get(method, ())) or "none of its own"
            raise GanlabError(f"Method {method} has no parameter '{name}': it takes {takes}.")
    return own | given


def namespace(settings: dict[str, Any]) -> SimpleNamespace:
    """The settings with dots: `s.batch`."""
    return SimpleNamespace(**settings)


def presets() -> list[str]:
    """Names of the run descriptions that come with the course."""
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def preset_path(name: str) -> Path | None:
    return PRESETS / f"{name}.yaml" if name in presets() else None
