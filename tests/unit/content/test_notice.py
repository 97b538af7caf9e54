"""The administrator's notice: both languages that come along, and what a broken file says."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ekiden.content.notice import NOTICE_NAMES, NoticeVariables, StepSummary, render_notice
from ekiden.content.render import ContentFault, content_names
from ekiden.settings import PROJECT_ROOT

CONTENT = PROJECT_ROOT / "content"
STEP = StepSummary("follow_up", "ご購入後のお礼", 2, 10, 1, 0, 0, 3, 0, 4)
VARIABLES = NoticeVariables(
    shop_name="駅伝ショップ",
    started_at=datetime(2024, 3, 9, 12, 0, tzinfo=UTC),
    finished_at=datetime(2024, 3, 9, 12, 1, tzinfo=UTC),
    time_zone="UTC",
    ended_early=False,
    run_urls=("https://dagster.invalid/runs/1",),
    steps=(STEP,),
    sent=10,
    unknown=4,
)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_notice_says_what_became_of_each_step(language: str) -> None:
    notice = render_notice(CONTENT, language, VARIABLES)
    assert "10" in notice.subject
    assert "駅伝ショップ" in notice.subject
    for said in ("ご購入後のお礼", "follow_up", "2024-03-09 12:00", "https://dagster.invalid/runs/1", "ekiden unknown"):
        assert said in notice.text
    assert notice.html is None
    assert "\n\n\n" not in notice.text
    quiet = render_notice(CONTENT, language, replace(VARIABLES, unknown=0, run_urls=()))
    assert "ekiden unknown" not in quiet.text
    assert quiet.content_hash != notice.content_hash


def test_the_notice_is_no_content_of_a_step() -> None:
    assert not [name for name in content_names(CONTENT) if name.startswith("admin_notice")]


def test_what_an_analyst_calls_a_scenario_breaks_no_line() -> None:
    named = replace(VARIABLES, steps=(replace(STEP, scenario_name="A\r\nBcc: b@shop.invalid"),), shop_name="S\r\nX: y")
    notice = render_notice(CONTENT, "en", named)
    assert "\n" not in notice.subject
    assert "\nBcc" not in notice.text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "EKIDEN_ADMIN_NOTICE_LANGUAGE"),
        ("Subject: x\n\n{{ customer_name }}\n", r"de\.txt:3: there is no variable 'customer_name'"),
        ("Subject: x\n\nfine\n{{ sent / 0 }}\n", r"de\.txt:4: rendering failed \(ZeroDivisionError\)"),
        ("Language: de\n\nx\n", "a subject is needed"),
    ],
)
def test_a_broken_notice_names_file_line_and_way_out(tmp_path: Path, text: str | None, said: str) -> None:
    (tmp_path / "admin_notice").mkdir()
    if text is not None:
        (tmp_path / "admin_notice" / "de.txt").write_text(text, encoding="utf-8")
    with pytest.raises(ContentFault, match=said):
        render_notice(tmp_path, "de", VARIABLES)


def test_the_guide_lists_every_variable_of_the_notice() -> None:
    guide = (PROJECT_ROOT / "docs" / "addresses.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in guide for name in NOTICE_NAMES)
