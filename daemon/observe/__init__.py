"""What an operator sees of the daemon from outside: logs, metrics, health, and what systemd is told.

Imports no other room of the daemon, so that every room may use it. Nothing here may carry content (PRIV-5): logs mask
it, metrics and health have no place for it.
"""
