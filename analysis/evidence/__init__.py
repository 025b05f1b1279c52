"""Evidence that the logs support: estimates, comparability, comparisons, seed groups, verdict."""
