"""Bodies of invitations to online meetings, in the shapes in which Outlook and others leave them.

`JOIN_PARTS` by name: what must stay byte for byte, as (HTML?, bytes). `around` puts a person's words about one.
"""

from __future__ import annotations

LONG, SHORT = "_" * 80, "_" * 32
DOTS = "." * 137
TEAMS_LINK = (
    "https://teams.microsoft.com/l/meetup-join/19%3ameeting_Zm9v%40thread.v2/0?context=%7b%22Tid%22%3a%22t%22%7d"
)
TEAMS_SHORT_LINK = "https://teams.microsoft.com/meet/2740409581301?p=oXlaw0"
OPTIONS_LINK = "https://teams.microsoft.com/meetingOptions/?organizerId=o&tenantId=t"

TEAMS_TEXT = f"""{LONG}
Microsoft Teams Need help?<https://aka.ms/JoinTeamsMeeting?omkt=en-US>
Join the meeting now<{TEAMS_LINK}>
Meeting ID: 366 460 597 068
Passcode: chEe56
{SHORT}
Dial in by phone
+1 323-555-0100,,766918553#<tel:+13235550100,,766918553#> United States, Los Angeles
For organizers: Meeting options<{OPTIONS_LINK}>
{LONG}"""

TEAMS_TEXT_UNENDED = f"""{LONG}
Microsoft Teams meeting
Join: {TEAMS_SHORT_LINK}
Meeting ID: 263 740 534 576 29
Passcode: Ax3Zj3Mx
{SHORT}
Need help?<https://aka.ms/JoinTeamsMeeting> | System reference<{TEAMS_LINK}>
Phone conference ID: 766 918 553#"""

SKYPE_TEXT = f"""{DOTS}

Join Skype Meeting <https://meet.bank.example/anna/M2NRN65H>

Trouble Joining? Try Skype Web App <https://meet.bank.example/anna/M2NRN65H?sl=1>

Help <https://go.microsoft.com/fwlink/?LinkId=389737>

{DOTS}"""

ZOOM_TEXT = """Xaver Xu is inviting you to a scheduled Zoom meeting.

Topic: Review
Time: Dec 1, 2026 10:00 AM Amsterdam, Berlin

Join Zoom Meeting
https://us05web.zoom.us/j/82424642846?pwd=bmVucnU3

Meeting ID: 824 2464 2846
Passcode: 12345"""

ZOOM_RULED_TEXT = """──────────

Xaver Xu is inviting you to a scheduled Zoom meeting.

Join Zoom Meeting
https://zoom.us/j/82424642846

──────────"""

WEBEX_TEXT = """-- Do not delete or change any of the following text. --

When it's time, join your Webex meeting here.

Meeting number (access code): 182 000 0000
Meeting password: abc123

Join meeting <https://bank.webex.com/bank/j.php?MTID=m123>

Join by phone
+1-408-555-0100 US Toll

Need help? Go to https://help.webex.com"""

GOOGLE_TEXT = """-::~:~::~:~:~:~:~:~:~:~:~:~:~:~:~:~:~:~:~:~::~:~::-
Join with Google Meet: https://meet.google.com/abc-defg-hij

Please do not edit this section.
-::~:~::~:~:~:~:~:~:~:~:~:~:~:~:~:~:~:~:~:~::~:~::-"""

TEAMS_HTML = f"""<div style="width:100%; height:20px"><span style="white-space:nowrap">{LONG}</span> </div>
<div class="me-email-text" lang="en-US" style="color:#252424; font-family:'Segoe UI','Helvetica Neue',sans-serif">
<div style="margin-top:24px; margin-bottom:20px"><span style="font-size:24px">Microsoft Teams meeting</span> </div>
<div><a class="me-email-headline" href="{TEAMS_LINK.replace("&", "&amp;")}" target="_blank" rel="noreferrer">Click
 here to join the meeting</a> </div>
<div><a class="me-email-link" href="https://aka.ms/JoinTeamsMeeting" target="_blank">Learn More</a> |
<a class="me-email-link" href="{OPTIONS_LINK.replace("&", "&amp;")}">Meeting options</a> </div>
</div>
<div style="width:100%; height:20px"><span style="white-space:nowrap; color:#5F5F5F">{LONG}</span> </div>"""

