"""One story per file: what breaks, who repairs it, and what was promised."""
