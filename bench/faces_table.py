"""The table of chapter 11: what the trained generators on toy faces are worth, and what real faces get.

    ganlab train toyfaces-gan                      # and the six others: the checkpoints, about 2 minutes each
    python bench/faces_table.py real               # the rows to compare with
    python bench/faces_table.py gan mdgan ...      # from runs/train/toyfaces-NAME; --runs for another folder
    python bench/faces_table.py gan --stored       # measure the generator that is kept already, without training

Keeps each generator in 16 bits in data/generators/toyfaces-NAME.safetensors (with the manifest there), and the numbers
in data/results/11_celeba/table.json. One seed each. Copies are looked for among all training faces.
"""

import argparse
import json
import time
from pathlib import Path

from ganlab.data import store
from ganlab.scale.generator import Trained, load_trained
from ganlab.scale.measure import SIGMAS, THIRD_PARTY, measure, reference
from ganlab.scale.players import generator_network
from ganlab.scale.settings import complete, namespace, read_settings
from ganlab.train import threads, write_atomically
from ganlab.train.run import plain, versions

DATA = Path(__file__).parents[1] / "data"
TABLE = DATA / "results" / "11_celeba" / "table.json"
IMAGES, UNSEEN, STEPS = 4000, 1000, 250


def keep(name: str, row: dict) -> None:
    """Into the table, next to the rows that are there."""
    known = json.loads(TABLE.read_text())["rows"] if TABLE.exists() else {}
    settings = {"images": IMAGES, "unseen": UNSEEN, "third_party_steps": STEPS, "sigmas": SIGMAS, **THIRD_PARTY}
    content = {"command": "python bench/faces_table.py NAME", "versions": versions(), "settings": settings}
    content["rows"] = known | {name: row}
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(TABLE, json.dumps(plain(content, digits=5), indent=1) + "\n")


def kept(name: str) -> Path:
    return DATA / "generators" / f"toyfaces-{name}.safetensors"


def keep_generator(name: str, folder: Path, row: dict):
    """The run's last generator in 16 bits, as it is measured and as a reader will load it."""
    records = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    row["history"] = {key: [record.get(key) for record in records] for key in records[-1]}
    done = json.loads((folder / "result.json").read_text())
    row["trained_on"], row["train_seconds"] = done["device"], done["seconds"]
    trained = load_trained(folder / "generator.safetensors")
    path = kept(name)
    trained.save(path, half=True)
    trained = load_trained(path)
    if trained.prior is not None:
        row["prior"] = trained.prior.softmax(-1)
    store.write_manifest(
        path.parent, sorted(file.name for file in path.parent.glob("*.safetensors")),
        title="Generators of toy faces, one of each method (chapter 11)", licence="Apache-2.0",
        source="trained on toy faces drawn by ganlab.data.toyfaces",
        made_by="ganlab train toyfaces-METHOD; python bench/faces_table.py METHOD",
    )  # fmt: skip
    return trained


def main(names: list[str], runs: Path, stored: bool) -> None:
    against = reference(namespace(read_settings("toyfaces-gan")), IMAGES, UNSEEN)
    for name in names:
        started, row = time.process_time(), {"features": against.features.name}
        if name == "real":
            images = against.fresh
        elif name == "untrained":
            s = namespace(complete(read_settings("toyfaces-gan")))
            images = Trained(generator_network(s), s).sample(IMAGES)
        elif stored:
            row |= json.loads(TABLE.read_text())["rows"][name]
            images = load_trained(kept(name)).sample(IMAGES)
        else:
            images = keep_generator(name, runs / f"toyfaces-{name}", row).sample(IMAGES)
        keep(name, row | measure(images, against, third_party_steps=STEPS))
        print(name, f"{time.process_time() - started:.0f} s", json.loads(TABLE.read_text())["rows"][name], flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+")
    parser.add_argument("--runs", type=Path, default=Path("runs/train"))
    parser.add_argument("--stored", action="store_true")
    arguments = parser.parse_args()
    with threads(1):
        main(arguments.names, arguments.runs, arguments.stored)
