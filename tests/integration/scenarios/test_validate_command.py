"""`ekiden validate` and `ekiden scenario …` as a writer meets them, with a shop's data to compare names with."""

import json
import re
from pathlib import Path

import psycopg
import pytest

from ekiden.scenarios.schema import scenario_file_schema_text
from tests.integration.scenarios.conftest import PROJECT

SCENARIO = (PROJECT / "models" / "eligibility" / "cross_sell.yml").read_text(encoding="utf-8")
TARGET = '- {type: product, codes: ["1082185"]}'


@pytest.fixture
def shop(connection: psycopg.Connection) -> psycopg.Connection:
    """A shop that sells the products of the scenario these tests vary."""
    for product in re.findall(r"\d{5,}", SCENARIO):
        connection.execute(
            "insert into raw.products (product_id, product_name) values (%s, '駅弁') on conflict do nothing", [product]
        )
    connection.execute("insert into raw.categories (category_code, category_name) values ('食品', '食品')")
    connection.execute("insert into raw.customers (customer_id, registered_at) values ('C', '2025-01-01Z')")
    connection.execute("insert into raw.customer_tags (customer_id, tag, granted_at) values ('C', 'vip', now())")
    connection.commit()
    return connection


def test_a_good_scenario_ends_with_0_and_says_how_much_was_looked_at(site, shop, ekiden):
    site.scenario("good")
    ended = ekiden("validate")
    assert (ended.code, ended.out) == (0, "")
    assert "1 scenario: 0 errors, 0 warnings" in ended.err


def test_all_faults_of_all_files_are_told_at_once_with_their_places(site, shop, ekiden):
    site.scenario("one", ("anchor: ordered", "anchor: orderd"), ("offset_days: 2", "offset_days: -2"))
    site.scenario("two", ("status: enabled", "status: on"))
    (site.eligibility / "three.yml").write_text("models: [")
    ended = ekiden("validate")
    assert ended.code == 1
    told = [line.split(": ")[0].removeprefix("dbt_project/models/eligibility/") for line in ended.out.splitlines()]
    assert told == ["one.yml:15:19", "one.yml:30:29", "three.yml:1:10", "two.yml:14:19"]
    assert "orderd is no anchor, perhaps ordered" in ended.out
    assert "[negative_offset] · found: -2" in ended.out
    assert "4 errors" in ended.err


def test_a_link_that_leads_into_itself_hides_no_fault(site, shop, ekiden):
    site.scenario("one", ("anchor: ordered", "anchor: orderd"))
    site.scenario("two")
    loop = site.eligibility / "two.yml"
    loop.unlink()
    loop.symlink_to(loop)
    (site.eligibility / "two.sql").rename(site.eligibility / "two.SQL")
    for paths in ([], [str(site.eligibility)]):
        ended = ekiden("validate", *paths)
        assert ended.code == 1
        assert [line.split(":")[0] for line in ended.out.splitlines()] == [
            "dbt_project/models/eligibility/one.yml",
            "dbt_project/models/eligibility/two.yml",
        ]
    assert ekiden("validate", str(loop)).code == 2
    assert "1 scenario: 0 errors" in ekiden("validate", str(site.eligibility / "two.SQL")).err


def test_only_the_given_files_are_told_of(site, shop, ekiden):
    site.scenario("one", ("anchor: ordered", "anchor: orderd"))
    site.scenario("two")
    assert ekiden("validate", str(site.eligibility / "two.yml")).code == 0
    assert ekiden("validate", str(site.eligibility / "one.yml")).code == 1
    assert ekiden("validate", str(site.eligibility)).code == 1
    assert ekiden("validate", str(site.eligibility / "three.yml")).code == 2
    assert ekiden("validate", "x" * 5_000).code == 2
    assert "1 scenario: 0 errors" in ekiden("validate", str(site.eligibility / "two.sql")).err
    assert "2 scenarios: 1 error" in ekiden("validate", str(site.eligibility)).err
    assert "0 scenarios: 0 errors" in ekiden("validate", str(site.project / "macros")).err


@pytest.mark.parametrize("path", [__file__, "/dev/null"])
def test_a_file_that_is_none_of_a_scenarios_is_refused_rather_than_found_good(site, shop, ekiden, path):
    site.scenario("one")
    ended = ekiden("validate", path)
    assert (ended.code, ended.out) == (2, "")
    assert "is no file of a scenario" in ended.err


