"""The long 2D runs of chapter 04, each written to data/results/04_mdgan/NAME.json. One process, one thread.

To make them again:

    python bench/mdgan_2d.py toy       # the paper's toy at its learning rate, three methods, 10 seeds: 20 minutes
    python bench/mdgan_2d.py contest   # section 6 over 10 seeds, after tuning on 3 others: 5 minutes
    python bench/mdgan_2d.py tuned     # MDGAN again, with the distance weight that the contest chose: 2 minutes
    python bench/mdgan_2d.py sweep     # lambda1 x lambda2, both signs, 10 seeds: 10 minutes
    python bench/mdgan_2d.py recipes   # all recipes of chapter 03, three methods, 10 seeds: 12 minutes
"""

import argparse
import time

import results
import torch
from torch import Tensor, nn

from ganlab.data.mixtures import GaussianMixture, MixtureBatches, ring
from ganlab.methods.gan import GAN
from ganlab.methods.mdgan import MDGAN, RegularizedGAN, squared_distance
from ganlab.metrics import mass_in_place, mode_counts, modes_covered
from ganlab.nets.encoder import UniformCube
from ganlab.nets.mlp import MLP
from ganlab.recipes import Recipe, build, recipe
from ganlab.recipes import recipes as all_recipes
from ganlab.seeds import Streams
from ganlab.train import threads, train
from ganlab.train.run import plain

FOLDER = results.ROOT / "04_mdgan"
SAMPLES = 2500


def toy_method(name: str, seeds: list[int], width: int = 128, lr: float = 1e-4, **settings) -> GAN:
    """A method with the paper's toy networks (appendix C); encoder and discriminator width are our choice."""
    rng = Streams(seeds, "weights")
    generator = nn.Sequential(UniformCube(), MLP([3, width, width, 2], rng))
    discriminator = MLP([2, 128, 1], rng, scalar=True)
    encoder = MLP([2, width, width, 3], rng)
    settings |= {"rng": rng, "latent": 3, "lr": lr}
    if name == "GAN":
        return GAN(generator, discriminator, **settings)
    if name == "MDGAN":
        return MDGAN(generator, discriminator, encoder, MLP([2, 128, 1], rng, scalar=True), **settings)
    return RegularizedGAN(generator, discriminator, encoder, **settings)


def look_at(mixture: GaussianMixture, shown: int = 0):
    """What is recorded: counts of high-quality samples by mode, D and distance of reconstructions, some samples."""
    real = mixture.sample(SAMPLES, 12345)

    @torch.no_grad()
    def look(step: int, method: GAN) -> dict:
        samples = method.sample(SAMPLES)
        record = {"counts": mode_counts(samples, mixture)}
        if hasattr(method, "encoder"):
            x = real.expand(*samples.shape[:-2], SAMPLES, 2)
            reconstruction = method.reconstruct(x)
            record["reconstruction_counts"] = mode_counts(reconstruction, mixture)
            record["distance"] = squared_distance(x, reconstruction)
            record["d_of_reconstruction"] = method.discriminator(reconstruction).sigmoid().mean(-1)
        if shown:
            record["samples"] = samples[0, :shown].mul(1000).round().int()
        return record

    return look


def write(name: str, content: dict, started: float, command: str = "") -> None:
    results.write(FOLDER / f"{name}.json", command or f"python bench/mdgan_2d.py {name}", started, content)


