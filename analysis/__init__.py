"""Evidence-backed reports that compare training runs."""
