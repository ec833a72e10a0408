"""Which properties an answer holds, and the markup of an item as a client gets to see it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta, tzinfo
from enum import Enum, auto
from functools import lru_cache

from daemon.sandbox.exchange import extended, recurrence, series
from daemon.sandbox.exchange.bodies import as_type, cut, without_scripts
from daemon.sandbox.exchange.computed import value_of
from daemon.sandbox.exchange.errors import EwsError, malformed, not_modelled
from daemon.sandbox.exchange.items import Item
from daemon.sandbox.exchange.markup import Element, boolean, child, child_text, children, local_name, t
from daemon.sandbox.exchange.properties import (
    EXTENDED_COME_BEFORE,
    ItemKind,
    Property,
    Trait,
    is_known,
    properties_of,
)
from daemon.sandbox.exchange.recurrence import Recurrence
from daemon.sandbox.exchange.values import Attendee, Body, Form, Recipient, Value, write, write_day
from daemon.sandbox.exchange.world import World

_BODY_TYPES = {
    "Body": "BodyType",
    "UniqueBody": "UniqueBodyType",
    "NormalizedBody": "NormalizedBodyType",
}


_NOT_MODELLED = ("BlockExternalImages", "AddBlankTargetToLinks")


class View(Enum):
    """The operations by how much of an item they return.

    GetItem returns everything. FindItem refuses to return the heavy properties, SyncFolderItems leaves them out.
    """

    GET = auto()
    FIND = auto()
    SYNC = auto()


@dataclass(frozen=True, slots=True)
class Shape:
    """What a request wants to see of items."""

    base: str
    uris: frozenset[str]
    extended: tuple[Element, ...]
    body_types: dict[str, str]
    view: View
    filters_html: bool = False
    largest_body: int = 0
    zone: tzinfo | None = None

    @classmethod
    def read(cls, element: Element | None, view: View, *, zone: tzinfo | None = None) -> Shape:
        """From an `ItemShape`, for a client that named its time zone or did not.

        Raises:
            EwsError: a property that is unknown, or that this operation does not return, is asked for by name.
        """
        if element is None:
            raise malformed("a request without ItemShape")
        if boolean(child_text(element, "IncludeMimeContent", "false")):
            raise _mime_refusal(view)
        for name in _NOT_MODELLED:
            if boolean(child_text(element, name, "false")):
                raise not_modelled(f"{name} in an ItemShape")
        paths = list(children(child(element, "AdditionalProperties")))
        uris = frozenset(each.get("FieldURI", "") for each in paths if local_name(each) == "FieldURI")
        for uri in uris:
            _refuse_unknown(uri, view)
        default = child_text(element, "BodyType", "Best")
        return cls(
            base=child_text(element, "BaseShape"),
            uris=uris,
            extended=tuple(each for each in paths if local_name(each) == "ExtendedFieldURI"),
            body_types={name: child_text(element, asked, default) for name, asked in _BODY_TYPES.items()},
            view=view,
            filters_html=boolean(child_text(element, "FilterHtmlContent", "false")),
            largest_body=int(child_text(element, "MaximumBodySize", "0")),
            zone=zone,
        )

    def properties(self, kind: ItemKind) -> tuple[Property, ...]:
        """Those of an item class that this shape shows, in schema order."""
        return _shown(kind, self.base, self.uris, whole=self.view is View.GET)


@lru_cache(maxsize=256)
def _shown(kind: ItemKind, base: str, uris: frozenset[str], *, whole: bool) -> tuple[Property, ...]:
    def shows(each: Property) -> bool:
        if each.heavy and not whole:
            return False
        if each.uri in uris or each.name == "ItemId":
            return True
        if base == "AllProperties":
            return Trait.ASKED not in each.traits
        return base == "Default" and Trait.DEFAULT in each.traits

    return tuple(each for each in properties_of(kind) if shows(each))


ID_ONLY = Shape("IdOnly", frozenset(), (), {}, View.FIND)


def item_markup(world: World, item: Item, shape: Shape) -> Element:
    """The item in its own element, properties in schema order."""
    element = t(item.kind.value)
    for each in shape.properties(item.kind):
        element.extend(_property_markup(world, item, each, shape))
    if shape.extended:
        _insert_extended(element, item, shape.extended)
    return element


def _insert_extended(element: Element, item: Item, paths: Iterable[Element]) -> None:
    """Where the schema has them: before the first property that comes after."""
    later = _names_after(item.kind)
    place = next((index for index, each in enumerate(element) if local_name(each) in later), len(element))
    for offset, markup in enumerate(_extended_markup(item, paths)):
        element.insert(place + offset, markup)


@lru_cache
def _names_after(kind: ItemKind) -> frozenset[str]:
    names = [each.name for each in properties_of(kind)]
    return frozenset(names[names.index(EXTENDED_COME_BEFORE) :])


def _property_markup(world: World, item: Item, each: Property, shape: Shape) -> Iterable[Element]:
    value = value_of(world, item, each.name)
    if value is None or value == ():
        return ()
    if each.form is Form.BODY:
        value = _body_as_asked(value, each.name, shape)
    if each.form is Form.DAY:
        return (write_day(each.name, value, shape.zone),)
    if each.form is Form.RECURRENCE:
        return (recurrence.write(each.name, value, offset=_offset(item, value)),)
    return (write(each.form, each.name, _as_seen(world, item, each.form, value)),)


def _offset(item: Item, value: Recurrence) -> timedelta:
    """What a series' zone is ahead of UTC where it starts."""
    return datetime.combine(value.start, time(), tzinfo=series.zone(item.values)).utcoffset() or timedelta()


