"""Many reports: pools, run sets, reports at URLs."""
