"""Definitions of the rules of thumb, which reproduce the hand-written report number for number."""

from __future__ import annotations

SOURCE = "rule of thumb"

DOCUMENT = (
    (
        "rule.oscillations",
        "Oscillations",
        "How many consecutive loss values differ by more than 1%. It grows with the number of steps.",
        "count(|x[t]/x[t-1] − 1| > 0.01), x[t-1] = 0 skipped",
    ),
    (
        "rule.volatility",
        "Volatility",
        "Mean of the standard deviations of all windows of 20 consecutive losses.",
        "mean(sd(x[t-19..t], ddof = 1)); fewer than 20 points: none",
    ),
    (
        "rule.final_train_loss",
        "Final train loss",
        "Train loss of the last row; of one minibatch where rows are steps.",
        "x[last]",
    ),
    (
        "rule.final_train_accuracy",
        "Final train accuracy",
        "Train accuracy of the last row, often a partial batch.",
        "x[last]",
    ),
    ("rule.final_valid_loss", "Final valid loss", "Last minibatch validation loss.", "x[last]"),
    ("rule.final_valid_accuracy", "Final valid accuracy", "Last minibatch validation accuracy.", "x[last]"),
    (
        "rule.improvement_pct",
        "Improvement",
        "Drop from the first to the last loss, relative to the first: two single points.",
        "(first − last) / first × 100; first = 0: none",
    ),
    (
        "rule.best_value",
        "Best value",
        "First, best and last of the logged values: single values. The best of many is partly luck.",
        "x[1]; min x or max x, whichever is better; x[last]",
    ),
    (
        "rule.gap_pp",
        "Validation − train gap",
        "Last validation accuracy minus last train accuracy, in percentage points.",
        "(valid accuracy − train accuracy) × 100",
    ),
    (
        "rule.validation_coverage",
        "Validation coverage",
        "Share of steps that carry a minibatch validation.",
        "rows with validation / steps × 100",
    ),
    (
        "rule.full_validation_coverage",
        "Full validation coverage",
        "Share of steps that carry a validation on the whole validation set.",
        "rows with full validation / steps × 100",
    ),
    (
        "rule.expected_steps",
        "Expected steps",
        "Steps as stated with the run, else what the data sizes imply.",
        "stated, else ceil(n_train × epochs / batch size)",
    ),
    ("rule.overage_pct", "Overage", "Steps beyond the expected ones.", "(steps / expected − 1) × 100"),
    (
        "rule.change_pct",
        "Change",
        "Relative change against the baseline; the absolute change stands beside it.",
        "(candidate / baseline − 1) × 100",
    ),
    (
        "rule.grade_stability",
        "Stability grade",
        "Letter for the oscillation count relative to the smallest count of the report.",
        "r = count / smallest: A+ ≤ 1.00 … D- ≤ 2.4, else F",
    ),
    (
        "rule.grade_performance",
        "Performance grade",
        "Letter for the last minibatch validation accuracy.",
        "accuracy: A+ ≥ .90 … D- ≥ .80, else F",
    ),
    (
        "rule.grade_overall",
        "Overall grade",
        "Highest letter whose points do not exceed the mean of the two grades' points.",
        "mean of grade points (A+ 4.3 … D- 0.7, F 0)",
    ),
    ("rule.rank", "Rank", "Order by the mean of the grade points.", "rank of mean grade points"),
    (
        "rule.epoch_boundary",
        "Epoch boundary",
        "Step at which an epoch ends: from metadata, else full validations, else equal parts (estimated).",
        "floor(N / epochs) where nothing better is known",
    ),
)
"""ID, title, text and formula of each."""
