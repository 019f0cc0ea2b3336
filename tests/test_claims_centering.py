"""Centering and its limits: numbers worked out by hand, and violations that are seen."""

from collections.abc import Callable
from fractions import Fraction

import pytest

from exactbn.claims.families import centering, centering_limits, eps_limits
from exactbn.claims.ledger import stored
from exactbn.claims.ledger.instance import Instance
from exactbn.claims.ledger.ledger import all_claims
from exactbn.claims.ledger.stored import real_data
from exactbn.claims.ledger.survey import meets
from exactbn.claims.tools import normalized
from exactbn.errors import DegenerateError, InputError, NotRationalError
from exactbn.exact.rational import Matrix, to_text
from exactbn.model.network import Network

Violation = Callable[[Instance], str | None]

LAYER = Network.from_arrays([[[1, 2], [3, -1]], [[1, 1]], [[1]]], [[5, 0], [1], [0]])


def exact(*points: tuple[int, ...]) -> Matrix:
    """Return integer points as exact ones."""
    return tuple(tuple(map(Fraction, point)) for point in points)


DATA = exact((1, 2), (5, -2), (0, 1))


def uncentred(network: Network, data: Matrix) -> Network:
    """Return the network as it is: what a wrong centering might do."""
    return network


def test_real_data_is_read_exactly() -> None:
    points = real_data()["iris"]
    assert len(points) == 150
    assert points[0] == (Fraction(51, 10), Fraction(7, 2), Fraction(7, 5), Fraction(1, 5))


def test_every_stored_instance_is_small_and_of_a_claim() -> None:
    claims = {entry.key: entry for entry in all_claims()}
    paths = sorted(stored._INSTANCES.glob("*.json"))
    assert paths
    for path in paths:
        entry, instance = claims[path.stem.split("-")[0]], stored.stored(path.stem)
        assert entry.violation is not None and entry.violation(instance) is not None
        numbers = [t for row in instance.data for t in row] + list(instance.numbers.values())
        if instance.network is not None:
            for layer in instance.network.layers:
                numbers += [t for row in (*layer.weight, layer.bias) for t in row]
        assert all(len(to_text(t)) <= 6 for t in numbers), path.stem


def test_stored_instance_of_another_claim_is_refused(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "_INSTANCES", tmp_path)
    text = Instance(None, (), {}).to_json("F1")
    (tmp_path / "F2.json").write_text(text, encoding="utf-8")  # type: ignore[operator]
    with pytest.raises(InputError, match="instance of claim F1, expected one of F2"):
        stored.stored("F2")


def test_mean_is_the_best_offset(monkeypatch: pytest.MonkeyPatch) -> None:
    # Values 5, 1, 2 of w = (1, 2): squared deviations 49/9 + 25/9 + 4/9, over |w|^2 = 5.
    least = centering.squared_distances(LAYER, 0, DATA, Fraction(0))
    assert least == Fraction(26, 3) / 5
    assert centering.squared_distances(LAYER, 0, DATA, Fraction(1)) == least + Fraction(3, 5)
    shifted = Instance(LAYER, DATA, {"shift": Fraction(1, 2)})
    assert centering.excess_violation(shifted) is None
    monkeypatch.setattr(centering, "mean", max)
    assert centering.excess_violation(shifted) is not None


def test_mean_feature_is_the_common_point(monkeypatch: pytest.MonkeyPatch) -> None:
    instance = Instance(LAYER, DATA)
    assert centering.common_point_violation(instance) is None
    monkeypatch.setattr(centering, "center", uncentred)
    assert centering.common_point_violation(instance) == (
        "layer 1, unit 1: its value at the mean feature is 23/3"
    )


def test_bound_of_deviations(monkeypatch: pytest.MonkeyPatch) -> None:
    two = Instance(LAYER, DATA[:2])
    assert centering.deviation_violation(two) is None
    assert centering.deviation_violation(Instance(LAYER, DATA)) is None
    monkeypatch.setattr(centering, "variance", lambda values: Fraction(1, 2))
    assert centering.deviation_violation(two) is not None
    assert centering.deviation_violation(Instance(LAYER, DATA)) is not None


@pytest.mark.parametrize(("slope", "feature"), [("0", "1/2"), ("1/4", "3/8"), ("-1", "1")])
def test_two_clusters(slope: str, feature: str) -> None:
    rows = [[1, 3], [2, -1], [3, 1], [3, 2]]
    network = Network.from_arrays([rows, [[1] * 4]], [[0] * 4, [0]], slope=slope)
    data = exact((1, 2), (5, -2))
    values = normalized.values_of(network.layers[0], data)
    assert [normalized.variance(v) for v in values] == [16, 36, 16, 4]
    result, factors = normalized.normalized(network, data)
    assert factors == ((Fraction(1, 4), Fraction(1, 6), Fraction(1, 4), Fraction(1, 2)),)
    assert normalized.mean_feature(result, data) == (Fraction(feature),) * 4
    assert centering.equal_coordinates_violation(Instance(network, data * 2)) is None


def test_two_clusters_with_a_wrong_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    instance = Instance(LAYER, exact((1, 2), (5, 3)))
    assert centering.equal_coordinates_violation(instance) is None
    monkeypatch.setattr(centering, "mean_feature", lambda *_: (Fraction(1, 3),))
    assert centering.equal_coordinates_violation(instance) is not None


