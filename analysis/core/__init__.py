"""What everybody needs: runs, metrics, settings, parameters, blocks and errors."""
