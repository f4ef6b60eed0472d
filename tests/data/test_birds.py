"""CUB's layout, on a tiny copy that the tests write: what is read, and what is refused."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from ganlab.data.birds import cub
from ganlab.data.conditional import two_sizes
from ganlab.errors import GanlabError
from ganlab.methods.msgan_text import Matching, TextToImage
from ganlab.nets.dcgan import dcgan_encoder
from ganlab.nets.text import StackedDiscriminator, StackedGenerator, TextEncoder, split_stages
from ganlab.seeds import Streams

NAMES = [f"{1 + i // 2:03d}.Bird_{i // 2}/Bird_{i}.jpg" for i in range(6)]
BOX = (20.0, 10.0, 40.0, 20.0)  # left, top, width, height in 100 x 80 pixels


def photograph(i: int) -> bytes:
    """Green with a red bird in its box; blue tells which photograph it is."""
    pixels = np.full((80, 100, 3), (0, 200, 20 * i), np.uint8)
    pixels[10:30, 20:60, :2] = (255, 0)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def write(folder, name: str, content: str | bytes) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.fixture
def birds(tmp_path):
    folder = tmp_path / "CUB_200_2011"
    lists = {
        "images": lambda i: NAMES[i],
        "train_test_split": lambda i: int(i != 4),
        "image_class_labels": lambda i: 1 + i // 2,
        "bounding_boxes": lambda i: "{} {} {} {}".format(*BOX),
    }
    for name, value in lists.items():
        write(folder, f"{name}.txt", "".join(f"{i + 1} {value(i)}\n" for i in range(6)))
    for i, name in enumerate(NAMES):
        write(folder, f"images/{name}", photograph(i))
        text = f"This bird is red, number {'abcdef'[i]}.\na red bird with a beak\n\n"
        write(folder, f"text_c10/{name.replace('.jpg', '.txt')}", text)
    return folder


def test_images_captions_and_labels_belong_together(birds):
    found = cub(birds, size=16)
    assert len(found) == 5 and found.names == tuple(NAMES[:4] + NAMES[5:])
    assert found.images.shape == (5, 3, 16, 16) and found.images.dtype == torch.uint8
    assert found.labels.tolist() == [0, 0, 1, 1, 2]
    assert found.captions[4] == ("This bird is red, number f.", "a red bird with a beak")
    assert (found.images[:, 2].flatten(1).float().mean(1).round() == torch.tensor([0.0, 20, 40, 60, 100])).all()
    assert len(cub(birds, "test", 16)) == 1 and len(cub(birds, "all", 16)) == 6 and len(cub(birds, most=2)) == 2


def test_the_square_around_the_bird_is_half_as_wide_again_as_its_box(birds):
    """Box 40 wide: the square reaches from 10 to 70, and from the upper edge, 0, to 50."""
    image = cub(birds, size=60, most=1).images[0]
    red = (image[0] > 128).nonzero()
    low, high = red.min(0).values, red.max(0).values
    assert (low[1], high[1]) == (10, 49)  # columns 20 to 60 less 10
    assert abs(low[0] - 12) <= 1 and abs(high[0] - 35) <= 1  # rows 10 to 30 of 50, at 60 / 50


def test_words_become_numbers(birds):
    found = cub(birds, size=16)
    assert found.vocabulary[:3] == ("", "bird", "red") and "f" not in found.vocabulary
    tokens = found.tokens(caption=1, length=7)
    words = [found.vocabulary[t] for t in tokens[0]]
    assert words == ["a", "red", "bird", "with", "a", "beak", ""]
    assert torch.equal(found.tokens(caption=3, length=7), tokens)  # two captions each: they are given in turn
    assert found.tokens(length=2).shape == (5, 2)
    other = cub(birds, "test", 16)
    assert torch.equal(other.tokens(1, 7, vocabulary=found.vocabulary)[0], tokens[0])


def test_birds_train_both_stages(birds):
    found = cub(birds, size=16)
    rng = Streams(0, "weights")
    images, tokens = two_sizes(found.images), found.tokens()
    text = TextEncoder(len(found.vocabulary), 8, rng=rng)
    numbers = Matching(text, dcgan_encoder(16, 3, 8, 4, rng)).step((split_stages(images)[1], tokens))
    players = StackedGenerator(16, 8, 4, 4, rng), StackedDiscriminator(16, 8, 4, rng)
    numbers |= TextToImage(*players, rng=rng, latent=4).step((images, text(tokens).detach()))
    assert all(value.isfinite() for value in numbers.values())


def test_captions_may_lie_beside_the_birds_or_elsewhere(birds):
    (birds / "text_c10").rename(birds.parent / "text")
    assert len(cub(birds, size=8).captions) == 5
    (birds.parent / "text").rename(birds.parent / "words")
    with pytest.raises(GanlabError, match="No folder text_c10 or text .* captions="):
        cub(birds)
    assert len(cub(birds, size=8, captions=birds.parent / "words")) == 5


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("images.txt", None, "images.txt cannot be read"),
        ("images.txt", "1 a b\n", "2 values are expected"),
        ("images.txt", "1 ../../etc/passwd\n", "lies outside the data set"),
        ("images.txt", "1 001.Bird_0/Other.jpg\n", "Other.jpg is missing"),
        ("train_test_split.txt", "1 1\n", "has no line for image 2"),
        ("bounding_boxes.txt", "".join(f"{i} 1 2 3 x\n" for i in range(1, 7)), "numbers are expected"),
        ("bounding_boxes.txt", "".join(f"{i} 500 2 3 4\n" for i in range(1, 7)), "lies outside its 100 x 80"),
        (f"images/{NAMES[0]}", b"no image", "is not a whole image"),
        (f"text_c10/{NAMES[0][:-4]}.txt", None, "each image needs its captions"),
        (f"text_c10/{NAMES[0][:-4]}.txt", " \n...\n", "holds no sentence"),
        (f"text_c10/{NAMES[0][:-4]}.txt", "a bird\n" * 20_000, "too much for one image's captions"),
    ],
)
def test_what_does_not_fit_is_named(birds, file, content, words):
    if content is None:
        (birds / file).unlink()
    else:
        write(birds, file, content)
    with pytest.raises(GanlabError, match=words):
        cub(birds)


def test_bad_arguments_are_named(birds):
    for settings, words in (
        ({"split": "valid"}, "split is 'valid'"),
        ({"size": 0}, "size is 0"),
        ({"most": 0}, "most is 0"),
    ):
        with pytest.raises(GanlabError, match=words):
            cub(birds, **settings)