def test_normalization_that_is_no_rational_one() -> None:
    with pytest.raises(NotRationalError, match="layer 1, unit 1: sigma is the root of 26/9"):
        normalized.normalized(LAYER, DATA)
    ones = Network.from_arrays([[[1, 1]], [[1]]], [[0], [0]])
    with pytest.raises(DegenerateError, match="layer 1, unit 1: sigma is 0"):
        normalized.normalized(ones, exact((1, 2), (5, -2)))


def test_data_on_the_hyperplane() -> None:
    ones = Network.from_arrays([[[2, 1], [1, 1]], [[1, 1]]], [[0, 0], [0]])
    on_it = Instance(ones, exact((1, 2), (5, -2)))
    assert centering_limits.undefined_unit(on_it) == (
        "unit 2, w = (1 1): all data lie on its hyperplane, sigma = 0"
    )
    assert centering_limits.undefined_unit(Instance(ones, DATA)) is None
    assert not meets(centering_limits.undefined_unit, Instance(ones, exact((1, 2))))


def test_length_of_weights_with_eps() -> None:
    numbers = {"eps": Fraction(1), "factor": Fraction(2)}
    network = Network.from_arrays([[[1]], [[1]]], [[0], [0]])
    # Data -1 and 1: sigma = 1, squares 1 / 2 and 4 / 5.
    reason = eps_limits.length_violation(Instance(network, exact((-1,), (1,)), numbers))
    assert reason is not None and "1/2" in reason and "4/5" in reason
    without = Instance(network, exact((-1,), (1,)), {**numbers, "eps": Fraction(0)})
    assert eps_limits.length_violation(without) is None


def test_eps_moves_the_boundaries_of_layer_two_only() -> None:
    instance = stored.stored("F18")
    assert eps_limits.eps_moves(instance) == (
        "layer 2, unit 1: it vanishes at 1/6, 3/2 with eps = 0 and at 53/264, 105/52 with "
        "eps = 105/64"
    )
    assert eps_limits.first_layer_moves(instance) is None
    assert not meets(eps_limits.equal_sigmas_move, instance)
    equal = Network.from_arrays([[[1], [-1]], [[1, 3]], [[1]]], [[0, 0], [0], [0]])
    two = Instance(equal, instance.data, {"eps": Fraction(2)})
    assert eps_limits.equal_sigmas_move(two) is None
    irrational = Instance(instance.network, instance.data, {"eps": Fraction(1)})
    assert not meets(eps_limits.eps_moves, irrational)


def test_deviations_that_are_tight_and_not() -> None:
    one = Network.from_arrays([[[1]], [[1]]], [[0], [0]])
    for points in (exact((0,), (0,), (5,)), exact((0,), (1,), (5,)), exact((2,), (7,))):
        assert centering.deviation_violation(Instance(one, points)) is None
    for points in (exact((3,)), exact((3,), (3,))):
        assert not meets(centering.deviation_violation, Instance(one, points))


def test_batch_of_one() -> None:
    assert centering_limits.single_point_violation(Instance(LAYER, DATA[:1])) is not None
    assert centering_limits.single_point_violation(Instance(LAYER, DATA)) is None
    torch = pytest.importorskip("torch")
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        torch.nn.BatchNorm1d(2)(torch.zeros(1, 2))


def test_irrational_direction() -> None:
    unit = [[1, 0], [0, 1]]
    network = Network.from_arrays([unit, [[1, 1]], [[1]]], [[0, 0], [0], [0]])
    # Variances 2/9 and 2/3, then 2/9 and 8/9.
    irrational = Instance(network, exact((0, 0), (0, 1), (1, -1)))
    assert centering_limits.irrational_facet(irrational) is not None
    rational = Instance(network, exact((0, 0), (0, 2), (1, 0)))
    assert centering_limits.irrational_facet(rational) is None


def test_irrational_direction_on_the_facet_itself() -> None:
    """Two points of the facet, found with sympy, differ by an irrational direction."""
    import sympy

    data = [(0, 0), (0, 1), (1, -1)]
    columns = [[sympy.Rational(t) for t in column] for column in zip(*data, strict=True)]
    means = [sum(c) / 3 for c in columns]
    sigmas = [
        sympy.sqrt(sum((t - m) ** 2 for t in c) / 3) for c, m in zip(columns, means, strict=True)
    ]
    x, y = sympy.symbols("x y")
    units = [(t - m) / s for t, m, s in zip((x, y), means, sigmas, strict=True)]
    features = [
        [sympy.Max(0, u.subs({x: a, y: b})) for u in units] for a, b in data
    ]
    middle = sum(sum(row) for row in features) / 3
    # Where both units are on, the facet is units[0] + units[1] = middle.
    height = sympy.solve(units[0] + units[1] - middle, y)[0]
    for step in (sympy.Rational(1, 100), sympy.Rational(1, 50)):
        point = {x: means[0] + step}
        point[y] = height.subs(point)
        assert all(u.subs(point).evalf() > 0 for u in units)
    assert not sympy.simplify(sympy.diff(height, x)).is_rational
