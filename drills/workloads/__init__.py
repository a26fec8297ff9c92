"""Clients that keep using the system as its customers do, and note every acknowledgement."""