def test_a_file_elsewhere_is_looked_at_with_the_projects(site, shop, ekiden, tmp_path):
    site.scenario("one")
    draft = tmp_path / "draft.yml"
    draft.write_text((site.eligibility / "one.yml").read_text().replace("name: one", "name: draft"))
    draft.with_suffix(".sql").write_text("{{ eligibility() }}")
    ended = ekiden("validate", str(draft), "--format", "json")
    assert [finding["rule"] for finding in json.loads(ended.out)] == ["duplicate_code"]


@pytest.mark.parametrize(
    ("written", "rule", "severity", "guess"),
    [
        ('- {type: product, codes: ["108218"]}', "unknown_product", "error", ", perhaps 1082185"),
        ('- {type: product, other_than: ["x"]}', "unknown_product", "error", ""),
        ('- {type: category, codes: ["食"]}', "unknown_category", "error", ""),
        ('- {type: subscription_cancelled, codes: ["x"]}', "unknown_product", "error", ""),
        ("- {type: member, member: {tag: [vipp]}}", "unknown_tag", "error", ", perhaps vip"),
        ("- {type: member, member: {rank: [gold]}}", "unknown_rank", "warning", ""),
        ("- {type: list, codes: [spring]}", "unknown_list", "warning", ""),
        ("- {type: event, codes: [viewed]}", "unknown_event", "warning", ""),
        ("- {type: scenario, codes: [nobody]}", "unknown_scenario", "error", ""),
    ],
)
def test_a_name_that_the_shop_does_not_know_is_told(site, shop, ekiden, monkeypatch, written, rule, severity, guess):
    monkeypatch.setenv("EKIDEN_OPTIONS", "member_tag, member_rank")
    site.scenario("good", (TARGET, written))
    ended = ekiden("validate", "--format", "json")
    assert ended.out, ended.err
    (finding,) = json.loads(ended.out)
    assert (finding["rule"], finding["severity"], finding["line"]) == (rule, severity, 18)
    assert guess in finding["message"]
    assert ended.code == (1 if severity == "error" else 0)


def test_an_alias_that_is_another_models_table_is_told_with_both_files_and_the_way_out(site, shop, ekiden):
    site.scenario("one", ("    config:\n", "    config:\n      alias: two\n"))
    site.scenario("two")
    site.scenario("three", ("    config:\n", "    config:\n      alias: both\n"))
    site.scenario("four", ("    config:\n", "    config:\n      alias: both\n"))
    site.scenario("five", ("    config:\n", "    config:\n      alias: nobodys\n"))
    told = {finding["scenario"]: finding for finding in json.loads(ekiden("validate", "--format", "json").out)}
    assert {name: each["rule"] for name, each in told.items()} == dict.fromkeys(("one", "three", "four"), "alias_taken")
    assert told["one"]["message"] == (
        "a table called two is that of the model two (two.yml) already; leave the alias out, or choose another"
    )
    assert "the model four (four.yml)" in told["three"]["message"]
    assert told["one"]["place"] == "models[0].config.alias"


def test_the_content_of_a_list_is_a_name_without_a_file_and_an_enabled_step_needs_one(site, shop, ekiden):
    site.scenario("letter", ("content: cross_sell/step_1", "channel: dm, content: 春の手紙"))
    assert (ekiden("validate").code, ekiden("validate").out) == (0, "")
    site.scenario("letter", ("content: cross_sell/step_1", "channel: dm"))
    assert "needs it: any name that the letter or the call has" in ekiden("validate").out


def test_names_that_do_not_exist_are_told_together_with_every_other_fault_of_the_file(site, shop, ekiden, monkeypatch):
    monkeypatch.setenv("EKIDEN_OPTIONS", "member_tag")
    frames = (
        "- {type: product, codes: [teapot], bogus: 1}",
        "- {relation: and, type: member, member: {tag: [vipp], age: young}}",
        "- {relation: and, type: segment, codes: [regulars]}",
        "- {relation: and, type: scenario, codes: [nobody]}",
    )
    site.scenario(
        "bad",
        (TARGET, "\n              ".join(frames)),
        ("anchor: ordered", "anchor: orderd"),
        ("offset_days: 2", "offset_days: soon"),
        ("content: cross_sell/step_1", "content: cross_sell/step_7"),
    )
    rules = {finding["rule"] for finding in json.loads(ekiden("validate", "--format", "json").out)}
    assert rules == {
        *("unknown_key", "wrong_type", "unknown_anchor"),
        *("unknown_product", "unknown_tag", "unknown_segment", "unknown_scenario", "content_broken"),
    }


