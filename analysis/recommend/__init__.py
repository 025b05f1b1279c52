"""What to do next: the document's rules (heuristic) and the rules that rest on evidence."""

from analysis.recommend.document import document_recommendations, next_learning_rate
from analysis.recommend.plan import NextRun, Recommendation

__all__ = ["NextRun", "Recommendation", "document_recommendations", "next_learning_rate"]
