"""The demo: what it tells is what happened, on either broker; what did not happen ends it."""

from __future__ import annotations

import asyncio
import io
import os
import re
import signal
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from rich.console import Console

from daemon.commands import why
from daemon.demo import afternoon, cast, evidence, morning, play, playing
from daemon.demo.day import Day, Scene
from daemon.demo.evidence import NotSo
from daemon.demo.telling import Told
from schemas import options
from tests.support.kafka import Cluster

pytestmark = pytest.mark.xdist_group("demo")  # the story is played once for all tests that read it


@dataclass(frozen=True)
class Played:
    """What the demo left behind. `text`: as it was written, wrapped; `told`: the same as one line."""

    status: int
    text: str

    @property
    def told(self) -> str:
        return " ".join(self.text.replace("│", " ").replace("| ", " ").split())

    def scene(self, title: str) -> str:
        """A scene's text in one line."""
        found = re.search(rf" {title} (.*?)(?= \d+ hints?(?: ·| -))", self.told)
        assert found, f"there is no scene {title!r} in\n{self.text}"
        return found[1]

    def closing(self, title: str) -> list[str]:
        """The rows of one of the tables that the day closes with; what a row goes on with is further in."""
        table = self.text.partition(f"{title} ")[2].partition("\n\n")[2].partition("\n\n")[0]
        return [" ".join(row.split()) for row in re.split(r"\n(?= {4}\S)", table)]


@pytest.fixture(autouse=True, scope="module")
def _folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What the demo leaves for a person to look at goes where tests may leave things."""
    before, tempfile.tempdir = tempfile.tempdir, str(tmp_path_factory.mktemp("demo"))
    yield
    tempfile.tempdir = before


def run(*, kafka: str | None = None, encoding: str = "utf-8", width: int = 80) -> Played:
    out = io.BytesIO()
    console = Console(file=io.TextIOWrapper(out, encoding=encoding, write_through=True), width=width)
    status = asyncio.run(play(kafka=kafka, hold=False, console=console))
    return Played(status, out.getvalue().decode(encoding))


@pytest.fixture(scope="module")
def played(_folders: None) -> Played:
    """The day on the embedded broker, written into a file."""
    return run()


def test_the_day_happens_as_it_is_told(played: Played) -> None:
    """Exit status 0, every scene told, and the numbers add up."""
    assert played.status == 0, played.text
    assert (
        "All 29 scenes happened as they are told. Mails sent by the daemon: 3, each asked for in the CRM."
        in played.told
    )
    numbers = dict(re.findall(r"^ {4}(\S.*?) +(\d+)(?:  |\s*$)", played.text.partition("The day in numbers")[2], re.M))
    assert numbers["commands for the CRM"] == "17"
    assert numbers["outcomes"] == "39"
    assert numbers["dead letters"] == "1"
    assert numbers["writes to Exchange"] == "22"
    assert numbers["mails of the daemon"] == "3"


@pytest.mark.rule("INV-4")
def test_every_mail_of_the_day_is_named_with_its_reason(played: Played) -> None:
    """By whom, in whose name, to whom, and what the CRM's event had asked for."""
    mails = played.closing("Mails of the daemon, and why each was sent")
    assert mails == [
        "scene 20 2 Emil Eder on behalf of Anna Adler, to Bob Braun and Dora Diaz: the CRM's event asks for it, "
        "notify all (INV-3)",
        "scene 22 1 Emil Eder on behalf of Anna Adler, to Cleo Curie: the CRM's event asks for it, notify added "
        "(INV-3)",
    ]


@pytest.mark.rule("INV-4")
def test_a_mail_that_no_outcome_names_fails_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever people have mailed each other counts as the daemon's."""
    monkeypatch.setattr(playing, "PARTS", (("Morning", morning.SCENES[:1]),))
    monkeypatch.setattr(Day, "mails_of_daemon", Day.mails)
    played = run()
    assert played.status == 1
    assert "expected mails of the daemon: nothing" in played.told
    assert "Anna Adler for Anna Adler to Bob Braun" in played.told.partition("expected")[2]


