"""Contents that cannot be made for somebody whom the scenario lets in are told before the first message."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from ekiden.scenarios.report import Finding
from ekiden.scenarios.source import COLUMNS
from ekiden.scenarios.validate import validate
from ekiden.settings import PROJECT_ROOT

OPTIONS = ("line", "sms", "web_push")
CUPS = {"frames": [{"type": "product", "codes": ["CUP-01", "CUP-02"]}]}


def told(
    folder: Path,
    body: str,
    *,
    subject: str = "Tea",
    sql: str = "{{ eligibility() }}",
    channel: str = "html_email",
    **changes,
) -> list[Finding]:
    """Return what is found in a scenario whose one step says `body`."""
    contents, models = folder / "content", folder / "dbt_project" / "models" / "eligibility"
    shutil.copytree(PROJECT_ROOT / "content" / "layout", contents / "layout")
    (contents / "tea").mkdir(exist_ok=True)
    models.mkdir(parents=True)
    (contents / "tea" / "step_1.txt").write_text(f"Subject: {subject}\nLanguage: en\n\n{body}\n", encoding="utf-8")
    (models / "tea.sql").write_text(sql, encoding="utf-8")
    scenario = {"code": "tea", "name": "Tea", "anchor": "ordered"} | changes
    scenario["steps"] = [{"offset_days": 1, "content": "tea/step_1", "channel": channel}]
    model = {
        "name": "tea",
        "config": {"meta": {"scenario": scenario}},
        "columns": [{"name": column, "data_type": kind} for column, kind in COLUMNS.items()],
        "data_tests": ["eligibility_contract"],
    }
    (models / "tea.yml").write_text(yaml.safe_dump({"models": [model]}, sort_keys=False), encoding="utf-8")
    return list(validate(folder / "dbt_project", contents=contents, options=OPTIONS).findings)


@pytest.mark.parametrize(
    ("body", "changes", "reason"),
    [
        ("{{ anchor_products[0] }}", {"anchor": "member_registered"}, "the anchor member_registered is of no product"),
        ("{{ anchor_products|first }}", {"anchor": "member_registered"}, "member_registered is of no product"),
        ("{{ offered_products[0] }}", {}, "offered_products holds none here"),
        ("{{ offered_products[2] }}", {"stop": CUPS}, "offered_products holds 2 here"),
    ],
)
def test_what_the_definition_leaves_empty_for_everybody_is_an_error(tmp_path, body, changes, reason):
    (finding,) = told(tmp_path, body, **changes)
    assert (finding.severity, finding.rule, finding.place) == ("error", "content_broken", "steps[0].content")
    assert "step_1.txt:4: rendering failed" in finding.message
    assert reason in finding.message
    assert "{% if %}" in finding.message


def test_all_unknown_variables_of_a_content_and_its_variant_are_told_at_once(tmp_path):
    (tmp_path / "content" / "tea").mkdir(parents=True)
    mobile = "Subject: Tea\nLanguage: en\n\n{{ qux }}\n"
    (tmp_path / "content" / "tea" / "step_1.mobile.txt").write_text(mobile, encoding="utf-8")
    (finding,) = told(tmp_path, "{{ bar }}\n{{ baz }}", subject="{{ foo }}")
    assert (finding.severity, finding.rule, finding.place) == ("error", "content_broken", "steps[0].content")
    assert finding.found == "tea/step_1"
    assert re.findall(r"([\w.]+:\d+): there is no variable '(\w+)'", finding.message) == [
        ("step_1.txt:1", "foo"),
        ("step_1.txt:4", "bar"),
        ("step_1.txt:5", "baz"),
        ("step_1.mobile.txt:4", "qux"),
    ]


@pytest.mark.parametrize(
    ("channel", "said"), [("line", "LINE takes 5,000"), ("sms", "Twilio takes 1,600"), ("web_push", "may have 3,993")]
)
def test_what_is_too_long_for_its_channel_is_an_error_told_once(tmp_path, channel, said):
    (finding,) = told(tmp_path, "long " * 2_000, channel=channel)
    assert (finding.severity, finding.rule, finding.place) == ("error", "content_broken", "steps[0].content")
    assert f"{said}; shorten it" in finding.message


def test_what_is_too_long_for_some_is_no_warning_that_they_are_skipped(tmp_path):
    assert told(tmp_path, "{% if not given_name %}" + "long " * 2_000 + "{% endif %}Tea", channel="sms") == []


@pytest.mark.parametrize(
    ("subject", "body", "changes", "who"),
    [
        ("{{ given_name }}", "Tea", {}, "no given name"),
        ("{{ customer_name }}", "Tea", {}, "no name"),
        ("Tea", "{{ family_name[0] }}", {}, "no family name"),
        ("Tea", "{{ anchor_products[1] }}", {}, "an order of one product"),
        ("Tea", "{{ anchor_products[0] }}", {"sql": "select 1"}, "no order"),
        ("Tea", "{{ anchor_products[0] }}", {"anchor": {"event": "carted"}}, "an event of no product"),
        (
            *("Tea", "{{ offered_products[0] }}"),
            *({"stop": {"frames": [{"type": "event", "codes": ["carted"]}]}}, "nothing that is offered"),
        ),
    ],
)
def test_what_is_empty_for_some_customers_is_a_warning_that_says_for_whom(tmp_path, subject, body, changes, who):
    (finding,) = told(tmp_path, body, subject=subject, **changes)
    assert (finding.severity, finding.rule) == ("warning", "content_fails_for_some")
    assert f"for customers with {who}, who would be skipped" in finding.message


@pytest.mark.parametrize(
    ("body", "changes"),
    [
        ("{{ anchor_products[0] }}", {}),
        ("{{ offered_products[1] }}", {"stop": CUPS}),
        ("{{ given_name or 'there' }}{% if anchor_products %}{{ anchor_products[0] }}{% endif %}", {}),
        ("{% if shop_url %}{{ shop_url }}{% endif %}", {"anchor": "member_registered"}),
    ],
)
def test_what_nobody_lacks_and_what_is_asked_for_first_is_no_fault(tmp_path, body, changes):
    assert told(tmp_path, body, **changes) == []