TEAMS_HTML_IN_ONE = f"""<div class="me-email-text" style="max-width:600px; color:#242424">
<div style="margin-bottom:24px; overflow:hidden; white-space:nowrap">{LONG}</div>
<div><span class="me-email-text" style="font-size:24px; font-weight:700">Microsoft Teams</span>
<a href="https://aka.ms/JoinTeamsMeeting?omkt=de-DE">Benötigen Sie Hilfe?</a></div>
<div><a id="meet_invite_block.action.join_link" href="{TEAMS_LINK}">Jetzt an der Besprechung teilnehmen</a></div>
<div><span>Besprechungs-ID: </span><span>366 460 597 068</span></div>
<div style="margin-bottom:24px; max-width:532px"><hr style="border:0; border-top:1px solid #bbb"></div>
<div>Für Organisatoren: <a href="{OPTIONS_LINK}">Besprechungsoptionen</a></div>
<div style="margin-top:24px; overflow:hidden; white-space:nowrap">{LONG}</div>
</div>"""

TEAMS_HTML_FROM_WORD = f"""<p class=MsoNormal><span style='color:#5F5F5F'>{LONG}</span><o:p></o:p></p>
<p class=MsoNormal><span style='font-size:18.0pt;color:#252424'>Microsoft Teams meeting</span><o:p></o:p></p>
<p class=MsoNormal><a href="https://nam02.safelinks.protection.outlook.com/?url=https%3A%2F%2Fteams.microsoft.com%2Fl\
%2Fmeetup-join%2F19%253ameeting&amp;data=05"><b>Click here to join the meeting</b></a><o:p></o:p></p>
<p class=MsoNormal><o:p>&nbsp;</o:p></p>
<p class=MsoNormal><a href="{OPTIONS_LINK}">Meeting options</a><o:p></o:p></p>
<p class=MsoNormal><span style='color:#5F5F5F'>{LONG}</span><o:p></o:p></p>"""

SKYPE_HTML = f"""<p class=MsoNormal><span lang=EN-US style='color:gray'>{DOTS}</span></p>
<p class=MsoNormal><span lang=EN-US><a href="https://meet.lync.com/bank/anna/M2NRN65H"><span style='font-size:16.0pt'>
Join Skype Meeting</span></a> </span></p>
<p class=MsoNormal><span lang=EN-US style='color:gray'>{DOTS}</span></p>"""

JOIN_PARTS: dict[str, tuple[bool, str]] = {
    "Teams, text": (False, TEAMS_TEXT),
    "Teams, text, without its last line": (False, TEAMS_TEXT_UNENDED),
    "Skype, text": (False, SKYPE_TEXT),
    "Zoom, text": (False, ZOOM_TEXT),
    "Zoom between lines, text": (False, ZOOM_RULED_TEXT),
    "Webex, text": (False, WEBEX_TEXT),
    "Google Meet, text": (False, GOOGLE_TEXT),
    "Teams, CRLF": (False, TEAMS_TEXT.replace("\n", "\r\n")),
    "Teams": (True, TEAMS_HTML),
    "Teams in one element, in German": (True, TEAMS_HTML_IN_ONE),
    "Teams after Word, with its link wrapped": (True, TEAMS_HTML_FROM_WORD),
    "Skype": (True, SKYPE_HTML),
    "Zoom": (True, "<div>" + ZOOM_TEXT.replace("\n", "<br>\n") + "</div>"),
}

HEAD = '<html>\r\n<head>\r\n<meta http-equiv="Content-Type" content="text/html; charset=utf-8">\r\n</head>\r\n<body>'
TAIL = "\r\n</body>\r\n</html>\r\n"


def around(part: str, *, html: bool, before: str = "", after: str = "") -> str:
    """A body with this part in it, and somebody's words (markup, if `html`) before and after."""
    if html:
        return f"{HEAD}{before}{part}{after}{TAIL}"
    end = "\r\n" if "\r\n" in part else "\n"
    return (end * 2).join(words for words in (before, part, after) if words)
