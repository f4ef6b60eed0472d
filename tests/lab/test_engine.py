"""The lab's JavaScript against torch: values and gradients of every loss, Adam, and whole steps of every method."""

import json
import math
import shutil
import subprocess
from pathlib import Path

import pytest
import torch

from ganlab.methods import gan, mdgan, mmgan, msgan, nemgan
from ganlab.methods.gan import discriminator_loss, generator_loss, minimax_generator_loss
from ganlab.recipes import recipe

ENGINE = Path(__file__).parents[2] / "site" / "lab" / "engine.js"
NODE = shutil.which("node")

pytestmark = pytest.mark.skipif(NODE is None, reason="Node is not installed: the lab's JavaScript cannot be run")


def javascript(code: str, **given):
    """What `code`, the body of a function of `engine` and `given`, returns."""
    script = f"""
    const engine = require({json.dumps(str(ENGINE))});
    const given = JSON.parse(require("fs").readFileSync(0, "utf8"));
    console.log(JSON.stringify((() => {{ {code} }})()));
    """
    done = subprocess.run([NODE, "-e", script], input=json.dumps(given), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64, generator=generator).requires_grad_()


LOSSES = {
    "discriminatorLoss": (lambda a, b: discriminator_loss(a[:, 0], b[:, 0]), [(9, 1), (7, 1)]),
    "generatorLoss": (lambda a: generator_loss(a[:, 0]), [(9, 1)]),
    "minimaxLoss": (lambda a: minimax_generator_loss(a[:, 0]), [(9, 1)]),
    "regulariser": (lambda x, r, d: mdgan.regulariser(x, r, d[:, 0], 0.3, 0.7), [(6, 2), (6, 2), (6, 1)], (0.3, 0.7)),
    "modeSeekingLoss": (msgan.mode_seeking_loss, [(6, 2), (6, 2), (6, 3), (6, 3)]),
    "sphereLoss": (
        lambda a, b: mmgan.sphere_loss(*(mmgan.sphere(mmgan.bounded(x, 1.0)) for x in (a, b))),
        [(6, 5), (8, 5)],
    ),
    "inversionLoss": (
        lambda found, logits, z, modes: nemgan.inversion_loss(found, logits, z, modes),
        [(6, 5), (6, 3), (6, 5), "modes"],
    ),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_and_gradients_are_torchs(name):
    ours, shapes, *more = LOSSES[name]
    one_hot = torch.eye(3, dtype=torch.float64)[[0, 1, 2, 0, 0, 2]]
    arguments = [one_hot if shape == "modes" else numbers(*shape, seed=i) for i, shape in enumerate(shapes)]
    expected = ours(*arguments)
    expected.backward()
    got = javascript(
        """
        const inputs = given.inputs.map((rows) => engine.tensor(rows.length, rows[0].length, rows.flat()));
        const loss = engine.losses[given.name](...inputs, ...given.more);
        engine.backward(loss);
        return { value: loss.item(), gradients: inputs.map((x) => Array.from(x.gradient())) };
        """,
        name=name,
        inputs=[argument.tolist() for argument in arguments],
        more=list(*more),
    )
    assert got["value"] == pytest.approx(expected.item(), rel=1e-12)
    for argument, gradient in zip(arguments, got["gradients"], strict=True):
        if argument.requires_grad:
            assert gradient == pytest.approx(argument.grad.flatten().tolist(), rel=1e-10, abs=1e-13)


def test_a_network_and_its_gradients_are_torchs():
    weights = [numbers(*shape, seed=i) for i, shape in enumerate([(2, 8), (1, 8), (8, 8), (1, 8), (8, 3), (1, 3)])]
    x, hidden = numbers(5, 2, seed=9), None
    hidden = x
    for i in (0, 2, 4):
        hidden = hidden @ weights[i] + weights[i + 1]
        hidden = hidden.relu() if i < 4 else hidden
    hidden.square().mean().backward()
    got = javascript(
        """
        const net = new engine.MLP([2, 8, 8, 3]);
        net.weights.forEach((w, k) => w.data.set(given.weights[k].flat()));
        const x = engine.tensor(5, 2, given.x.flat());
        engine.backward(engine.mean(engine.square(net.forward(x))));
        return [x, ...net.weights].map((t) => Array.from(t.gradient()));
        """,
        weights=[weight.tolist() for weight in weights],
        x=x.tolist(),
    )
    for theirs, ours in zip(got, [x, *weights], strict=True):
        assert theirs == pytest.approx(ours.grad.flatten().tolist(), rel=1e-10, abs=1e-13)


def test_adam_is_torchs():
    weight = numbers(3, 2)
    target = numbers(3, 2, seed=1).detach()
    optimiser = torch.optim.Adam([weight], lr=0.05, betas=(0.5, 0.999))
    start = weight.tolist()
    for _ in range(20):
        optimiser.zero_grad()
        (weight - target).square().mean().backward()
        optimiser.step()
    got = javascript(
        """
        const [w, t] = [given.start, given.target].map((rows) => engine.tensor(3, 2, rows.flat()));
        const adam = new engine.Adam([w], 0.05);
        for (let i = 0; i < 20; i++) adam.descend(engine.mean(engine.square(engine.sub(w, t))));
        return Array.from(w.data);
        """,
        start=start,
        target=target.tolist(),
    )
    assert got == pytest.approx(weight.flatten().tolist(), rel=1e-9)


def test_a_plain_step_moves_both_players_as_the_course_does():
    """The same weights, reals and latents: one turn here and one turn of ganlab.methods.gan give the same weights."""
    got = javascript(
        """
        const game = new engine.Game(
          { method: "gan", seed: 3, data: engine.ring(), discriminatorRate: 1e-2, generatorRate: 1e-2 });
        const weights = () => ["G", "D"].map((name) => game.players[name].weights.map((w) => Array.from(w.data)));
        const before = weights();
        const real = game.real(16);
        const latents = [game.random.normals(16, 2), game.random.normals(16, 2)];
        let k = 0;
        game.latents = () => latents[k++];
        game.discriminatorStep(real);
        game.generatorStep(real);
        const plain = (tensor) => Array.from(tensor.data);
        return { before, after: weights(), real: plain(real), latents: latents.map(plain) };
        """
    )
    shapes = {"G": [2, 32, 32, 2], "D": [2, 32, 32, 1]}
    nets = {}
    for (name, sizes), values in zip(shapes.items(), got["before"], strict=True):
        from ganlab.nets.mlp import MLP
        from ganlab.seeds import Streams

        nets[name] = MLP(sizes, Streams(0), scalar=name == "D").double()
        for parameter, value in zip(nets[name].parameters(), values, strict=True):
            parameter.data.copy_(torch.tensor(value, dtype=torch.float64).reshape(parameter.shape))
    drawn = iter(torch.tensor(z, dtype=torch.float64).reshape(16, 2) for z in got["latents"])
    method = gan.GAN(nets["G"], nets["D"], rng=Streams(0), lr=1e-2)
    method.rng.normal = lambda *shape: next(drawn)
    method.step(torch.tensor(got["real"], dtype=torch.float64).reshape(16, 2))
    for name, values in zip(shapes, got["after"], strict=True):
        for parameter, value in zip(nets[name].parameters(), values, strict=True):
            assert value == pytest.approx(parameter.flatten().tolist(), rel=1e-7, abs=1e-9)


def test_every_method_takes_steps_moves_its_players_and_repeats_itself():
    got = javascript(
        """
        const out = {};
        for (const method of Object.keys(engine.METHODS)) {
          const play = () => {
            const game = new engine.Game(
              { method, seed: 1, data: engine.grid(), discriminatorRate: 1e-3, generatorRate: 1e-3 });
            const learners = () => engine.METHODS[method].learners.concat("D").map((name) =>
              engine.weightsOf(game.players[name]).map((w) => w.data.reduce((a, b) => a + b, 0)));
            const before = learners();
            for (let i = 0; i < 5; i++) game.both();
            const moved = learners().map((player, k) => player.some((w, j) => w !== before[k][j]));
            return { moved, losses: game.losses, samples: Array.from(game.samples().data) };
          };
          const [one, two] = [play(), play()];
          out[method] = { ...one, same: JSON.stringify(one) === JSON.stringify(two) };
        }
        return out;
        """
    )
    assert set(got) == {"gan", "mdgan", "msgan", "mmgan", "nemgan", "rpgan"}
    for method, found in got.items():
        assert found["same"] and all(found["moved"]), method
        assert all(math.isfinite(value) for value in [*found["losses"].values(), *found["samples"]]), method


def test_presets_are_the_recipes():
    presets = javascript("return engine.PRESETS;")
    for name, preset in presets.items():
        settings = recipe(name).settings
        assert (preset["generatorRate"], preset["discriminatorRate"]) == (
            settings.generator_lr,
            settings.discriminator_lr,
        )
        assert (preset["beta1"], preset["data"]) == (settings.beta1, settings.mixture)
        assert (settings.spread, settings.sigma, settings.batch) == (2.0, 0.05, 64)
        assert settings.generator == settings.discriminator == (32, 32)


def test_measures_know_perfect_and_collapsed_samples():
    perfect, collapsed = javascript(
        """
        const data = engine.ring();
        const one = engine.mixture([data.centres[3]], 0.05);
        return [data, one].map((from) => engine.measure(from.sample(4000, new engine.Random(1)), data));
        """
    )
    assert perfect["modes"] == 8 and perfect["inside"] == pytest.approx(0.989, abs=0.01)
    assert 0.93 < perfect["place"] <= 0.99
    assert collapsed["modes"] == 1 and collapsed["place"] == pytest.approx(1 / 8)
