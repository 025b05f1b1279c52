"""Detectors: quiet on noise and on healthy curves, sensitive to each problem, silent where they cannot see."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.calibrate.benchmark import FALSE_ALARMS_WANTED, KINDS, WANTED, alarm_rate, synthetic
from analysis.calibrate.logs import ar_noise
from analysis.findings.definitions import DEFINITIONS
from analysis.statistics.detectors import DETECTORS, Curve, Detection, Observed, detect


def _curve(values: np.ndarray, every: int = 1) -> Curve:
    steps = np.arange(1.0, values.size + 1)
    return Curve(steps[every - 1 :: every], values[every - 1 :: every])


def _by_id(observed: Observed, **options) -> dict[str, Detection]:
    return {detection.id: detection for detection in detect(observed, **options)}


def _problems(observed: Observed) -> set[str]:
    return {d.id for d in detect(observed) if d.status == "raised" and d.problem}


def test_every_detector_has_a_definition_a_cause_and_a_remedy():
    """The stable ID leads to words for the reader."""
    assert DETECTORS.keys() <= DEFINITIONS.keys()
    assert all(d.id == key and d.cause and d.remedy for key, d in DETECTORS.items())


@pytest.mark.parametrize("rho", [0.0, 0.6])
def test_noise_raises_no_alarm(rho):
    """At most 5% of 200 runs without a problem raise one, of any kind."""
    assert alarm_rate(None, rho, runs=200, rng=np.random.default_rng(1)) <= FALSE_ALARMS_WANTED


@pytest.mark.parametrize("rho", [0.0, 0.6])
@pytest.mark.parametrize("kind", KINDS)
def test_each_problem_is_found_by_its_own_detector(kind, rho):
    """Detection at least 99 / 90 / 95 / 100% of 100 runs, less one binomial standard error of the test."""
    wanted = WANTED[kind]
    slack = (wanted * (1 - wanted) / 100) ** 0.5
    assert alarm_rate(kind, rho, runs=100, rng=np.random.default_rng(2)) >= wanted - slack


def _healthy() -> dict[str, np.ndarray]:
    t = np.arange(300)
    return {
        "steep": 0.5 + 3.5 * np.exp(-t / 10),
        "slow": 0.5 + 3.5 * np.exp(-t / 60),
        "power law": 4 * (1 + t) ** -0.4,
        "warm-up then decay": np.where(t < 30, 4.0, 0.5 + 3.5 * np.exp(-(t - 30) / 25)),
        "steps down": 1.5 - 0.4 * (t >= 100) - 0.3 * (t >= 200),
    }


@pytest.mark.parametrize("name", _healthy())
def test_a_healthy_fine_tune_is_not_called_sick(name):
    """Falling from 4 to 0.5, with noise in proportion: no divergence, spike or overfitting in 40 runs."""
    rng = np.random.default_rng(3)
    base = _healthy()[name]
    raised: set[str] = set()
    for noise in (ar_noise(rng, 40, 300, 0.3) - 0.3) * 2:
        valid = base * np.exp(0.05 * rng.normal(size=300))
        raised |= _problems(Observed(train=_curve(base * np.exp(noise)), valid=_curve(valid, 10)))
    assert raised <= {"det.undertraining"}


def test_nothing_can_be_told_from_nothing():
    """No points: every detector says so, none passes."""
    assert {d.status for d in detect(Observed())} == {"cannot tell"}


@pytest.mark.parametrize("n", [1, 2, 5, 12])
def test_short_logs_raise_no_problem(n):
    """One to twelve noisy points in 100 runs: at most 5% raise any."""
    rng = np.random.default_rng(n)
    runs = [_curve(x) for x in ar_noise(rng, 100, n, 0.0)]
    assert np.mean([bool(_problems(Observed(train=c, valid=c))) for c in runs]) <= 0.05


def test_a_constant_loss_is_broken_and_nothing_else():
    """Exactly one value throughout: no plateau, no loss."""
    flat = _curve(np.full(60, 0.5))
    raised = {d.id for d in detect(Observed(train=flat, valid=flat)) if d.status == "raised"}
    assert raised == {"det.broken"}


def test_only_nan_is_non_finite_and_not_a_pass_elsewhere():
    """A log of NaN alone: one problem raised, everything else cannot tell."""
    found = _by_id(Observed(nonfinite=(1, 2, 3)))
    assert found["det.nonfinite"].status == "raised"
    assert found["det.nonfinite"].steps == (1, 2, 3)
    assert {d.status for key, d in found.items() if key != "det.nonfinite"} == {"cannot tell"}


def test_divergence_is_seen_even_if_the_end_is_below_the_start():
    """4 → 0.5 → 3: the loss ends below where it started, yet far above its best."""
    t = np.arange(300)
    base = 0.5 + 3.5 * np.exp(-t / 20) + 2.5 * np.clip((t - 200) / 100, 0, 1)
    noise = ar_noise(np.random.default_rng(4), 1, 300, 0.3)[0] - 0.3
    found = _by_id(Observed(train=_curve(base + noise)))["det.divergence"]
    assert found.status == "raised"
    assert found.numbers["rise"] == pytest.approx(1.75, abs=0.1)


def test_a_lasting_rise_is_no_divergence_if_it_is_within_the_noise():
    """A rise of one sd is not five."""
    noise = ar_noise(np.random.default_rng(5), 1, 300, 0.0)[0]
    rising = noise + 0.025 * np.linspace(0, 1, 300)
    assert _by_id(Observed(train=_curve(rising)))["det.divergence"].status == "not raised"


def _falling_train() -> Curve:
    return _curve(ar_noise(np.random.default_rng(6), 1, 300, 0.0)[0] - 0.1 * np.linspace(0, 1, 300))


def test_overfitting_by_full_validations_needs_more_than_their_error():
    """.300 → .315 with SE .005 is a rise beyond 1.96 sqrt 2 SE, with .01 it is not; and only while train loss falls."""
    full = Curve(np.array([100.0, 200.0, 300.0]), np.array([0.310, 0.300, 0.315]))
    flat = _curve(np.full(300, 0.3) + 0.001 * np.random.default_rng(7).normal(size=300))
    cases = ((_falling_train(), 0.005, "raised"), (_falling_train(), 0.01, "not raised"), (flat, 0.005, None))
    for train, se, expected in cases:
        found = _by_id(Observed(train=train, full=full, full_se=se))["det.overfitting"]
        assert found.status == (expected or "not raised")


def test_validation_that_gets_better_is_never_overfitting():
    """The right sign: a falling validation loss under a falling train loss is what one wants."""
    valid = 0.4 - 0.1 * np.linspace(0, 1, 300) + 0.02 * np.random.default_rng(8).normal(size=300)
    found = _by_id(Observed(train=_falling_train(), valid=_curve(valid, 10)))["det.overfitting"]
    assert found.status == "not raised"
    assert found.numbers["detectable_rise"] > 0


def test_classic_overfitting_is_found_though_validation_ends_below_its_start():
    """Down, then up: the rise of the second half counts."""
    t = np.linspace(0, 1, 300)
    valid = 1.0 - 1.2 * t + 1.1 * t**2 + 0.01 * np.random.default_rng(9).normal(size=300)
    found = _by_id(Observed(train=_falling_train(), valid=_curve(valid, 10)))["det.overfitting"]
    assert found.status == "raised"
    assert found.steps[0] > 100


def test_overlapping_validation_cannot_show_overfitting():
    """Suppressed, with a warning, whatever the curves do."""
    observed = synthetic("overfitting", 0.0, runs=1, rng=np.random.default_rng(10))[0]
    overlapping = Observed(train=observed.train, valid=observed.valid, overlap=True)
    assert _by_id(overlapping)["det.overfitting"].status == "cannot tell"


def test_under_training_is_a_fall_that_still_matters():
    """Still falling by a tenth at the end: raised; not if validation rises meanwhile."""
    t = np.linspace(0, 1, 300)
    noise = ar_noise(np.random.default_rng(11), 1, 300, 0.0)[0] - 0.3
    train = _curve(1.0 - 0.6 * t + noise)
    rng = np.random.default_rng(12)
    falling, rising = (_curve(0.8 + s * 0.3 * t + 0.01 * rng.normal(size=300), 10) for s in (-1, 1))
    assert _by_id(Observed(train=train, valid=falling))["det.undertraining"].status == "raised"
    sick = _by_id(Observed(train=train, valid=rising))
    assert sick["det.overfitting"].status == "raised"
    assert sick["det.undertraining"].status == "not raised"


def test_a_schedule_that_ends_flat_is_not_undertrained() -> None:
    """It falls through its last window and yet gains nothing more; what falls as fast at its end is."""
    rng = np.random.default_rng(11)
    t = np.linspace(0, 1, 1000)
    shapes = {"cosine": 0.3 * (1 + np.cos(np.pi * t)) / 2, "straight": 0.3 * (1 - t)}
    raised = dict.fromkeys(shapes, 0)
    for name, shape in shapes.items():
        for _ in range(100):
            train = Curve(np.arange(1.0, 1001.0), 0.3 + shape + 0.025 * rng.standard_normal(1000))
            raised[name] += _by_id(Observed(train=train))["det.undertraining"].status == "raised"
    assert raised["cosine"] <= 10
    assert raised["straight"] >= 90


@pytest.mark.parametrize("rows", [30, 200])
def test_a_log_of_epochs_that_levels_off_is_not_undertrained(rows: int) -> None:
    """It still falls, and as many epochs again would gain less than a hundredth; a power law gains a tenth."""
    rng = np.random.default_rng(rows)
    t = np.arange(1.0, rows + 1) / rows
    levels_off, falls_on = 0.28 + 0.35 * np.exp(-5 * t), 0.28 * t**-0.3
    raised = [0, 0]
    for _ in range(60):
        noise = 0.002 * rng.standard_normal(rows)
        for which, shape in enumerate((levels_off, falls_on)):
            train = Curve(np.arange(1.0, rows + 1), shape + noise)
            raised[which] += _by_id(Observed(train=train))["det.undertraining"].status == "raised"
    assert raised[0] <= 3
    assert raised[1] >= 54


def test_plateau_depends_on_margin_and_remaining_steps():
    """Flat noise is a plateau for a wide margin and a short rest, not for a narrow one and a long rest."""
    train = _curve(ar_noise(np.random.default_rng(13), 1, 500, 0.0)[0])
    wide = Observed(train=train, margin=0.05, remaining_steps=50)
    narrow = Observed(train=train, margin=0.001, remaining_steps=500)
    assert _by_id(wide)["det.plateau"].status == "raised"
    assert _by_id(narrow)["det.plateau"].status == "not raised"


def test_an_earlier_checkpoint_must_be_better_than_the_best_of_four_is_by_luck():
    """.005 above the best takes SE .0016 of each; the set holds what lies within half of what it takes."""
    full = Curve(np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.320, 0.303, 0.300, 0.305]))
    found = _by_id(Observed(full=full, full_se=0.0016))["det.early_stopping"]
    assert (found.status, found.steps) == ("raised", (3,))
    inside = _by_id(Observed(full=full, full_se=0.004))["det.early_stopping"]
    assert inside.status == "not raised"
    assert 4 in inside.steps


def test_beside_a_reward_only_a_loss_that_is_no_number_is_a_problem():
    """The loss of such a run starts at 0 and rises, stays constant or jumps by its construction."""
    losses = [np.zeros(100), np.linspace(0, 1, 100) ** 2, np.where(np.arange(100) == 50, 9.0, 1 / np.arange(1.0, 101))]
    assert all(_problems(Observed(train=_curve(x))) for x in losses[:2])
    for x in losses:
        found = detect(Observed(train=_curve(x), rewarded=True, nonfinite=(7,)))
        assert [d.id for d in found if d.status != "not raised"] == ["det.nonfinite"]


def test_a_curve_without_scatter_has_no_rise_that_could_be_missed():
    """An exact parabola: there is no error from which a detectable rise would follow."""
    found = _by_id(Observed(full=_curve(4 - np.linspace(0, 1, 10) ** 2, every=1)))["det.overfitting"]
    falling = _by_id(Observed(full=_curve((2 - np.linspace(0, 1, 10)) ** 2, every=1)))["det.overfitting"]
    assert "0 would be found" not in found.statement + falling.statement


def test_a_muted_detector_is_listed_as_muted():
    """Muting hides the alarm, not that it was muted."""
    found = _by_id(Observed(nonfinite=(5,)), muted={"det.nonfinite"})
    assert found["det.nonfinite"].status == "muted"
    assert list(found) == list(DETECTORS)
