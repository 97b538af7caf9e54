"""Which models cannot have the code they want."""

from hypothesis import given
from hypothesis import strategies as st

from ekiden.scenarios.registry import duplicate_codes

MODELS = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("uvwxyz"), max_size=6)


def test_who_has_a_code_already_keeps_it():
    assert duplicate_codes({"a": "x", "b": "x"}, {}) == {"b": "a"}
    assert duplicate_codes({"a": "x", "b": "x"}, {"b": "x"}) == {"a": "b"}


def test_a_model_that_is_left_out_keeps_the_code_it_has():
    assert duplicate_codes({"a": "y", "c": "x"}, {"a": "x", "b": "y"}) == {"a": "b", "c": "a"}


def test_codes_can_be_swapped():
    assert duplicate_codes({"a": "y", "b": "x"}, {"a": "x", "b": "y"}) == {}


@given(wanted=MODELS, codes=st.permutations("uvwxyz"), number=st.integers(0, 6))
def test_afterwards_no_two_models_have_the_same_code(wanted: dict[str, str], codes: list[str], number: int):
    known = dict(zip("abcdef", codes[:number], strict=False))
    left_out = duplicate_codes(wanted, known)
    taken = {model: code for model, code in wanted.items() if model not in left_out}
    stand = known | taken
    assert len(set(stand.values())) == len(stand)
    assert all(holder != model for model, holder in left_out.items())
