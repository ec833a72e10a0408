"""What each `exsyncd` command does, apart from reading its arguments (`daemon.cli`)."""
