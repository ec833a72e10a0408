"""The demo: a day at a bank, played by everything this project is made of, and told with its reasons.

Broker, Exchange and CRM are the sandbox's, or a real Kafka; the daemon is the real one, and speaks to all of them over
the network. People act over HTTP, with their own passwords. Every sentence is made from what was read back: an outcome
or a command from its topic, an item from Exchange or the CRM. What did not happen cannot be told, and ends the demo.

`stage` builds the house, `cast` says who is in it, `morning` to `evening` are the day's scenes (`weekly` and
`invitations` are the last before the evening), `closing` adds the day up, `telling` is how it looks on a terminal.
"""

from daemon.demo.playing import play

__all__ = ["play"]
