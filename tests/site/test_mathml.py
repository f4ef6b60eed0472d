import re
from html import unescape

import pytest

pytest.importorskip("sphinx", reason="Sphinx is missing: pip install 'ganlab[docs]'")

from site_mathml import UnreadableFormula, mathml  # noqa: E402


def shape(formula, display="inline"):
    """The MathML without its outer element, spaces as _."""
    text = re.sub(r"<mspace[^>]*/>", "_", unescape(mathml(formula, display)))
    return re.sub(r"^<math[^>]*><mrow>|</mrow></math>$", "", text)


def test_names_of_functions_stand_apart():
    assert shape(r"\log D") == "<mi>log</mi>_<mi>D</mi>"
    assert shape(r"2\log 2") == "<mn>2</mn>_<mi>log</mi>_<mn>2</mn>"
    assert "_" not in shape(r"\log(x)")


def test_limits_stand_below_in_a_block_only():
    assert shape(r"\min_x f", "block").startswith("<munder><mo>min</mo><mi>x</mi></munder>")
    assert shape(r"\min_x f").startswith("<msub><mo>min</mo>")


def test_relations_numbers_and_commands_that_the_converter_lacks():
    assert "<mo>~</mo>" in shape(r"x \sim p")
    assert shape(r"x \tag{3}").endswith('(</mo><mn>3</mn><mo stretchy="false">)</mo>')
    assert "arg" in shape(r"\arg\max_x f")


def test_signs_and_slashes_stand_close():
    assert '<mo form="prefix">−</mo>' in shape("a = -b") and "prefix" not in shape("a - b")
    assert 'lspace="0"' in shape("a / b")


@pytest.mark.parametrize("formula", [r"\foo x", r"x^", r"\left( x"])
def test_tex_without_mathml_is_refused_by_name(formula):
    with pytest.raises(UnreadableFormula, match=re.escape(repr(formula))):
        mathml(formula, "inline")
