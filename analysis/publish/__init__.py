"""Run the template, export the pages, and put them where readers look."""
