"""A stateful Exchange that speaks EWS over HTTP, for the demo, the tests, and whoever has no Exchange at hand.

`server` receives requests, `operations` carries them out on the `world` of mailboxes, `meetings` carries meetings
between these. What operation, property or shape it does not model it refuses by name.
"""

from daemon.sandbox.exchange.server import PATH, ExchangeSandbox
from daemon.sandbox.people import People

__all__ = ["PATH", "ExchangeSandbox", "People"]
