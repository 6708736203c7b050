"""What theory of a glass is asked of: glasses that it does not describe are refused, by name."""

import pytest

from spinnet.errors import InputError
from spinnet.reports.glass_theory import refuse_field, require_bare_exact_glass

BARE = {"kind": "SphericalGlass", "covariance": {"3": 1.0}, "n": 8}
DEVIATIONS = [
    ({"planted": {"3": 1.0}}, "signal"),
    ({"planted_temperature": 0.7}, "signal"),
    ({"field": 0.1}, "field"),
    ({"strict": True}, "strict"),
    ({"couplings": "binary"}, "binary"),
    ({"couplings": "diluted"}, "diluted"),
]


@pytest.mark.parametrize(("extra", "words"), DEVIATIONS, ids=lambda value: str(value))
def test_what_has_no_exact_law_at_finite_size_is_refused(extra, words):
    with pytest.raises(InputError, match=words):
        require_bare_exact_glass("main", {"landscape": {**BARE, **extra}})


def test_bare_exact_glasses_pass_and_signals_where_they_are_allowed():
    for extra in ({}, {"couplings": "hashed"}, {"couplings": "dense", "planted": {}, "field": 0}):
        require_bare_exact_glass("main", {"landscape": {**BARE, **extra}})
    for extra in ({"planted": {"3": 1.0}}, {"planted_temperature": 0.7}):
        require_bare_exact_glass("main", {"landscape": {**BARE, **extra}}, planted=True)
    with pytest.raises(InputError, match="field"):
        require_bare_exact_glass("main", {"landscape": {**BARE, "field": 0.1}}, planted=True)


def test_a_field_is_refused_with_the_name_of_the_arm():
    refuse_field("main", {"landscape": BARE})
    with pytest.raises(InputError, match="arm main has an external field"):
        refuse_field("main", {"landscape": {**BARE, "field": 0.2}})
