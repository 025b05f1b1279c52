"""What every number in a report means: the one table of definitions, by stable ID."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Layer = Literal["document", "evidence"]


@dataclass(frozen=True)
class Definition:
    """One definition: ``text`` in plain words, ``formula`` as text, ``source`` where it comes from."""

    id: str
    title: str
    text: str
    formula: str
    source: str
    layer: Layer


_RULES = "Definition of the hand-written run report"
_LLSW = "Lazarus, Lewis, Stock and Watson (2018), HAR inference: recommendations for practice"
_STUDENT = "Welch (1947), unequal-variance t"
_OWN = "This toolkit; calibrated by simulation (run-reports calibrate)"

_DOCUMENT = (
    (
        "doc.oscillations",
        "Oscillations",
        "How many consecutive loss values differ by more than 1 %. It grows with the number of steps.",
        "count(|x[t]/x[t-1] − 1| > 0.01), x[t-1] = 0 skipped",
    ),
    (
        "doc.volatility",
        "Volatility",
        "Mean of the standard deviations of all windows of 20 consecutive losses.",
        "mean(sd(x[t-19..t], ddof = 1)); fewer than 20 points: none",
    ),
    ("doc.final_train_loss", "Final train loss", "Train loss of the last row: one minibatch.", "x[last]"),
    (
        "doc.final_train_accuracy",
        "Final train accuracy",
        "Train accuracy of the last row, often a partial batch.",
        "x[last]",
    ),
    ("doc.final_valid_loss", "Final valid loss", "Last minibatch validation loss.", "x[last]"),
    ("doc.final_valid_accuracy", "Final valid accuracy", "Last minibatch validation accuracy.", "x[last]"),
    (
        "doc.improvement_pct",
        "Improvement",
        "Drop from the first to the last loss, relative to the first: two single points.",
        "(first − last) / first × 100; first = 0: none",
    ),
    (
        "doc.gap_pp",
        "Validation − train gap",
        "Last validation accuracy minus last train accuracy, in percentage points.",
        "(valid accuracy − train accuracy) × 100",
    ),
    (
        "doc.validation_coverage",
        "Validation coverage",
        "Share of steps that carry a minibatch validation.",
        "rows with validation / steps × 100",
    ),
    (
        "doc.full_validation_coverage",
        "Full validation coverage",
        "Share of steps that carry a validation on the whole validation set.",
        "rows with full validation / steps × 100",
    ),
    (
        "doc.expected_steps",
        "Expected steps",
        "Steps as stated with the run, else what the data sizes imply.",
        "stated, else ceil(n_train × epochs / batch size)",
    ),
    ("doc.overage_pct", "Overage", "Steps beyond the expected ones.", "(steps / expected − 1) × 100"),
    (
        "doc.change_pct",
        "Change",
        "Relative change against the baseline; the absolute change stands beside it.",
        "(candidate / baseline − 1) × 100",
    ),
    (
        "doc.grade_stability",
        "Stability grade",
        "Letter for the oscillation count relative to the smallest count of the report.",
        "r = count / smallest: A+ ≤ 1.00 … D- ≤ 2.4, else F",
    ),
    (
        "doc.grade_performance",
        "Performance grade",
        "Letter for the last minibatch validation accuracy.",
        "accuracy: A+ ≥ .90 … D- ≥ .80, else F",
    ),
    (
        "doc.grade_overall",
        "Overall grade",
        "Highest letter whose points do not exceed the mean of the two grades' points.",
        "mean of grade points (A+ 4.3 … D- 0.7, F 0)",
    ),
    ("doc.rank", "Rank", "Order by the mean of the grade points.", "rank of mean grade points"),
    (
        "doc.epoch_boundary",
        "Epoch boundary",
        "Step at which an epoch ends: from metadata, else full validations, else equal parts (estimated).",
        "floor(N / epochs) where nothing better is known",
    ),
)

_EVIDENCE = (
    (
        "data.burn_in",
        "Burn-in",
        "Rows at the start that belong to another regime: up to the last change point in the first quarter.",
        "b = last change of level in x[0 .. n/4], penalised least squares, else 0",
        "Killick, Fearnhead and Eckley (2012), PELT; " + _OWN,
    ),
    (
        "data.expected_steps",
        "Expected steps from the data",
        "Steps that the data sizes imply, against which the log is checked.",
        "ceil(n_train × epochs / batch size)",
        "Arithmetic",
    ),
    (
        "osc.rate",
        "Oscillation rate",
        "Share of transitions that change by more than 1 %; independent of the number of steps.",
        "count / transitions; SE = max(cosine estimator on the indicator, √(p(1−p)/n))",
        _LLSW,
    ),
    (
        "osc.expected",
        "Oscillation rate of pure noise",
        "The rate that white noise of the same relative size would show: no training is involved in it.",
        "2 − 2Φ(0.01 / (√2 · s/mean))",
        "Normal distribution of a difference of two independent values",
    ),
    (
        "osc.diff",
        "Difference of oscillation rates",
        "Candidate minus baseline rate at a common logging stride.",
        "p₂ − p₁, SE = √(SE₁² + SE₂²)",
        _STUDENT,
    ),
    (
        "dir.rate",
        "Direction changes",
        "Share of inner points at which the curve turns; white noise turns at two thirds of them.",
        "turning points / (n − 2); white noise: mean 2/3, Var(count) = (16n − 29)/90",
        "Bienaymé (1874); Kendall and Stuart, The Advanced Theory of Statistics 3",
    ),
    (
        "noise.s",
        "Noise",
        "Standard deviation of the loss around its own trend after burn-in.",
        "s = sd of the linearly detrended loss",
        _OWN,
    ),
    ("noise.s_rel", "Relative noise", "Noise as a share of the mean loss.", "s / mean", _OWN),
    (
        "noise.rho",
        "Autocorrelation",
        "How much a step resembles the one before; it decides how many independent points there are.",
        "clip(r + (2 + 4r)/T, 0, .98), r = lag-1 correlation of the detrended loss",
        "Kendall (1954), Marriott and Pope (1954): bias of serial correlation",
    ),
    (
        "noise.ratio",
        "Noise ratio",
        "Candidate noise over baseline noise, with interval.",
        "exp(log s₂ − log s₁); SE(log s) = ½√(κ(1+φ)/(T(1−φ))), κ = Var(e²/s²), φ = max(ρ², lag-1 of e²)",
        "Delta method; " + _OWN,
    ),
    (
        "noise.s_batch",
        "Noise per example",
        "Noise multiplied by the square root of the batch size, so that batch sizes can be compared.",
        "s · √B",
        "Variance of a mean",
    ),
    (
        "noise.excess",
        "Excess noise",
        "Train noise over the noise of minibatch validation: 1 means that all of it is sampling noise.",
        "s_train / s_valid, scaled to equal batch size",
        _OWN,
    ),
    (
        "spikes",
        "Spikes",
        "Single points far above both of their sides, in robust standard deviations.",
        "z = (x − higher of the medians of 10 before and after) / local robust sd > 4.5, more for long runs",
        "Hampel (1974); " + _OWN,
    ),
    (
        "loss.window_mean",
        "Window mean",
        "Mean of the last fifth of the run (20 points at least), in place of a single last point.",
        "W = max(20, 0.2 n) after burn-in; SE = max(sd/√n_eff, cosine estimator)",
        _LLSW,
    ),
    (
        "loss.n_eff",
        "Effective points",
        "How many independent points the window is worth; fewer than 5: no judgement.",
        "W (1 − ρ)/(1 + ρ)",
        "Bayley and Hammersley (1946)",
    ),
    (
        "loss.window_diff",
        "Difference of window means",
        "Candidate minus baseline window mean.",
        "Welch's t on the two window means",
        _STUDENT + "; " + _LLSW,
    ),
    (
        "loss.window_ratio",
        "Ratio of window means",
        "Candidate over baseline window mean.",
        "exp(log m₂ − log m₁), SE by the delta method",
        "Delta method",
    ),
    (
        "loss.step_matched",
        "Step-matched difference",
        "Difference of window means with both runs cut at the shorter run's last step.",
        "as loss.window_diff on equal step ranges",
        _OWN,
    ),
    (
        "loss.trend",
        "Trend",
        "Least-squares slope per 100 steps after burn-in, with an interval that allows for autocorrelation.",
        "OLS slope; SE = max(OLS · √((1+ρ)/(1−ρ)), cosine estimator on the scores)",
        _LLSW,
    ),
    (
        "gap.loss",
        "Generalisation gap",
        "Full validation loss minus window train loss; positive is worse on validation.",
        "full_valid_loss − window mean, joint SE",
        _OWN,
    ),
    (
        "fullval.diff",
        "Difference of full validation losses",
        "Candidate minus baseline loss on the whole validation set; its error comes from the set's size.",
        "SE = sd(minibatch valid losses) · √batch / √n_valid, df = evaluations − 1",
        "Variance of a mean; " + _STUDENT,
    ),
    (
        "fullval.paired",
        "Paired difference of validation losses",
        "Mean difference per validation example: the same set and per-example losses are at hand.",
        "mean(d), SE = sd(d)/√n",
        "Student (1908)",
    ),
    (
        "valid.evals_per_epoch",
        "Evaluations per epoch",
        "Minibatch validations in an epoch.",
        "rows with validation / epochs",
        "Arithmetic",
    ),
    (
        "valid.examples_per_eval",
        "Examples per evaluation",
        "How many examples stand behind one validation number.",
        "batch size; n_valid for full validation",
        "Arithmetic",
    ),
    (
        "acc.counts",
        "Accuracy as counts",
        "The fraction that a printed accuracy must have come from.",
        "smallest k with |acc − round(acc·k)/k| < 1e-6; tokens per batch = LCM over rows without the last",
        "Arithmetic",
    ),
    (
        "acc.deff",
        "Design effect",
        "How much more accuracies vary than independent tokens would.",
        "Var(detrended minibatch accuracy) / (p(1−p)/n)",
        "Kish (1965), Survey Sampling",
    ),
    (
        "acc.interval",
        "Accuracy interval",
        "95 % interval of an accuracy from its counts.",
        "Wilson interval with n / design effect",
        "Wilson (1927)",
    ),
    (
        "acc.diff",
        "Difference of accuracies",
        "Candidate minus baseline proportion.",
        "pooled z test for p; Newcombe interval; n / design effect",
        "Newcombe (1998), method 10",
    ),
    (
        "seeds.mean",
        "Mean over seeds",
        "Mean of the runs of one configuration; the run, not the step, is the unit.",
        "mean of seed values, t interval",
        "Student (1908)",
    ),
    (
        "seeds.iqm",
        "Interquartile mean over seeds",
        "Mean of the middle half of the seeds, with a bootstrap interval.",
        "25 % trimmed mean; percentile bootstrap over seeds",
        "Agarwal et al. (2021), Deep RL at the edge of the statistical precipice",
    ),
    (
        "seeds.prob_improvement",
        "Probability of improvement",
        "Chance that a run of the candidate beats a run of the baseline.",
        "mean over seed pairs of [better] + ½[equal]",
        "Mann and Whitney (1947); Agarwal et al. (2021)",
    ),
    (
        "seeds.diff",
        "Difference between seed groups",
        "Candidate minus baseline mean over seeds.",
        "Welch's t with one value a seed; two seeds an arm at least",
        _STUDENT,
    ),
    (
        "seeds.required",
        "Required seeds",
        "Seeds per arm for 80 % power at 5 %.",
        "ceil(2 (2.8 τ/δ)²)",
        "Normal power formula",
    ),
    (
        "fullval.required",
        "Required validation examples",
        "Validation examples per run to see a difference with 80 % power at 5 %.",
        "ceil(2 (2.8 σ/δ)²); paired: ceil((2.8 σ_d/δ)²)",
        "Normal power formula",
    ),
    (
        "multi.holm",
        "Adjusted p",
        "p corrected for the number of comparisons in the report.",
        "Holm's step-down over all pairs and metrics",
        "Holm (1979)",
    ),
    (
        "equiv.tost",
        "Equivalence",
        "Whether the difference is shown to lie within the declared margin.",
        "two one-sided t tests, 5 % each",
        "Schuirmann (1987)",
    ),
    (
        "power.mdd",
        "Smallest detectable difference",
        "Difference that a comparison of this precision would find four times out of five.",
        "2.8 · SE",
        "Normal power formula: 1.96 + 0.84",
    ),
    (
        "strict.batch_means",
        "Strict mode",
        "Standard error that is never below that of 8 batch means: allows for slow drift under noise.",
        "max(SE, sd of 8 block means / √8)",
        "Conway (1963); Schmeiser (1982), batch means",
    ),
    (
        "lr.gp",
        "Learning-rate model",
        "Smooth curve of the primary metric over log learning rate, for five or more comparable rates.",
        "Gaussian process, noise = known SE² + seed variance; recommend when P(better) > .8",
        "Rasmussen and Williams (2006), chapters 2 and 5",
    ),
    (
        "gate.comparability",
        "Comparability gate",
        "What differs besides the factor of interest; such a difference is not attributable to that factor.",
        "validation set, batch size, parent, training data, cadence, steps",
        _OWN,
    ),
    (
        "verdict.evidence",
        "Evidence verdict",
        "Result from the primary metric and the noise after Holm's correction.",
        "improved, regressed, mixed, equivalent, stability-only change, no evidence, insufficient data",
        _OWN,
    ),
    (
        "grade.stability",
        "Evidence stability grade",
        "Letter from the interval of excess noise.",
        "A: includes 1 and no spike; lower bound > 1 B, > 1.25 C, > 1.5 D; diverged F",
        _OWN,
    ),
    (
        "grade.performance",
        "Evidence performance grade",
        "Runs that no significant difference separates share a letter.",
        "groups of runs by adjusted p",
        _OWN,
    ),
    (
        "predict.score",
        "Prediction score",
        "Whether the value seen lies in the interval predicted by an earlier report.",
        "difference of prediction and outcome against their joint SE",
        _STUDENT,
    ),
    (
        "det.nonfinite",
        "Non-finite loss",
        "The loss became NaN or infinite.",
        "any non-finite train or validation loss",
        "Arithmetic",
    ),
    (
        "det.divergence",
        "Divergence",
        "The loss ends far above where it started and rises.",
        "end window mean > start + 5 s with slope > 0",
        _OWN,
    ),
    (
        "det.spikes",
        "Loss spikes",
        "Single losses far above their neighbourhood, beyond what a run of this length shows by chance.",
        "any spike after burn-in; 1 % chance in a run of noise",
        "Hampel (1974); " + _OWN,
    ),
    (
        "det.overfitting",
        "Overfitting",
        "Train loss keeps falling while validation loss rises.",
        "train trend down (one-sided) and validation up: full validations by > 1.96 SE, else minibatch trend",
        _OWN,
    ),
    (
        "det.plateau",
        "Plateau",
        "What is left of the trend cannot change the loss by more than the margin.",
        "90 % slope interval × remaining steps inside the margin",
        _OWN,
    ),
    (
        "det.undertraining",
        "Under-training",
        "The loss was still falling at the end.",
        "upper bound of the last-window slope < 0",
        _OWN,
    ),
    (
        "det.early_stopping",
        "Early-stopping set",
        "Checkpoints that no evidence separates from the best full validation.",
        "argmin of full validation and every checkpoint within 1 SE",
        "Breiman et al. (1984), one-standard-error rule",
    ),
)


def _table() -> dict[str, Definition]:
    document = [
        Definition(id_, title, text, formula, _RULES, "document") for id_, title, text, formula in _DOCUMENT
    ]
    evidence = [
        Definition(id_, title, text, formula, source, "evidence")
        for id_, title, text, formula, source in _EVIDENCE
    ]
    return {definition.id: definition for definition in document + evidence}


DEFINITIONS: Mapping[str, Definition] = _table()
"""Every definition by ID, document layer first."""
