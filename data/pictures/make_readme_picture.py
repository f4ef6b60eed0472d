"""Makes readme.png, the picture at the top of the README: python data/pictures/make_readme_picture.py

The GAN is that of chapter 00, seed 0, looked at five times.
"""

from pathlib import Path

from ganlab.data.mixtures import ring
from ganlab.files import write_atomically
from ganlab.methods.gan import GAN
from ganlab.nets.mlp import MLP
from ganlab.seeds import Streams
from ganlab.show import headline, new_figure
from ganlab.show.figure import png
from ganlab.show.planar import draw_samples, extent_of, frame
from ganlab.train import threads, train

STEPS, LOOKS = 1500, 5

target = ring(8, radius=2.0, sigma=0.2)
rng = Streams([0], "weights")
gan = GAN(MLP([2, 64, 64, 64, 2], rng), MLP([2, 64, 64, 64, 1], rng, scalar=True), rng=rng, lr=4e-4, generator_lr=2e-3)
with threads(1):
    history = train(
        gan,
        target.batches(128, [0]),
        STEPS,
        every=STEPS // LOOKS,
        look=lambda step, method: {"points": method.sample(500)},
    )
losses = {name: history[f"{name}_loss"][0] for name in ("discriminator", "generator")}
figure, panels = new_figure(9.6, 2.7, 1, LOOKS)
for look, axes in enumerate(panels[0]):
    coverage = draw_samples(axes, history["points"][0, look], target, extent_of(target))
    frame(axes, extent_of(target), ticks=False)
    axes.set_title(f"step {history.steps[look]}: {coverage.count} of 8 modes", fontsize=10, loc="center")
    axes.set_xlabel(f"losses {losses['discriminator'][look]:.2f} and {losses['generator'][look]:.2f}", fontsize=9)
headline(figure, "Eight modes to imitate. The generator hops from one to the next, and its losses look perfect")
write_atomically(Path(__file__).with_name("readme.png"), png(figure))
print({name: values.tolist() for name, values in losses.items()})
