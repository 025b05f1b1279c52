"""Execution of the template, export of the pages, and their publication."""
