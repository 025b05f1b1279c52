"""What the logs can support: estimates, comparability, comparisons, seed groups, verdict."""
