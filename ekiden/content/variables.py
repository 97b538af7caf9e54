"""What a template may use: the variables of one message, and how their values are made harmless.

Belongs here: the list of variables, because it is a promise to authors. Does not belong here: where the
values come from (the sender reads them).
"""

import re
from datetime import date
from typing import Any, NamedTuple

# Control characters, line and paragraph separators, lone surrogates: none is part of a name or an address,
# and a line break in a value would start a line of its own in the text part or a header.
_BREAKING = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
# Marks that turn the reading direction: one in a name would show the rest of the line backwards.
_TURNING = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class MessageVariables(NamedTuple):
    """The variables of one message. Each field is a variable of the same name in every template."""

    customer_name: str
    """How the customer is addressed; may be empty: write `{{ customer_name or "there" }}`."""
    family_name: str
    """May be empty."""
    given_name: str
    """May be empty."""
    shop_name: str
    """The sender's name; the law asks for it in every message."""
    postal_address: str
    """The sender's postal address; the law asks for it in every message."""
    contact_address: str
    """The e-mail address for questions and complaints; the law asks for it in every message."""
    unsubscribe_url: str
    """This customer's own opt-out link; the law asks for it in every message."""
    anchor_date: date
    """The local date of what the scenario counts from: the order, the registration, ..."""
    anchor_products: tuple[str, ...]
    """Names of five products of the anchor order at most, those that the scenario names first; or of an anchor event
    and of the later ones of its kind. Empty where the anchor is neither, or the event of no product."""
    step_no: int
    """The step's number, from 1."""
    offered_products: tuple[str, ...] = ()
    """Names of five products at most that the scenario wants to bring near; empty where it names none."""
    shop_url: str = ""
    """The shop's front page; empty: a template shows no button."""


VARIABLE_NAMES = MessageVariables._fields

# The same for all customers of one step, as a rule: what a template makes of these alone is the same for all
# messages of a request. (Where they differ, the messages are as right, and have less in common.)
SHOP_NAMES = ("shop_name", "postal_address", "contact_address", "shop_url", "step_no")
# The same besides where all messages offer the same, like those of one scenario.
OFFER_NAMES = (*SHOP_NAMES, "offered_products")

# Made from the head of the step's text file, and usable in the HTML part and the layouts.
HEAD_NAMES = ("subject", "preheader")

# Art. 4 of the law on specified e-mail: sender's name, postal address, opt-out link, contact for complaints.
NAMES_REQUIRED_BY_LAW = ("shop_name", "postal_address", "contact_address", "unsubscribe_url")
# The same law holds for SMS; address and contact may stand behind a link if the message says so. It knows neither LINE
# nor notifications of a browser, where the application shows the sender and lets the recipient end them.
NAMES_REQUIRED_BY_LAW_IN = {"sms": ("shop_name", "unsubscribe_url"), "line": (), "web_push": ()}


def harmless(text: str) -> str:
    """Return `text` on one line, without characters that break lines or turn the reading direction."""
    # a thing of nanoseconds, and none of those characters is printable; nor are some others, like U+3000
    if text.isprintable():
        return text.strip()
    return _TURNING.sub("", _BREAKING.sub(" ", text)).strip()


def template_context(variables: MessageVariables) -> dict[str, Any]:
    """Return the variables as a template sees them, every text made harmless."""
    return {name: harmless_value(getattr(variables, name)) for name in VARIABLE_NAMES}


def harmless_value(value: Any) -> Any:
    """Return one variable's value as a template sees it."""
    if isinstance(value, str):
        return harmless(value)
    if isinstance(value, tuple):
        return tuple(harmless_value(item) for item in value)
    return value


def sample_variables() -> MessageVariables:
    """Return made-up variables for previews and for trying out a content; nobody's data."""
    return MessageVariables(
        customer_name="Hanako Yamada",
        family_name="Yamada",
        given_name="Hanako",
        shop_name="Ekiden Shop",
        postal_address="1-1 Sample Street, Sample City",
        contact_address="shop@ekiden.invalid",
        unsubscribe_url="https://ekiden.invalid/unsubscribe/sample",
        anchor_date=date(2024, 2, 29),
        anchor_products=("Green tea, 100 g", "Tea pot"),
        step_no=1,
        offered_products=("Tea cups, set of two",),
        shop_url="https://ekiden.invalid/",
    )
