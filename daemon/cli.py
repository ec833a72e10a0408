"""The command line: `exsyncd`.

Reads arguments and prints; what a command does is its module in `daemon.commands`. Exit codes: 0 done, 1 failed,
2 wrong usage or settings.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Coroutine, Iterable, Sequence
from datetime import timedelta
from functools import wraps
from getpass import getuser
from importlib import import_module
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import click
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from daemon import settings as configuration
from daemon import wiring
from daemon.bus.kafka import KafkaSettings
from daemon.commands import asking, burials, checking, running, sandboxes, schemas, topics, why
from daemon.commands.letters import DeadLetter, Wanted
from daemon.commands.refusals import CannotGoOn
from daemon.settings.errors import SettingsError
from daemon.settings.models import Store

P = ParamSpec("P")
T = TypeVar("T")


def main() -> None:
    """The program."""
    cli(prog_name="exsyncd")


def _screens(command: Callable[P, T]) -> Callable[P, T]:
    """Says why a command cannot go on, instead of a traceback."""

    @wraps(command)
    def said(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except CannotGoOn as reason:
            click.echo(str(reason), err=True)
            sys.exit(reason.status)

    return said


def _await(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


_config = click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A TOML file of settings; the environment (EXSYNCD_...) wins over it.",
)
_SECONDS = click.FloatRange(min=0, min_open=True)
_kafka = click.option("--kafka", metavar="HOST:PORT", help="A Kafka broker.")
_prefix = click.option("--topic-prefix", default="", metavar="P", help="Put before every topic name.")


def _addresses(_context: click.Context, _option: click.Parameter, given: Sequence[str]) -> Sequence[str]:
    try:
        return [checking.address(each) for each in given]
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _store_url(_context: click.Context, _option: click.Parameter, given: str | None) -> str | None:
    try:
        return None if given is None else Store(url=given).url
    except ValidationError as error:
        raise click.BadParameter(error.errors()[0]["msg"].removeprefix("Value error, ")) from None


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage or settings.",
)
@click.version_option(running.version(), prog_name="exsyncd")
def cli() -> None:
    """Keeps a CRM's schedule and tasks and Exchange's calendars and task lists the same, over Kafka.

    \b
    To see what it does:    exsyncd demo
    To run it:              exsyncd settings > exsyncd.toml      (edit it)
                            exsyncd topics --create --config exsyncd.toml
                            exsyncd check --config exsyncd.toml
                            exsyncd run --config exsyncd.toml
    To ask why:             exsyncd why ITEM --config exsyncd.toml
                            exsyncd dead-letters list --config exsyncd.toml
    To tell it something:   exsyncd request pause --user ID --config exsyncd.toml
    """


@cli.command()
@_config
@_screens
def run(config: Path | None) -> None:
    """Run the daemon until SIGTERM. SIGHUP reads the settings anew."""
    _await(running.run(config, os.environ))


@cli.command(name="check", short_help="Try settings, Kafka, store and Exchange.")
@_config
@click.option(
    "--mailbox",
    "mailboxes",
    metavar="ADDRESS",
    multiple=True,
    callback=_addresses,
    help="Try whether it may be read and written by impersonation; may be given several times.",
)
@click.option("--all", "every", is_flag=True, help="Show every setting, not only those that were set.")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@_screens
def check_(config: Path | None, mailboxes: Sequence[str], every: bool, as_json: bool) -> None:
    """Try settings, Kafka, store and Exchange: what is wrong, and what to do. Changes nothing, and may be used while
    the daemon runs. Exit code 1: something failed; notes do not count.
    """
    console = Console()
    if as_json:
        sys.exit(_await(checking.check_for_script(config, os.environ, mailboxes=mailboxes, console=console)))
    sys.exit(_await(checking.check(config, os.environ, mailboxes=mailboxes, console=console, every=every)))


@cli.command(short_help="Play a day at a bank, and tell what happened and why.")
@click.option("--kafka", metavar="HOST:PORT", help="Play it on this broker, on topics of its own.")
@click.option("--hold", is_flag=True, help="Keep everything running afterwards, until Ctrl-C.")
@_screens
def demo(kafka: str | None, hold: bool) -> None:
    """Play a day at a bank, and tell what happened and why: people act in Outlook and in the CRM, the daemon keeps both
    the same. Broker, Exchange and CRM are embedded; nothing is needed, no network and no settings. Takes seconds.
    """
    play = import_module("daemon.demo").play  # not at the top: `run` has no business with the sandboxes
    sys.exit(_await(play(kafka=kafka, hold=hold, console=Console())))


@cli.command(name="settings", short_help="Print every setting, commented, with its default.")
def settings_() -> None:
    """Print every setting, commented, with its default: a file to start from."""
    click.echo(configuration.example(), nl=False)


@cli.command(name="topics", short_help="Print, create or verify topics, and the rights on them.")
@_config
@click.option("--create", is_flag=True, help="Make the topics that are missing.")
@click.option("--verify", is_flag=True, help="Compare the broker's topics with what they must be.")
@_screens
def topics_(config: Path | None, create: bool, verify: bool) -> None:
    """Print the topics and the rights on them that the daemon and its operators need; create or verify the topics.

    Topics that are there are never changed. --create ends with what --verify does.
    """
    kafka = _kafka_settings(config, needed=create or verify)
    if create:
        made = _await(topics.create(kafka))
        click.echo("\n".join(f"made {name}" for name in made) or "all topics exist")
    if create or verify:
        problems = _await(topics.problems(kafka))
        if problems:
            raise CannotGoOn("topics are not as they must be", problems)
        click.echo("all topics are as they must be")
        return
    _print_topics(kafka)


@cli.command(name="schema", short_help="Write the JSON Schemas, or check an event.")
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), help="Write the documents into a folder.")
@click.option("--check", type=click.Path(file_okay=False, path_type=Path), help="Fail if a folder is out of date.")
@click.option("--validate", type=click.File("rb"), help="Check a producer's event (JSON); - for standard input.")
@_screens
def schema_(output: Path | None, check: Path | None, validate: Any) -> None:
    """Write the JSON Schemas and the AsyncAPI document, or check an event against them."""
    if not (output or check or validate):
        raise click.UsageError("say what to do: --output DIR, --check DIR or --validate FILE")
    if output:
        click.echo(f"wrote {len(schemas.write(output))} files to {output}")
    if check:
        schemas.check(check)
        click.echo(f"{check} is up to date")
    if validate:
        name = getattr(validate, "name", "the event")
        for hint in schemas.validate(validate.read(), name=name):
            click.echo(f"note: {hint}")
        click.echo(f"{name} is a good event")


@cli.command(name="why", short_help="Tell what was decided about an item, both ways, and why.")
@click.argument("item")
@_config
@click.option("--store", metavar="URL", callback=_store_url, help="The store, if not the one of the settings.")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@_screens
def why_(item: str, config: Path | None, store: str | None, as_json: bool) -> None:
    """Tell where ITEM stands and what was decided about it, both ways: what came in, what was written and told, and
    which rule and option decided.

    ITEM is the CRM's id of an item or task, a link id, or a meeting's UID; or a mailbox, for hints that could not be
    tied to an item. A daemon may be running.
    """
    known = why.known_of(store or _settings(config, needs=()).store.url, item)
    if as_json:
        click.echo(json.dumps(known.as_data(), indent=2, ensure_ascii=False))
        return
    why.tell(known, Console())


@cli.group(short_help="Ask the daemon for something: to pause, to resume ...")
def request() -> None:
    """Ask the daemon for something, by way of the bus, and wait for its answer."""


def _whoami() -> str:
    try:
        return getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        return "operator"


def _asking(command: Callable[..., None]) -> Callable[..., None]:
    """The options that every request has."""
    options = (
        _config,
        click.option("--user", metavar="ID", help="For this CRM user; for everybody without it."),
        click.option("--link", metavar="ID", help="For one item, by its link id."),
        click.option("--by", default=_whoami, metavar="WHO", help="Who asks; you, if not given."),
        click.option("--dry-run", is_flag=True, help="Only say what would come of it."),
        click.option(
            "--timeout", default=30.0, show_default=True, type=_SECONDS, help="Seconds to wait for an answer."
        ),
        click.option("--json", "as_json", is_flag=True, help="For scripts."),
    )
    for option in reversed(options):
        command = option(command)
    return _screens(command)


def _request(
    verb: str,
    config: Path | None,
    *,
    user: str | None,
    link: str | None,
    by: str,
    dry_run: bool,
    timeout: float,
    as_json: bool,
    **arguments: Any,
) -> None:
    if user and link:
        raise click.UsageError("--user and --link exclude each other")
    asked = asking.request(verb, user=user, link=link, by=by, dry_run=dry_run, **arguments)
    kafka = _kafka_settings(config, needed=True)
    answers = _await(asking.ask(kafka, asked, patience=timedelta(seconds=timeout)))
    if as_json:
        click.echo(json.dumps(answers, indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(line for answer in answers for line in asking.told(asked, answer)))
    if answers[-1]["result"] not in asking.DONE:
        sys.exit(1)


@request.command()
@_asking
def pause(config: Path | None, **options: Any) -> None:
    """Apply nothing until it is resumed: hints and changes wait."""
    _request("pause", config, **options)


@request.command()
@_asking
def resume(config: Path | None, **options: Any) -> None:
    """Go on: what has waited takes effect, merged per item."""
    _request("resume", config, **options)


@request.command()
@_asking
def release(config: Path | None, **options: Any) -> None:
    """Carry out the deletes that are held for confirmation (not built yet)."""
    _request("release", config, **options)


@request.command()
@click.option("--contact", metavar="ID", help="Only where this contact is concerned.")
@_asking
def rematch(config: Path | None, **options: Any) -> None:
    """Decide anew who is in For of future meetings (not built yet)."""
    _request("rematch", config, **options)


@request.command()
@click.option("--mode", required=True, type=click.Choice(["get", "send"]), help="From Exchange, or to it.")
@click.option("--items", default="both", show_default=True, type=click.Choice(["series", "singles", "both"]))
@click.option("--on", type=click.Choice(["modified", "start"]), help="What --from and --to are about.")
@click.option("--from", "from_", metavar="INSTANT", help="Not before, as 2026-12-01T00:00:00Z.")
@click.option("--to", metavar="INSTANT", help="Not after.")
@_asking
def snapshot(config: Path | None, on: str | None, from_: str | None, to: str | None, **options: Any) -> None:
    """Read all from Exchange, or write all to it, or a part (not built yet)."""
    if (from_ or to) and not on:
        raise click.UsageError("say what --from and --to are about: --on modified or --on start")
    span = {"on": on, "from": from_, "to": to} if on else None
    _request("snapshot", config, range=span, **options)


@cli.group(name="dead-letters", short_help="Look after records that could not be used.")
def dead_letters() -> None:
    """Records that could not be used: look at them, put them back on their topics, or put them aside."""


_letters = click.argument("letters", nargs=-1, required=True, metavar="LETTER...")
_yes = click.option("--yes", is_flag=True, help="Do not ask.")


@dead_letters.command(name="list", short_help="List letters: from where, of what kind, what was wrong.")
@_config
@click.option("--topic", metavar="TOPIC", help="Only those that came from this topic.")
@click.option("--kind", metavar="KIND", help="Only those of this kind: decode, permanent, unexpected ...")
@click.option("--every", is_flag=True, help="Also those that were replayed or parked.")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@_screens
def list_letters(config: Path | None, topic: str | None, kind: str | None, every: bool, as_json: bool) -> None:
    """List letters: when, from where, of what kind, and what was wrong; nothing of what is in them."""
    settings = _settings(config, needs=("kafka",))
    wanted = Wanted(every=every, topic=topic, kind=kind)
    found, trouble = _await(burials.find(wiring.kafka_settings(settings), settings.store.url, wanted))
    if trouble:
        click.echo(f"note: which letters were dealt with is not known: {trouble}", err=True)
    if as_json:
        click.echo(json.dumps([letter.as_data() for letter in found], indent=2))
        return
    _print_letters(found)


@dead_letters.command()
@click.argument("letter")
@_config
@click.option("--bytes", "raw", is_flag=True, help="Its bytes, too, as they are, to standard output.")
@_screens
def show(letter: str, config: Path | None, raw: bool) -> None:
    """Show a letter's key and headers; its bytes only with --bytes."""
    [burial] = _await(burials.fetch(_kafka_settings(config, needed=True), [letter]))
    for line in burials.described(burial):
        click.echo(line, err=raw)
    if raw:
        click.echo(burial.record.value or b"", nl=False)


