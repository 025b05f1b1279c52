"""Fine-tuning jobs of OpenAI: fetched from the API, or read from results files."""
