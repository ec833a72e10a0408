"""What the tests of the decision core share."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("no clock", deadline=None)  # no test depends on how fast the machine is
settings.load_profile("no clock")
