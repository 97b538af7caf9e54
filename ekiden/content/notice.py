"""The notice to the shop's administrator: its own files, its own variables, nothing of a customer in it (R-154).

Belongs here: what the notice's text may use, and rendering it. Does not belong here: when one is sent, and to whom
(`ekiden.delivery.admin_notice`).
"""

from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from ekiden.content.faults import ContentFault
from ekiden.content.message import RenderedMessage
from ekiden.content.sources import read_notice
from ekiden.content.templates import environment, rendering_line, used_names
from ekiden.content.variables import harmless


@dataclass(frozen=True)
class StepSummary:
    """What became of one scenario step's rows in the send runs that a notice is about."""

    scenario_code: str
    scenario_name: str
    step_no: int
    sent: int
    skipped: int
    failed: int
    """They wait for an operator."""
    retried: int
    """Certainly not sent, and tried again by themselves."""
    held: int
    cancelled: int
    unknown: int
    """They may have been sent."""


@dataclass(frozen=True)
class NoticeVariables:
    """The variables of one notice. Each field is a variable of the same name in its files."""

    shop_name: str
    started_at: datetime
    """When the first of its runs began, in the shop's local time, like `finished_at`."""
    finished_at: datetime
    """When it was written; every one of its runs was over."""
    time_zone: str
    """The zone of both, like Asia/Tokyo."""
    ended_early: bool
    """A run ended before everything due was sent."""
    run_urls: tuple[str, ...]
    """Dagster's pages of the latest runs; empty: not known."""
    steps: tuple[StepSummary, ...]
    sent: int
    """Of all steps."""
    unknown: int
    """Of all steps."""


NOTICE_NAMES = frozenset(field.name for field in fields(NoticeVariables))


def render_notice(folder: Path, language: str, variables: NoticeVariables) -> RenderedMessage:
    """Return the notice in a language ("ja"), text alone; raise `ContentFault` naming file and line."""
    subject, text = read_notice(folder, language)
    shown = {
        **asdict(replace(variables, shop_name=harmless(variables.shop_name))),
        "steps": [replace(step, scenario_name=harmless(step.scenario_name)) for step in variables.steps],
    }
    rendered = []
    for source in (subject, text):
        used_names(source, known=NOTICE_NAMES)
        try:
            template = environment(autoescape=False, sources={"notice": source}).get_template("notice")
            rendered.append(template.render(shown))
        except Exception as error:
            line = rendering_line(error, source.path)
            place = None if line is None else line + source.first_line - 1
            raise ContentFault(source.path, place, f"rendering failed ({type(error).__name__})") from None
    one_line, body = harmless(rendered[0]), rendered[1].strip() + "\n"
    return RenderedMessage(one_line, body, None, sha256(f"{one_line}\n\n{body}".encode()).hexdigest())
