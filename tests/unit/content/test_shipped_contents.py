from pathlib import Path

import pytest
import yaml

from ekiden.content.render import MessageVariables, content_names, load_content, render, sample_variables
from ekiden.settings import PROJECT_ROOT

CONTENT = PROJECT_ROOT / "content"

SCENARIOS = PROJECT_ROOT / "dbt_project" / "models" / "eligibility"
BARE = sample_variables()._replace(
    customer_name="",
    family_name="",
    given_name="",
    anchor_products=(),
    offered_products=(),
    shop_url="",
)
MANY_PRODUCTS = sample_variables()._replace(anchor_products=tuple(f"Product {n} {'x' * 60}" for n in range(300)))


def test_every_step_of_every_scenario_has_its_content_and_none_is_left_over() -> None:
    wanted = {"sample/step_1"}
    for path in SCENARIOS.glob("*.yml"):
        for model in yaml.safe_load(path.read_text(encoding="utf-8"))["models"]:
            wanted |= {step["content"] for step in model["config"]["meta"]["scenario"]["steps"]}
    assert set(content_names(CONTENT)) == wanted


@pytest.mark.parametrize("name", content_names(CONTENT))
@pytest.mark.parametrize("variables", [sample_variables(), BARE, MANY_PRODUCTS], ids=["full", "bare", "many"])
def test_a_content_says_in_both_parts_what_the_law_asks_for(name: str, variables: object) -> None:
    message = render(load_content(CONTENT, name), variables)
    assert message.html is not None
    for part in (message.text, message.html):
        for said in (
            variables.shop_name,
            variables.postal_address,
            variables.contact_address,
            variables.unsubscribe_url,
        ):
            assert said in part
        assert "{{" not in part
        assert "{%" not in part
        assert "ekiden-tag" not in part
    assert max(map(len, message.html.split("\n"))) <= 900
    assert message.subject
    assert "  " not in message.subject


@pytest.mark.parametrize("name", content_names(CONTENT))
def test_a_content_fetches_nothing_from_elsewhere(name: str) -> None:
    html = render(load_content(CONTENT, name), BARE).html or ""
    without_namespaces = html.replace("http://www.w3.org/1999/xhtml", "")
    for word in ("<link", "@import", 'src="http', "fonts.googleapis"):
        assert word not in without_namespaces


@pytest.mark.parametrize("name", content_names(CONTENT))
def test_the_text_part_has_lines_that_read_well(name: str) -> None:
    text = render(load_content(CONTENT, name), BARE).text
    assert "\n\n\n" not in text
    assert max(map(len, text.split("\n"))) <= 80


def test_the_sample_greets_in_japanese() -> None:
    variables = sample_variables()._replace(customer_name="山田 花子")
    message = render(load_content(CONTENT, "sample/step_1"), variables)
    assert message.subject == "山田 花子様、ご注文ありがとうございます"
    assert "2024年2月29日" in message.text
    assert '<html\nlang="ja"' in (message.html or "")


def test_the_page_on_contents_lists_every_variable() -> None:
    guide = Path(PROJECT_ROOT / "docs" / "contents.md").read_text(encoding="utf-8")
    for name in MessageVariables._fields:
        assert f"`{name}`" in guide