@dead_letters.command(short_help="Put records back on their topics, as they came.")
@_letters
@_config
@_yes
@_screens
def replay(letters: Sequence[str], config: Path | None, yes: bool) -> None:
    """Put records back on their topics, as they came: after what was wrong with them, or here, is mended."""
    settings = _settings(config, needs=("kafka",))
    kafka = wiring.kafka_settings(settings)
    found = _await(burials.fetch(kafka, letters))
    for burial in found:
        click.echo(
            f"{burial.letter.name}  to {burial.letter.topic}  {burial.letter.kind}: {burial.letter.rule}", err=True
        )
    if not yes:
        click.confirm(f"Put {len(found)} back?", abort=True, err=True)
    click.echo(f"put back {_await(burials.replay(kafka, settings.store.url, found))}")


@dead_letters.command()
@_letters
@_config
@_screens
def park(letters: Sequence[str], config: Path | None) -> None:
    """Mark letters as seen: `list` leaves them out. They stay where they are."""
    settings = _settings(config, needs=("kafka",))
    found = _await(burials.fetch(wiring.kafka_settings(settings), letters))
    burials.mark(settings.store.url, [burial.letter.place for burial in found], "parked")
    click.echo(f"parked {len(found)}")


@cli.group(short_help="An Exchange and a CRM to build against.")
def sandbox() -> None:
    """Servers to build against where there is no Exchange or CRM."""


