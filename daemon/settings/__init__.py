"""The settings of the daemon (contract: "Operating it").

`models` names every setting, `sources` finds the values (TOML file, environment, files with secrets, systemd
credentials), `loading` puts both together and explains what is wrong. Rules: OPT-2 (options seeded by configuration),
BLK-1 (a bad pattern is refused at load, the list in force stays), BLK-3, FOR-7, PART-3.
"""

from daemon.settings.errors import Problem, SettingsError
from daemon.settings.example import text as example
from daemon.settings.loading import LIVE, Need, Reload, load, reload
from daemon.settings.models import (
    Addresses,
    Blacklist,
    Deletes,
    Engine,
    Exchange,
    ForContacts,
    Http,
    Kafka,
    Logs,
    Settings,
    Store,
)

__all__ = [
    "LIVE",
    "Addresses",
    "Blacklist",
    "Deletes",
    "Engine",
    "Exchange",
    "ForContacts",
    "Http",
    "Kafka",
    "Logs",
    "Need",
    "Problem",
    "Reload",
    "Settings",
    "SettingsError",
    "Store",
    "example",
    "load",
    "reload",
]
