"""The words of the unsubscribe pages, in Japanese and English, and which of them a reader wants. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Words:
    """The pages in one language."""

    language: str
    ask: str
    ask_of: Mapping[str, str]
    """By the channel that would be stopped."""
    stop_all: str
    stop_site: str
    """With a place for the site."""
    done: str
    done_told: str
    done_site: str
    """Told instead where it was one site alone, with a place for it."""
    unknown: str
    unknown_told: str
    unavailable: str
    unavailable_told: str


JAPANESE = Words(
    language="ja",
    ask="配信停止",
    ask_of=MappingProxyType(
        {
            "mail": "メールの配信を停止します。よろしければ下のボタンを押してください。",
            "": "このご案内の配信を停止します。よろしければ下のボタンを押してください。",
        }
    ),
    stop_all="配信を停止する",
    stop_site="{site} からの配信だけを停止する",
    done="配信停止を承りました",
    done_told="今後、この種のご案内はお送りしません。すでに発送手続きに入ったものは、行き違いで届くことがあります。",
    done_site=(
        "今後、{site} からのこの種のご案内はお送りしません。"
        "すでに発送手続きに入ったものは、行き違いで届くことがあります。"
    ),
    unknown="このリンクはご利用になれません",
    unknown_told=(
        "リンクが途中で切れていないかご確認ください。お届けしたメールに記載の連絡先でも、配信停止を承ります。"
    ),
    unavailable="ただいま手続きができません",
    unavailable_told="まだ配信は停止されていません。お手数ですが、しばらくしてからもう一度お試しください。",
)

ENGLISH = Words(
    language="en",
    ask="Unsubscribe",
    ask_of=MappingProxyType(
        {
            "mail": "Press the button to get no more mail from us.",
            "": "Press the button to get no more messages of this kind from us.",
        }
    ),
    stop_all="Unsubscribe",
    stop_site="Unsubscribe from {site} only",
    done="You are unsubscribed",
    done_told="We will send you no more messages of this kind. One that is already on its way may still arrive.",
    done_site=(
        "You will get no more messages of this kind from {site}. One that is already on its way may still arrive."
    ),
    unknown="This link does not work",
    unknown_told=(
        "Please see whether it was cut short. You can also unsubscribe by writing to the address in our message."
    ),
    unavailable="This does not work right now",
    unavailable_told="You are not unsubscribed yet. Please try again in a little while.",
)


def words_for(accept_language: str) -> Words:
    """Return the words for an Accept-Language header (RFC 9110, section 12.5.4): English where it is preferred."""
    wishes = {"ja": 0.0, "en": 0.0}
    for part in accept_language.split(","):
        tag, _, parameters = part.partition(";")
        language = tag.strip().lower().partition("-")[0]
        if language in wishes:
            wishes[language] = max(wishes[language], _quality(parameters))
    return ENGLISH if wishes["en"] > wishes["ja"] else JAPANESE


def _quality(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
