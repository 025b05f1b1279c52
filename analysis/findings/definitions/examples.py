"""Definitions of evaluations by example."""

from __future__ import annotations

_MILLER = "Miller (2024), Adding Error Bars to Evals"
_CLUSTERS = "Liang and Zeger (1986)"

EXAMPLES = (
    (
        "examples.share",
        "Share of right answers",
        "Right answers of all examples, with Wilson's interval; fewer examples count where those of a cluster agree.",
        "p = right/n, at n / deff; deff = Var between clusters / (p(1−p)/n), at least 1",
        "Wilson (1927); Kish (1965)",
    ),
    (
        "examples.level",
        "Mean score",
        "Mean of the scores by example, weighted if there are weights.",
        "SE² = G/(G−1) Σ_c (Σ_{i∈c} w_i(x_i − x̄))² / (Σw)², G clusters or examples",
        f"{_CLUSTERS}; {_MILLER}",
    ),
    (
        "examples.mcnemar",
        "Paired difference of shares",
        "Right answers of the candidate minus those of the baseline on the same examples.",
        "(c − b)/n; p exact binomial for b + c < 200, else z = (c − b)/√(b + c); interval by method 10",
        "McNemar (1947); Newcombe (1998), paired data",
    ),
    (
        "examples.paired",
        "Paired difference of scores",
        "Mean difference of the scores of the same examples; examples of one cluster need not be independent.",
        "mean(d), SE as examples.level, G − 1 degrees of freedom; up to 16 units at least the exact sign-flip p",
        f"Student (1908); {_CLUSTERS}; {_MILLER}",
    ),
    (
        "examples.unpaired",
        "Difference of scores of different examples",
        "Where two evaluations have no example in common: not comparable, shown all the same.",
        "x̄₂ − x̄₁, SE = √(SE₁² + SE₂²)",
        "Welch (1947), unequal-variance t",
    ),
    (
        "examples.bootstrap",
        "Resampled difference",
        "The paired difference over examples, or clusters of them, drawn again and again.",
        "2.5% and 97.5% of 2,000 draws; up to 20,000 units",
        "Efron (1979)",
    ),
    (
        "examples.mean_of_tasks",
        "Mean of tasks",
        "Mean over the tasks that both runs have, each with the same weight; not of tasks that might be.",
        "mean(d_t), SE = √(Σ SE_t²)/T, degrees of freedom by Satterthwaite",
        f"Satterthwaite (1946); {_MILLER}",
    ),
    (
        "examples.required",
        "Examples needed",
        "Examples of this kind with which a difference of the size that was seen is found with 80% power.",
        "(2.8 · SE√n / d)²",
        "Normal approximation",
    ),
)
"""ID, title, text, formula, source."""
