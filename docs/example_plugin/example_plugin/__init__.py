"""One of each that a package can add to reports; pyproject.toml says where each is."""
