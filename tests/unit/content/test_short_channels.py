"""Contents of channels that carry text alone: a layout of their own, without the mail's footer."""

import shutil
from pathlib import Path
from uuid import UUID

import pytest

from ekiden.content.faults import ContentFault
from ekiden.content.render import load_content, render, sample_variables
from ekiden.content.sources import SHORT_CHANNELS
from ekiden.content.variants import load_variants
from ekiden.settings import PROJECT_ROOT

CONTENT = PROJECT_ROOT / "content"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(CONTENT / "layout", tmp_path / "layout")
    (tmp_path / "offer").mkdir()
    (tmp_path / "offer" / "step_1.txt").write_text(
        "Subject: A coupon\nLanguage: en\n\nUse WELCOME10, {{ given_name }}.", encoding="utf-8"
    )
    (tmp_path / "offer" / "step_1.mjml").write_text("<mj-section></mj-section>", encoding="utf-8")
    return tmp_path


def text_for(folder: Path, channel: str) -> str:
    message = render(load_content(folder, "offer/step_1", channel), sample_variables())
    assert message.html is None
    return message.text


def test_an_sms_says_who_sends_it_and_where_to_opt_out(folder: Path) -> None:
    text = text_for(folder, "sms")
    assert text.startswith("Use WELCOME10, Hanako.\nEkiden Shop\n")
    assert "https://ekiden.invalid/unsubscribe/sample" in text
    assert "Sample Street" not in text


def test_line_has_a_link_to_opt_out_and_a_notification_nothing_but_the_text(folder: Path) -> None:
    assert text_for(folder, "line").endswith("Unsubscribe: https://ekiden.invalid/unsubscribe/sample\n")
    assert text_for(folder, "web_push") == "Use WELCOME10, Hanako.\n"


def test_the_same_content_by_mail_keeps_its_footer_and_its_html(folder: Path) -> None:
    message = render(load_content(folder, "offer/step_1"), sample_variables())
    assert "1-1 Sample Street" in message.text
    assert message.html is not None


TOO_LONG = {
    "line": (5_000, "the text has 5,001 UTF-16 units; LINE takes 5,000; shorten it"),
    "sms": (1_600, "the text has 1,601 UTF-16 units; Twilio takes 1,600; shorten it"),
    "web_push": (3_993, "the notification has 3,994 bytes; it may have 3,993; shorten it"),
}


@pytest.mark.parametrize("channel", TOO_LONG)
def test_a_text_that_is_too_long_for_its_channel_is_a_fault_before_the_first_message(
    folder: Path, channel: str
) -> None:
    def fault(letters: int) -> ContentFault | None:
        head = "Subject: A coupon\nLanguage: en\n\n"
        (folder / "offer" / "step_1.txt").write_text(head + "x" * letters, encoding="utf-8")
        return load_variants(folder, "offer/step_1", channel).fault

    longest, said = TOO_LONG[channel]
    around = len(text_for(folder, channel).strip()) - len("Use WELCOME10, Hanako.")
    if channel == "web_push":
        around += len('{"title": "A coupon", "body": "", "tag": ""}') + len(str(UUID(int=0)))
    assert fault(longest - around) is None
    too_long = fault(longest - around + 1)
    assert str(too_long) == f"{folder / 'offer' / 'step_1.txt'}: {said}"
    assert load_variants(folder, "offer/step_1", "html_email").fault is None


@pytest.mark.parametrize("name", ["shop_name", "unsubscribe_url"])
def test_an_sms_without_what_the_law_asks_for_is_refused(folder: Path, name: str) -> None:
    layout = folder / "layout" / "en.sms.txt"
    layout.write_text(layout.read_text(encoding="utf-8").replace(f"{{{{ {name} }}}}", ""), encoding="utf-8")
    with pytest.raises(ContentFault, match=name):
        load_content(folder, "offer/step_1", "sms")
    assert load_content(folder, "offer/step_1", "line")


def test_a_layout_that_is_missing_is_named(folder: Path) -> None:
    (folder / "layout" / "en.line.txt").unlink()
    with pytest.raises(ContentFault, match=r"en\.line\.txt: there is no such file"):
        load_content(folder, "offer/step_1", "line")


@pytest.mark.parametrize("channel", SHORT_CHANNELS)
def test_the_shipped_layouts_serve_every_channel_in_every_language(channel: str) -> None:
    for language in ("ja", "en"):
        assert (CONTENT / "layout" / f"{language}.{channel}.txt").exists()
    assert render(load_content(CONTENT, "sample/step_1", channel), sample_variables()).html is None
