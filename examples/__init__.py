"""Programs a person would copy."""
