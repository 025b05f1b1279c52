"""A metric: which way is better, on what it was measured, and what logs call it."""

from analysis.core.metrics import Metric

BLEURT = Metric("bleurt", "BLEURT", "higher", split="full validation", aliases="eval_bleurt val_bleurt")
