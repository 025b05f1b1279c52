"""Rules of thumb: the numbers, grades and overall result of the hand-written report."""
