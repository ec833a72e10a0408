"""GetServerTimeZones."""

from __future__ import annotations

from daemon.sandbox.exchange.calls import Call, answer, success
from daemon.sandbox.exchange.markup import Element, boolean, child, children, m, t, text
from daemon.sandbox.exchange.timezones import definition, display_name, known_names, zone_of


def get_server_time_zones(call: Call, request: Element) -> Element:
    """Names alone, or with rules for the current year; ids that are unknown are left out, as Exchange does."""
    ids = [text(each) for each in children(child(request, "Ids"))]
    names = [name for name in ids if zone_of(name) is not None] if ids else known_names()
    full = boolean(request.get("ReturnFullTimeZoneData", "true"))
    year = call.world.now().year
    found = [
        definition(name, year=year) if full else t("TimeZoneDefinition", Id=name, Name=display_name(name))
        for name in names
    ]
    return answer(call.operation, [success(call.operation, m("TimeZoneDefinitions", *found))])