@pytest.mark.parametrize(
    ("changes", "rule", "said"),
    [
        (("    anchor: ordered", "    anchor: ordered\n          excluded_order_statuses: [canceled, returned]"),
         "unknown_order_status", "'canceled', perhaps cancelled"),
        (("    anchor: ordered", "    anchor: ordered\n          site: https://other.example"),
         "unknown_site", "order with the access_url"),
        (("    anchor: ordered", "    anchor: member_registered\n          site: https://other.example"),
         "unknown_site", "customer with the access_url"),
        ((TARGET, "- {type: member, member: {custom: {siz: L, color: red}}}"), "unknown_field", "'siz', perhaps size"),
    ],
)  # fmt: skip
def test_a_status_a_site_or_a_field_that_nobody_has_is_a_warning(site, shop, ekiden, changes, rule, said):
    shop.execute('update raw.customers set custom_fields = \'{"size": "L", "color": null}\'')
    shop.commit()
    site.scenario("good", changes)
    ended = ekiden("validate", "--format", "json")
    (finding,) = json.loads(ended.out)
    assert (finding["rule"], finding["severity"], ended.code) == (rule, "warning", 0)
    assert said in finding["message"]


def test_an_option_of_the_deployment_lets_scenarios_ask_for_it(site, shop, ekiden, monkeypatch):
    site.scenario("good", (TARGET, "- {type: member, member: {tag: [vip]}}"))
    ended = ekiden("validate")
    assert ended.code == 1
    assert "EKIDEN_OPTIONS" in ended.out
    monkeypatch.setenv("EKIDEN_OPTIONS", "member_tag")
    assert ekiden("validate").code == 0
    monkeypatch.setenv("EKIDEN_OPTIONS", "member_tags")
    assert "EKIDEN_OPTIONS" in ekiden("validate").err


def test_what_customers_did_with_messages_is_known_without_a_row_of_the_shops(site, shop, ekiden):
    shop.execute("insert into raw.customer_events values ('E', 'C', 'viewed', now(), null)")
    shop.commit()
    site.scenario("good", (TARGET, "- {type: event, codes: [viewed, opened, clicked]}"))
    site.scenario("misspelt", (TARGET, "- {type: event, codes: [openend]}"))
    (finding,) = json.loads(ekiden("validate", "--format", "json").out)
    assert (finding["scenario"], finding["rule"]) == ("misspelt", "unknown_event")
    assert ", perhaps opened" in finding["message"]


def test_a_product_that_only_events_name_is_known_to_event_frames_alone(site, shop, ekiden):
    shop.execute(
        "insert into raw.customer_events (event_id, customer_id, event_type, event_at, product_id)"
        " values ('E', 'C', 'viewed', now(), 'GIFT-9')"
    )
    shop.commit()
    site.scenario("good", (TARGET, '- {type: event, codes: [viewed], products: ["GIFT-9", "1082185"]}'))
    assert (ekiden("validate").code, ekiden("validate").out) == (0, "")
    site.scenario("viewed", (TARGET, '- {type: event, codes: [viewed], products: ["GIFT-8"]}'))
    site.scenario("bought", (TARGET, '- {type: product, codes: ["GIFT-9"]}'))
    ended = ekiden("validate", "--format", "json")
    found = {finding["scenario"]: finding for finding in json.loads(ended.out)}
    assert {name: each["rule"] for name, each in found.items()} == dict.fromkeys(
        ("viewed", "bought"), "unknown_product"
    )
    assert ", perhaps GIFT-9" in found["viewed"]["message"]
    assert ended.code == 1


def test_a_draft_may_ask_for_what_the_shop_has_none_of_yet(site, shop, ekiden):
    asks = (TARGET, "- {type: event, codes: [viewed]}")
    site.scenario("good", asks, ("status: enabled", "status: draft"))
    ended = ekiden("validate", "--format", "json")
    assert (ended.code, json.loads(ended.out)) == (0, [])
    assert "event type of drafts: the shop's data hold none yet" in ended.err