def _body_as_asked(body: Body, name: str, shape: Shape) -> Body:
    converted = as_type(body, shape.body_types.get(name, "Best"))
    filtered = without_scripts(converted) if shape.filters_html else converted
    return cut(filtered, shape.largest_body) if shape.largest_body else filtered


def _extended_markup(item: Item, paths: Iterable[Element]) -> Iterable[Element]:
    named = ((path, extended.value_of(item, extended.name_of(path))) for path in paths)
    return [extended.write(path, value) for path, value in named if value is not None]


def _as_seen(world: World, item: Item, form: Form, value: Value) -> Value:
    """With the people whom others know by their X500 names shown by these."""
    if form is Form.PERSON:
        return _seen(world, item.mailbox, value)
    if form is Form.PEOPLE:
        return tuple(_seen(world, item.mailbox, each) for each in value)
    if form is Form.ATTENDEES:
        return tuple(_attendee_seen(world, item.mailbox, each) for each in value)
    return value


def _attendee_seen(world: World, viewer: str, attendee: Attendee) -> Attendee:
    return replace(attendee, recipient=_seen(world, viewer, attendee.recipient))


def _seen(world: World, viewer: str, recipient: Recipient) -> Recipient:
    person = world.people.find(recipient.address) if recipient.address else None
    if person is None or person.appears_as != "x500" or person.email == viewer:
        return recipient
    return replace(recipient, address=person.legacy_dn, routing_type="EX")


def _refuse_unknown(uri: str, view: View) -> None:
    if not is_known(uri):
        raise EwsError("ErrorInvalidPropertyRequest", f"There is no property {uri}.")
    if view is View.FIND and uri in _heavy_uris():
        raise EwsError("ErrorInvalidPropertyRequest", "Only GetItem returns this property.", field_uri=uri)


@lru_cache
def _heavy_uris() -> frozenset[str]:
    return frozenset(each.uri for kind in ItemKind for each in properties_of(kind) if each.heavy)


def _mime_refusal(view: View) -> Exception:
    if view is View.GET:
        return not_modelled("MIME content")
    return EwsError("ErrorInvalidPropertyForOperation", "MIME content is not returned by this operation.")
