"""The daemon's memory: one SQL database for everything that must outlive a crash.

`store` opens it and runs units of work on it; each other module owns a few tables and offers functions on a
connection. What the values mean is `handlers`' business, when to read and write them `sync`'s.
"""