def toy(steps: int, seeds: list[int]) -> None:
    """The paper's toy: 6 Gaussians, sigma 0.1, radius 5, uniform 3D latents, Adam 1e-4, lambda1 = lambda2 = 0.005."""
    started, mixture = time.perf_counter(), ring(6, 5.0, 0.1)
    runs = {}
    for name in ("GAN", "Regularized GAN", "MDGAN"):
        before = time.process_time()
        method = toy_method(name, seeds)
        history = train(method, mixture.batches(64, seeds), steps, every=steps // 6, look=look_at(mixture, 250))
        runs[name] = {"cpu_seconds": round(time.process_time() - before), "looks": history.records}
        covered = modes_covered(method.sample(SAMPLES), mixture).tolist()
        print(f"{name}: modes {covered}, {runs[name]['cpu_seconds']} s", flush=True)
        settings = {"steps": steps, "seeds": seeds, "batch": 64, "lr": 1e-4, "lambda": 0.005, "samples": SAMPLES}
        write("toy", {"settings": settings, "runs": runs}, started)


def sweep(steps: int, seeds: list[int]) -> None:
    """Every lambda1 with every lambda2; a negative lambda2 is the printed sign. All runs of a lambda1 side by side."""
    started, mixture = time.perf_counter(), ring(6, 5.0, 0.1)
    lambdas1, lambdas2 = [0.0, 0.005, 0.05, 0.5], [-0.5, -0.05, 0.0, 0.05, 0.5]
    table = []
    for lambda1 in lambdas1:
        lambda2 = torch.tensor(lambdas2).repeat_interleave(len(seeds))
        members = seeds * len(lambdas2)
        method = toy_method("Regularized GAN", members, 64, 1e-3, lambda1=lambda1, lambda2=lambda2)
        history = train(method, mixture.batches(128, members), steps, look=look_at(mixture))
        record = {name: history[name][:, -1] for name in ("counts", "distance", "d_of_reconstruction")}
        table.append({name: v.reshape(len(lambdas2), len(seeds), *v.shape[1:]) for name, v in record.items()})
        print(lambda1, (table[-1]["counts"] > 0).sum(-1).double().mean(1).tolist(), flush=True)
        settings = {"steps": steps, "seeds": seeds, "batch": 128, "lr": 1e-3, "width": 64, "samples": SAMPLES}
        axes = {"lambda1": lambdas1[: len(table)], "lambda2": lambdas2}
        write("sweep", {"settings": settings, **axes, "rows": table}, started)


def in_place(counts: Tensor, mixture: GaussianMixture) -> Tensor:
    return mass_in_place(counts, SAMPLES, mixture.weights)


def contest(steps: int, seeds: list[int]) -> None:
    """Section 6 over more seeds. First the learning rate of the GAN and MDGAN's distance weight, on three seeds apart.

    MDGAN runs with public code's weights. (Regularized GAN's come from the sweep, on seeds 0 to 9.)
    """
    started, mixture, apart = time.perf_counter(), ring(6, 5.0, 0.1), [1000, 1001, 1002]
    tuned, runs = {"GAN": [], "MDGAN": []}, {}

    def run(name: str, seeds: list[int], longest: int, **settings) -> list[Tensor]:
        """Counts of a method's samples after each `steps` steps."""
        counts, before = [], time.process_time()

        def look(step: int, method: GAN) -> dict:
            counts.append(mode_counts(method.sample(SAMPLES), mixture))
            cost[name] = round(time.process_time() - before, 1)
            return {}

        method = toy_method(name, seeds, 64, **{"lr": 1e-3} | settings)
        train(method, mixture.batches(128, seeds), longest, every=steps, look=look)
        return counts

    cost: dict[str, float] = {}
    for lr in (3e-4, 1e-3, 3e-3):
        (counts,) = run("GAN", apart, steps, lr=lr)
        tuned["GAN"].append({"lr": lr, "mass_in_place": in_place(counts, mixture).mean()})
    weights = [1.0, 0.3, 0.1, 0.03, 0.01]
    distance_weight = torch.tensor(weights).repeat_interleave(len(apart))
    (counts,) = run("MDGAN", apart * len(weights), steps, distance_weight=distance_weight)
    for weight, part in zip(weights, counts.chunk(len(weights)), strict=True):
        tuned["MDGAN"].append({"distance_weight": weight, "mass_in_place": in_place(part, mixture).mean()})
    print(plain(tuned), flush=True)

    lr = max(tuned["GAN"], key=lambda row: row["mass_in_place"])["lr"]
    arms = {
        "GAN": ("GAN", {"lr": lr}),
        "Regularized GAN": ("Regularized GAN", {"lambda1": 0.05, "lambda2": 0.05}),
        "MDGAN": ("MDGAN", {}),
    }
    for arm, (name, settings) in arms.items():
        counts = run(name, seeds, 3 * steps if name == "GAN" else steps, **settings)
        runs[arm] = {"settings": settings, "counts": counts[0], "cpu_seconds": cost[name]}
        if name == "GAN":
            runs[arm]["cpu_seconds"] /= 3
            runs["GAN, 3x the steps"] = {"settings": settings, "counts": counts[2], "cpu_seconds": cost[name]}
        print(arm, in_place(counts[0], mixture).tolist(), cost[name], flush=True)
        facts = {"steps": steps, "seeds": seeds, "tuning_seeds": apart, "batch": 128, "width": 64, "samples": SAMPLES}
        write("contest", {"settings": facts, "tuned": tuned, "runs": runs}, started)


def tuned(steps: int, seeds: list[int]) -> None:
    """MDGAN as in `contest`, on the same seeds, with the distance weight that was best on its three tuning seeds."""
    started, mixture = time.perf_counter(), ring(6, 5.0, 0.1)
    found = results.stored(FOLDER / "contest.json")["tuned"]["MDGAN"]
    chosen = max(found, key=lambda row: row["mass_in_place"])["distance_weight"]
    method = toy_method("MDGAN", seeds, 64, 1e-3, distance_weight=chosen)
    train(method, mixture.batches(128, seeds), steps)
    counts = mode_counts(method.sample(SAMPLES), mixture)
    print(f"distance weight {chosen:g}: {in_place(counts, mixture).tolist()}", flush=True)
    facts = {"steps": steps, "seeds": seeds, "batch": 128, "width": 64, "samples": SAMPLES, "distance_weight": chosen}
    write("tuned", {"settings": facts, "counts": counts}, started)


def lambda1_for(mixture: GaussianMixture) -> float:
    """0.05 for the toy's ring of radius 5, scaled to the size of the mixture: 0.05 * 25 / E||x||^2, to one digit."""
    mean_square = (mixture.weights * mixture.centres.square().sum(1)).sum()
    return float(f"{0.05 * 25 / float(mean_square):.1g}")


def cured(name: str, chosen: Recipe, seeds: list[int]) -> tuple[GAN, MixtureBatches, GaussianMixture]:
    """The recipe's GAN, or one of the two methods on the same networks from the same start."""
    plain_gan, batches, mixture = build(chosen, seeds)
    if name == "GAN":
        return plain_gan, batches, mixture
    settings, rng = chosen.settings, Streams(seeds, "encoder")
    encoder = MLP([2, *settings.generator, settings.latent], rng, settings.activation)
    common = {"rng": plain_gan.rng, "latent": settings.latent, "loss": settings.loss}
    common |= {"lr": settings.discriminator_lr, "generator_lr": settings.generator_lr, "betas": (settings.beta1, 0.999)}
    players = plain_gan.generator, plain_gan.discriminator, encoder
    if name == "MDGAN":
        first = MLP([2, *settings.discriminator, 1], rng, settings.activation, scalar=True)
        return MDGAN(*players, first, **common), batches, mixture
    return RegularizedGAN(*players, lambda1=lambda1_for(mixture), lambda2=0.05, **common), batches, mixture


def recipes(steps: int | None, seeds: list[int]) -> None:
    """All recipes of chapter 03, the healthy too; nothing changes but the method. Goes on after the last one."""
    settings = {"seeds": seeds, "lambda1": "0.05 * 25 / E||x||^2", "lambda2": 0.05, "samples": SAMPLES}
    before = results.stored(FOLDER / "recipes.json", settings) or {"runs": {}, "seconds": 0}
    runs, started = before["runs"], time.perf_counter() - before["seconds"]
    for title in all_recipes():
        if title in runs:
            continue
        runs[title] = {}
        for name in ("GAN", "Regularized GAN", "MDGAN"):
            method, batches, mixture = cured(name, recipe(title), seeds)
            train(method, batches, steps or recipe(title).settings.steps)
            runs[title][name] = {"counts": mode_counts(method.sample(SAMPLES), mixture)}
            print(f"{title}, {name}: {(runs[title][name]['counts'] > 0).sum(-1).tolist()}", flush=True)
        in_order = {title: runs[title] for title in all_recipes() if title in runs}
        write("recipes", {"settings": settings, "runs": in_order}, started)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", choices=["toy", "contest", "tuned", "sweep", "recipes"])
    parser.add_argument("--steps", type=int)
    parser.add_argument("--seeds", type=int, default=10)
    arguments = parser.parse_args()
    with threads(1):
        if arguments.experiment == "toy":
            toy(arguments.steps or 8_000, list(range(arguments.seeds)))
        elif arguments.experiment == "contest":
            contest(arguments.steps or 3_000, list(range(100, 100 + arguments.seeds)))
        elif arguments.experiment == "tuned":
            tuned(arguments.steps or 3_000, list(range(100, 100 + arguments.seeds)))
        elif arguments.experiment == "recipes":
            recipes(arguments.steps, list(range(arguments.seeds)))
        else:
            sweep(arguments.steps or 3_000, list(range(arguments.seeds)))