def test_without_the_data_names_are_not_compared_and_that_is_said(site, shop, ekiden):
    site.scenario("good", (TARGET, '- {type: product, codes: ["x"]}'))
    ended = ekiden("validate", "--no-data")
    assert (ended.code, ended.out) == (0, "")
    assert "not compared with the shop's data: --no-data" in ended.err


def test_a_shop_without_products_is_not_compared_and_that_is_said(site, ekiden):
    site.scenario("good")
    ended = ekiden("validate")
    assert ended.code == 0
    assert "product: the shop's data hold none yet; run `ekiden load`" in ended.err


def test_a_database_that_is_down_is_said_after_the_faults_of_the_files(site, ekiden, monkeypatch):
    monkeypatch.setenv("EKIDEN_DATABASE_URL", "postgresql://somebody:secret@127.0.0.1:1/nowhere")
    site.scenario("one", ("anchor: ordered", "anchor: orderd"))
    ended = ekiden("validate")
    assert ended.code == 1
    assert "orderd is no anchor" in ended.out
    assert "127.0.0.1" in ended.err
    assert "secret" not in ended.err


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--name", '駅伝 "quoted": { braces } # no comment\nsecond line', "--anchor", "member_registered"),
        ("--anchor", "entered=lapsed_90_days"),
        ("--anchor", "{nth_purchase: {n: 2, products: ['1082185']}}"),
        ("--anchor", "event=viewed"),
        # characters that YAML refuses where they stand as they are
        ("--name", "deleted \x7f, next line \x85"),
    ],
)
def test_a_scaffolded_scenario_validates_as_it_is(site, shop, ekiden, monkeypatch, tmp_path, arguments):
    content = tmp_path / "content"
    monkeypatch.setenv("EKIDEN_CONTENT", str(content))
    content.mkdir()
    (content / "layout").symlink_to(Path(__file__).parents[3] / "content" / "layout")
    ended = ekiden("scenario", "new", "fresh_start", *arguments)
    assert ended.code == 0, ended.err
    assert sorted(Path(line).name for line in ended.out.split()) == sorted(
        ["fresh_start.sql", "fresh_start.yml", "step_1.txt", "step_1.mjml"]
    )
    validated = ekiden("validate", "--format", "json")
    assert {finding["rule"] for finding in json.loads(validated.out)} <= {"unknown_event"}
    again = ekiden("scenario", "new", "fresh_start", *arguments)
    assert again.code == 1
    assert "fresh_start" in again.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("Fresh-Start",), "cannot name a model"),
        (("駅伝",), "cannot name a model"),
        (("../escape",), "cannot name a model"),
        (("scenario_registry",), "not scenario_registry"),
        (("orders",), "there is a model orders already"),
        (("taken",), "another scenario has the code 'taken'"),
        (("fresh", "--anchor", "orderd"), "orderd is no anchor, perhaps ordered"),
        (("layout",), "holds what is no scenario's"),
        (("fresh", "--anchor", "{a: ["), "is not YAML"),
        (("fresh", "--anchor", "&a [*a]"), "leads into itself"),
        (("fresh", "--anchor", "entered=nowhere"), "nowhere is no model under models/segments"),
        (("fresh", "--anchor", "tag_granted=vip"), "member_tag"),
        # typed where the terminal writes Shift_JIS
        (("fresh", "--anchor", "event=" + "駅伝".encode("shift_jis").decode("utf-8", "surrogateescape")), "not UTF-8"),
    ],
)
def test_what_cannot_be_a_scenario_is_not_scaffolded(site, ekiden, arguments, said):
    site.scenario("taken")
    before = sorted(site.project.rglob("*"))
    ended = ekiden("scenario", "new", *arguments)
    assert ended.code == 1
    assert said in ended.err
    assert sorted(site.project.rglob("*")) == before


def test_the_schema_is_written_where_it_can_be(site, ekiden, tmp_path):
    assert ekiden("scenario", "schema", "--output", str(tmp_path / "s.json")).code == 0
    assert (tmp_path / "s.json").read_text(encoding="utf-8") == scenario_file_schema_text()
    for output in (tmp_path / "nowhere" / "s.json", tmp_path, ""):
        ended = ekiden("scenario", "schema", "--output", str(output))
        assert ended.code == 2
        assert "cannot be written" in ended.err