@pytest.mark.rule("OPT-5")
def test_all_eight_options_were_at_work(played: Played) -> None:
    """Each with what it did, as an outcome says it."""
    did = dict(line.split(" ", 1) for line in played.closing("What each option did: how often, and an example"))
    assert sorted(did) == sorted(options.OPTIONS)
    assert all(re.match(r"[1-9]\d* scene \d+, (on|off) for [A-Z]", text) for text in did.values()), did
    assert did[options.TASK_ALARMS] == "1 scene 14, on for Anna Adler: carried the alarm"
    assert did[options.MEETING_INVITATIONS].endswith("scene 19, on for Anna Adler: lets Emil Eder act")


def test_an_option_that_did_nothing_all_day_fails_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    """A day of one meeting, made in the CRM: its note is at work, and nothing else."""
    monkeypatch.setattr(playing, "PARTS", (("Afternoon", afternoon.SCENES[2:3]),))
    played = run()
    assert played.status == 1
    assert "expected every option made a difference" in played.told
    idle = played.told.partition("seen none made by ")[2]
    assert "task_alarms" in idle
    assert "related_notes" not in idle


@pytest.mark.rule("FOR-2", "FOR-6")
def test_two_contacts_of_one_address_are_both_in_for(played: Played) -> None:
    """Both are named with the rule, although Bob may see only one of them."""
    scene = played.scene("One address, two contacts")
    assert "Karl Klein For visible to the creator Anna Adler FOR-1" in scene
    assert "Klara Klein For visible to the creator Anna Adler FOR-1" in scene


@pytest.mark.rule("PART-7")
def test_an_answer_is_followed(played: Played) -> None:
    assert "si-1 says that he accepted" in played.scene("An answer comes back")


@pytest.mark.rule("FOR-5", "OPT-3")
def test_the_security_check_counts_from_the_next_meeting_on_without_a_restart(played: Played) -> None:
    """The same guests before and after: three contacts in For, then one; the first meeting stays as it was."""
    assert "It was not restarted, and no item was touched." in played.scene("The security check is switched on")
    scene = played.scene("The same guests again")
    assert "Karl Klein dropped not visible to Bob Braun FOR-5" in scene
    assert "Otto Ohm external not visible to Bob Braun FOR-5" in scene
    assert "si-1, is untouched: for Karl Klein, Klara Klein and Otto Ohm." in scene


@pytest.mark.rule("OPT-4")
def test_an_external_contact_is_shown_to_whom_it_may_be_shown(played: Played) -> None:
    assert "He is shown to Cleo Curie, not to Bob Braun." in played.scene("A stranger, and who is shown him")


@pytest.mark.rule("PRIV-2", "PRIV-5")
def test_a_private_meeting_stays_out_without_a_word_until_its_option_is_on(played: Played) -> None:
    """Its words are nowhere, the terminal included; the next change after the option lets it in."""
    assert "the meeting kept out private, with several participants" in played.scene("A private meeting")
    assert "restricted to Anna Adler and Dora Diaz" in played.scene("The private meeting is let in")
    assert not re.search("chrysalis|wintergarden|obsidian", played.text, re.IGNORECASE)


@pytest.mark.rule("ID-3")
def test_an_attendees_hint_is_decided_on_the_organizers_copy(played: Played) -> None:
    scene = played.scene("A hint overtakes the organizer's")
    assert "the first ones come from cleo@bank.example" in scene
    assert "si-5 is owned by Anna Adler and for Otto Ohm" in scene
    assert "0 commands, 0 outcomes" in scene


@pytest.mark.rule("ALM-1", "ALM-2", "ALM-5")
def test_an_alarm_goes_each_way_and_is_nobody_elses(played: Played) -> None:
    assert "si-2 has his alarm, 30 minutes, and nobody else's." in played.scene("An alarm out of Outlook")
    scene = played.scene("An alarm out of the CRM")
    assert "His Outlook reminds him 5 minutes before; Anna Adler's 15, as it did." in scene
    assert "Bob Braun updated in Exchange: alarm meeting_alarms on Bob Braun, set personally" in scene


