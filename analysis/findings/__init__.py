"""`Analysis` and its conclusions: findings, recommendations, earlier reports."""
