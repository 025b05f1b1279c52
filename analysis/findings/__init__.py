"""`Analysis` and what it concludes: findings, recommendations, earlier reports."""