@pytest.mark.rule("INV-4", "INV-6", "NOTE-1")
def test_what_the_crm_makes_is_in_both_calendars_with_its_note(played: Played) -> None:
    scene = played.scene("A meeting made in the CRM")
    assert "with Dora Diaz, who has a copy of her own. Mails sent: 0." in scene
    assert 'Both bodies end with a note: "- opportunity: Pension plan", "State: offer sent".' in scene
    assert re.search(r"Cleo Curie created in Exchange: \d+ fields Dora Diaz created in Exchange: \d+ fields", scene)


@pytest.mark.rule("NOTE-2", "NOTE-3")
def test_a_related_note_survives_an_edit_in_outlook(played: Played) -> None:
    """Her line is in the CRM's notes, what she scribbled into the note is nowhere, and there is one note."""
    scene = played.scene("The note survives an edit in Outlook")
    assert 'what people wrote: "Bring the file", "And the figures".' in scene
    assert '"State: offer accepted". Around it not a byte has changed.' in scene
    assert "Cleo Curie updated in Exchange: related Dora Diaz updated in Exchange: related" in scene


@pytest.mark.rule("CON-1", "CON-2")
def test_a_conflict_is_resolved_and_explained(played: Played) -> None:
    """The subject that both changed is the CRM's, the place that one changed is hers."""
    scene = played.scene("Both sides change it at once")
    assert '"Portfolio, with figures" stands, in the CRM and in both calendars.' in scene
    assert "it is Room 9 in the CRM and in both calendars." in scene
    assert "subject conflict both sides changed it: the CRM's stands CON-2" in scene


@pytest.mark.rule("ID-7", "MAP-1")
def test_a_task_completed_in_one_list_is_seen_in_the_other(played: Played) -> None:
    scene = played.scene("Ticked off by one of them")
    assert "task-1 is completed in the CRM." in scene
    assert "In Anna Adler's list it was NotStarted, and is Completed now." in scene
    assert "Anna Adler updated in Exchange: status" in scene


@pytest.mark.rule("ALM-6", "OPT-4")
def test_a_tasks_alarm_is_in_the_list_of_who_has_the_option_on(played: Played) -> None:
    scene = played.scene("A task for two, and an alarm")
    assert "Hers reminds her when the CRM says, on the day at 08:00 UTC; his does not remind him." in scene
    assert "task_alarms on Anna Adler, set personally: carried the alarm task_alarms off Bob Braun" in scene


@pytest.mark.rule("REC-1", "REC-3")
def test_each_side_changes_one_of_a_series_and_neither_change_is_lost(played: Played) -> None:
    """Not by the other side's, nor by the new room for all."""
    scene = played.scene("A weekly meeting, one of them moved")
    assert "si-7 is the whole series" in scene
    assert "it has what is different: of the third, end, location and start." in scene
    scene = played.scene("A new room for one, then for all")
    assert "week by week: Room 1, Room 1, Anna's office, Room 1, Room 5, Room 1." in scene
    assert "The third is where Anna Adler put it. Mails sent: 0." in scene
    assert "Anna Adler updated in Exchange: location Dora Diaz updated in Exchange: location" in scene


@pytest.mark.rule("INV-1", "OPT-3")
def test_a_grant_is_in_force_as_soon_as_its_option_is_on(played: Played) -> None:
    """Read by her in Exchange: nobody before, and then him with the calendar alone."""
    scene = played.scene("A right that is not in force")
    assert "The daemon answers refused, option_off. In Exchange nobody may act for her." in scene
    assert "meeting_invitations off Anna Adler, by default: does not let Emil Eder act" in scene
    scene = played.scene("The right is in force")
    assert "Emil Eder is her delegate in Exchange: Editor in the calendar, None elsewhere" in scene
    assert "private items are hidden from him" in scene