@sandbox.command(name="exchange", short_help="An Exchange that speaks EWS.")
@click.option("--bind", default="127.0.0.1:18080", show_default=True, metavar="HOST:PORT")
@click.option("--people", required=True, type=click.Path(dir_okay=False, path_type=Path), help="Who is there (JSON).")
@_kafka
@_prefix
@_screens
def sandbox_exchange(bind: str, people: Path, kafka: str | None, topic_prefix: str) -> None:
    """A stateful Exchange that speaks EWS to any client; with --kafka it puts a hint on the bus for every change.

    \b
    FILE says who is there:
      {"people":   [{"name": "Anna Adler", "email": "anna@bank.example",
                     "password": "anna"}],
       "services": [{"username": "sync@bank.example", "password": "secret",
                     "impersonates": "*"}]}

    Beside EWS: /sandbox/mails, /sandbox/requests, /sandbox/faults. What one person received, as he reads it, is at
    /sandbox/mails?received_by=ADDRESS, for people without a mailbox ("kind": "external"), too.
    """
    bus = KafkaSettings(bootstrap_servers=kafka, topic_prefix=topic_prefix) if kafka else None
    _await(sandboxes.exchange(people, bind, bus, say=click.echo))


@sandbox.command(name="crm", short_help="A small CRM on the bus.")
@click.option("--bind", default="127.0.0.1:18081", show_default=True, metavar="HOST:PORT")
@click.option("--kafka", metavar="HOST:PORT", required=True, help="The Kafka broker it lives on.")
@_prefix
@_screens
def sandbox_crm(bind: str, kafka: str, topic_prefix: str) -> None:
    """A small CRM on the bus: applies commands, and lets its users edit over HTTP.

    GET /items lists what it holds; POST /items, PUT and DELETE /items/ID act as a user, PUT /directory announces users,
    contacts and options.
    """
    bus = KafkaSettings(bootstrap_servers=kafka, topic_prefix=topic_prefix)
    _await(sandboxes.crm(bind, bus, say=click.echo))


