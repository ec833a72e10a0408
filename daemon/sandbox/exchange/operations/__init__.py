"""The operations the sandbox models; anything else is answered with a fault that says so."""

from __future__ import annotations

from collections.abc import Callable

from daemon.sandbox.exchange.calls import Call
from daemon.sandbox.exchange.markup import Element
from daemon.sandbox.exchange.operations import (
    creating,
    delegating,
    directory,
    finding,
    folders,
    reading,
    reminding,
    removing,
    syncing,
    updating,
    zones,
)

OPERATIONS: dict[str, Callable[[Call, Element], Element]] = {
    "AddDelegate": delegating.add_delegate,
    "CopyItem": removing.copy_item,
    "CreateItem": creating.create_item,
    "DeleteItem": removing.delete_item,
    "FindFolder": folders.find_folder,
    "FindItem": finding.find_item,
    "GetDelegate": delegating.get_delegate,
    "GetFolder": folders.get_folder,
    "GetItem": reading.get_item,
    "GetReminders": reminding.get_reminders,
    "GetServerTimeZones": zones.get_server_time_zones,
    "MoveItem": removing.move_item,
    "PerformReminderAction": reminding.perform_reminder_action,
    "RemoveDelegate": delegating.remove_delegate,
    "ResolveNames": directory.resolve_names,
    "SyncFolderItems": syncing.sync_folder_items,
    "UpdateDelegate": delegating.update_delegate,
    "UpdateItem": updating.update_item,
}