@pytest.mark.rule("INV-2", "INV-3", "INV-6")
def test_what_a_delegate_makes_is_mailed_in_his_principals_name(played: Played) -> None:
    """To each guest once; nothing is written into the guests' calendars."""
    scene = played.scene("Invited on behalf of another")
    assert "It is Anna Adler's, in her calendar." in scene
    assert "Bob Braun and Dora Diaz each have one mail: an invitation, Emil Eder on behalf of Anna Adler." in scene
    assert "Bob Braun mailed notify all INV-3 Dora Diaz mailed notify all INV-3" in scene
    assert re.findall(r"(\w+ \w+) (?:created|updated) in Exchange", scene) == ["Anna Adler"]


@pytest.mark.rule("INV-4", "INV-5")
def test_what_guests_do_not_see_and_what_nobody_asks_for_mails_nobody(played: Played) -> None:
    scene = played.scene("Changes of which nobody is told")
    assert "The second is in 3 calendars, where it is at 19:00 UTC now. Mails sent: 0." in scene
    assert "the meeting silent nothing that guests see INV-5" in scene


@pytest.mark.rule("INV-3")
def test_who_is_new_is_mailed_alone(played: Played) -> None:
    scene = played.scene("One more guest")
    assert "Cleo Curie has one mail: an invitation, Emil Eder on behalf of Anna Adler." in scene
    assert "Further mails to the others: 0." in scene


@pytest.mark.rule("INV-1", "INV-2")
def test_without_the_right_he_is_refused_and_it_is_put_back(played: Played) -> None:
    scene = played.scene("The right is taken back")
    assert "In Exchange nobody may act for her." in scene
    assert "the meeting is at 19:00 UTC as before. Mails sent: 0." in scene
    assert "Emil Eder refused no grant of Anna Adler is in force INV-2" in scene


@pytest.mark.rule("ID-6")
def test_what_is_refused_is_put_back_and_the_rest_is_applied(played: Played) -> None:
    scene = played.scene("Not the CRM's to change")
    assert "the CRM is told to put it back, and Exchange is left alone." in scene
    assert "location refused read_only: put back ID-6" in scene
    assert "The status is the CRM's own: it is completed." in scene


@pytest.mark.rule("ID-4", "ID-6")
def test_an_outsiders_meeting_waits_for_somebody_to_accept(played: Played) -> None:
    assert "The CRM does not have it yet" in played.scene("An invitation from outside")
    assert "read-only, organized by Petra Perl" in played.scene("The invitation is accepted")


def test_a_poisoned_record_is_a_dead_letter_that_says_what_is_wrong(played: Played) -> None:
    scene = played.scene("A record that nobody can read")
    assert "byte for byte" in scene
    assert "decode, folder: must be 'calendar'" in scene


@pytest.mark.rule("DEL-6", "CON-3")
def test_a_cancelled_meeting_is_deleted_and_everything_once_more_does_nothing(played: Played) -> None:
    assert "si-1 is deleted in the CRM: cancelled" in played.scene("Called off")
    scene = played.scene("Everything once more")
    assert "0 commands, 0 outcomes, 0 dead letters" in scene
    assert "Further writes to Exchange: 0, further mails: 0." in scene


def test_the_story_fits_a_terminal_of_80_columns_and_a_file(played: Played) -> None:
    """No escape codes, no longer lines, no blanks behind them; paths and commands alone stay whole."""
    assert "\x1b" not in played.text
    assert [line for line in played.text.splitlines() if line != line.rstrip()] == []
    too_long = [line for line in played.text.splitlines() if len(line.rstrip()) > 80]
    assert all(tempfile.gettempdir() in line for line in too_long), too_long


def test_what_to_look_at_next_is_there(played: Played) -> None:
    """The store of the day and the log can still be read."""
    asked = re.findall(r"exsyncd why (\S+) --store (\S+)", played.text)
    assert [item for item, _ in asked] == ["si-2", "si-6", "task-1", "si-7", "u-anna:u-emil", "si-8"]
    assert all(why.known_of(url, item).entries for item, url in asked)
    log = re.search(r"Its log: (\S+)", played.text)
    assert log, played.text
    assert "daemon.started" in Path(log[1]).read_text()


