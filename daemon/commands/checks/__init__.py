"""What `exsyncd check` looks at, one module for each thing; `daemon.commands.checking` puts them together.

Each module looks and never changes anything. What it finds are `findings`, which `telling` prints.
"""