def _settings(config: Path | None, *, needs: tuple[configuration.Need, ...]) -> configuration.Settings:
    try:
        return configuration.load(config, os.environ, needs=needs)
    except SettingsError as error:
        raise CannotGoOn(str(error), status=2) from error


def _kafka_settings(config: Path | None, *, needed: bool) -> KafkaSettings:
    return wiring.kafka_settings(_settings(config, needs=("kafka",) if needed else ()))


def _print_letters(found: Sequence[DeadLetter]) -> None:
    if not found:
        click.echo("no dead letters")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("letter", "died", "came from", "kind", "what was wrong", "bytes"):
        table.add_column(heading, overflow="fold")
    for letter in found:
        fate = f" ({letter.fate})" if letter.fate else ""
        died = f"{letter.at:%Y-%m-%d %H:%M:%S}"
        row = (letter.name, died, letter.origin, f"{letter.kind}{fate}", letter.rule, str(letter.size))
        table.add_row(*map(escape, row))
    Console().print(table)


def _print_topics(kafka: KafkaSettings) -> None:
    console = Console()
    named = Table(title="Topics", title_justify="left", box=None, pad_edge=False, header_style="bold")
    for heading in ("topic", "settings", "what travels there"):
        named.add_column(heading, no_wrap=heading == "topic")
    for row in topics.table(prefix=kafka.topic_prefix, group=kafka.group_id):
        named.add_row(*row)
    console.print(named)
    needed = topics.rights(prefix=kafka.topic_prefix, group=kafka.group_id)
    operators = topics.operators_rights(prefix=kafka.topic_prefix)
    for title, rows in (
        ("Rights the daemon needs", needed),
        ("Rights an operator needs: to ask, and to put dead letters back", operators),
    ):
        console.print(f"\n[italic]{title}")
        console.print(_rights(rows))


def _rights(rows: Iterable[tuple[str, str, str]]) -> Table:
    allowed = Table(box=None, pad_edge=False)
    for heading in ("resource", "name", "operations"):
        allowed.add_column(heading)
    for row in rows:
        allowed.add_row(*row)
    return allowed
