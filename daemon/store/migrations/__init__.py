"""How the tables came to be. Run by `migrating` at every start; the newest revision equals `tables`."""