def test_the_same_day_on_a_real_kafka(kafka: Cluster) -> None:
    """On topics of its own; told in plain ASCII where the terminal knows no more."""
    played = run(kafka=kafka.bootstrap, encoding="ascii")
    assert played.status == 0, played.text
    assert "All 29 scenes happened as they are told." in played.told
    prefix = re.search(r"The topics (exsyncd-demo-\w+\.)\*", played.text)
    assert prefix, played.text


def test_what_did_not_happen_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the two contacts is not in the CRM: the demo says what it expected, what it saw, and fails."""
    clients = {name: client for name, client in cast.CLIENTS.items() if name != "c-karl"}
    monkeypatch.setattr(cast, "CLIENTS", clients)
    played = run()
    assert played.status == 1
    assert "This did not happen." in played.text
    assert "expected contacts in For: Karl Klein, Klara Klein, Otto Ohm" in played.told
    assert "seen Klara Klein, Otto Ohm" in played.told
    assert "An answer comes back" not in played.text, "nothing is told after that"


def test_what_the_crm_refuses_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """No traceback."""

    async def edits_what_is_not_there(day: Day) -> Told:
        await day.crm("cleo").changes("si-99", location="Room 4")
        raise AssertionError("the CRM has taken it")

    monkeypatch.setattr(playing, "PARTS", (("Morning", (Scene("An edit", edits_what_is_not_there),)),))
    played = run()
    assert played.status == 1
    assert "expected Exchange, the CRM and the daemon answer seen 404" in played.told


def test_without_the_embedded_broker_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    played = run()
    assert played.status == 1
    assert "pip install 'exsyncd[demo]'" in played.told
    assert "--kafka HOST:PORT" in played.told


def test_a_broker_that_is_not_there_is_named() -> None:
    played = run(kafka="127.0.0.1:1")
    assert played.status == 1
    assert "127.0.0.1:1" in played.told


class _Screen(io.StringIO):
    """A terminal that notices when something is written."""

    def __init__(self, awaited: str) -> None:
        super().__init__()
        self._awaited = awaited
        self.shown = asyncio.Event()

    def flush(self) -> None:
        if self._awaited in self.getvalue():
            self.shown.set()


async def test_held_everything_can_be_looked_at_until_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a day of one scene, which has no figures: seven options would have done nothing."""

    async def no_figures(*_day: object, **_of: object) -> None:
        return None

    monkeypatch.setattr(playing, "PARTS", (("Morning", morning.SCENES[:1]),))
    monkeypatch.setattr(playing, "sum_up", no_figures)
    screen = _Screen("daemon  ")
    playing_ = asyncio.create_task(play(kafka=None, hold=True, console=Console(file=screen, width=80)))
    async with asyncio.timeout(60), aiohttp.ClientSession() as browser:
        await asyncio.wait({playing_, asyncio.create_task(screen.shown.wait())}, return_when=asyncio.FIRST_COMPLETED)
        urls = re.findall(r"http://\S+", screen.getvalue().rpartition("Everything keeps running")[2])
        looked_at = {url.rpartition("/")[2]: (await browser.get(url)).status for url in urls if "Exchange" not in url}
        assert looked_at == {"mails": 200, "items": 200, "readyz": 200, "metrics": 200}
        os.kill(os.getpid(), signal.SIGINT)
        assert await playing_ == 0


@pytest.mark.asyncio
async def test_waiting_ends_with_what_was_there_instead() -> None:
    async def never() -> str | None:
        return None

    with pytest.raises(NotSo) as failed:
        await evidence.waited_for(never, expected="rain", instead=lambda: "sun", within=timedelta(milliseconds=50))
    assert (failed.value.expected, failed.value.seen) == ("rain (within 0 s)", "sun")
