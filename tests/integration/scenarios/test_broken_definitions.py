"""One broken scenario stops no other: what is built, planned and shown beside scenarios with faults of every kind.

dbt takes most of the time here, so one project with everything wrong is built once and looked at from all sides.
"""

import json
from datetime import datetime

import pytest
from dagster import AssetCheckEvaluation, AssetCheckSeverity, AssetKey, DagsterInstance

from ekiden.scenarios.definition import FAULTS_KEY
from ekiden.warehouse import dbt
from ekiden.warehouse.parsing import parse, readable_project
from ekiden.warehouse.project import COMPILED, STANDING, prepare_project
from ekiden.warehouse.questions import compiled_model
from orchestration.composition import build_defs

BROKEN = {
    "misspelt": "unknown_anchor",
    "no_yaml": "not_yaml",
    "no_segment": "unknown_segment_in_model",
    "no_definition": "definition_missing",
    "no_macro": "not_jinja",
    "template": "template_in_definition",
    "too_much": "out_of_range",
    "no_frame": "wrong_type",
    "a_number": "exactly_one_anchor",
    "same_table": "alias_taken",
    "dated_key": "not_quoted",
    "mixed_keys": "not_quoted",
    "no_key": "not_quoted",
    "in_bytes": "unreadable_value",
    "no_merge": "wrong_type",
}
"""Models and the rule that each breaks."""


BY_HAND = """
select
    'C'::text as customer_id, 'ordered'::text as anchor_kind, 'O'::text as anchor_key, now() as anchor_at,
    current_date as anchor_date, '{(,)}'::tstzmultirange as entry_during, '{}'::tstzmultirange as stop_during
"""
FAILS = "1 / (select count(*) from raw.orders where order_id = '') > 0"
"""A condition that is right until the server tries it."""

UNBUILT = {
    "fails": "could not be built: Database Error in model fails (models/eligibility/fails.sql) division by zero",
    "of_a_segment": "could not be built: what it reads, fails_too, was not built: Database Error in model fails_too",
    "untested": "could not be built: its test not_null_untested_customer_id failed: Got 1 result",
}
"""Models whose files are right, and what dbt meets on the day's data."""


def test_the_others_are_built_planned_and_shown(site, buyer, ekiden, connection, monkeypatch):
    site.scenario("good")
    site.scenario("misspelt", ("anchor: ordered", "anchor: orderd"))
    site.scenario("no_yaml")
    (site.eligibility / "no_yaml.yml").write_text("models:\n\t- name: no_yaml\n")
    site.scenario("no_segment", query="{{ eligibility(segments=['nowhere']) }}")
    (site.eligibility / "no_definition.sql").write_text("{{ eligibility() }}\n")
    site.scenario("no_macro", query="{{ eligibilty() }}")
    site.scenario("template", ("status: enabled", "status: enabled\n          site: 'a {% x %} {{ 1 }} {# gone #}'"))
    site.scenario("too_much", ("status: enabled", f"status: enabled\n          priority: {10**400}"))
    # shapes that the macros cannot read
    site.scenario("no_frame", ('- {type: product, codes: ["1082185"]}', "-"))
    site.scenario("a_number", ("anchor: ordered", "anchor: 5"))
    # what YAML reads as something else than a text
    frame = '- {type: product, codes: ["1082185"]}'
    for name, fields in {
        "dated_key": '2026-01-01: "x"',
        "mixed_keys": '2026: "x", city: "y"',
        "no_key": '~: "x"',
    }.items():
        site.scenario(name, (frame, f"- {{type: member, member: {{custom: {{{fields}}}}}}}"))
    site.scenario("in_bytes", ("status: enabled", "status: enabled\n          site: !!binary aGVsbG8="))
    site.scenario("no_merge", ("status: enabled", "status: enabled\n          <<: 5"))
    # the table of another scenario, which goes on: whose name it is keeps it
    site.scenario("same_table", ("    config:\n", "    config:\n      alias: good\n"))
    # what it says is right, and what its table holds is not: two rows of one anchor, from before it on
    site.scenario("by_hand", query=f"{BY_HAND} from generate_series(1, 2)")
    # what only the database can know
    site.scenario("fails", query=f"{BY_HAND} where {FAILS}")
    (site.project / "models" / "segments" / "fails_too.sql").write_text(
        f"{{{{ config(materialized='table') }}}} select customer_id from {{{{ ref('customers') }}}} where {FAILS}"  # noqa: S608 - our words
    )
    # what no scenario reads
    (site.project / "models" / "marts" / "sold.sql").write_text(
        f"{{{{ config(materialized='table') }}}} select customer_id from {{{{ ref('customers') }}}} where {FAILS}"  # noqa: S608 - our words
    )
    site.scenario("of_a_segment", query="{{ eligibility(segments=['fails_too']) }}")
    site.scenario(
        "untested",
        ("description: The customer.", "description: The customer., data_tests: [{not_null: {arguments: {}}}]"),
        (", constraints: [{type: not_null}]", ""),
        query=BY_HAND.replace("'C'::text", "null::text"),
    )
    # only dbt itself knows of every model
    site.scenario("no_model", query="select * from {{ ref('nowhere') }}")

    built = ekiden("build")
    assert (built.code, built.err.count("dbt build failed")) == (1, 0), built.err
    for model, rule in BROKEN.items():
        assert f"left out: {model} " in built.err
        assert f"({rule})" in built.err
    assert "left out: no_model: " in built.err
    assert "nowhere" in built.err.split("left out: no_model: ")[1]

    for model, reason in UNBUILT.items():
        assert f"left out: {model}: scenario: {reason}" in built.err

    assert "left out: by_hand: " in built.err
    assert "1 row more than one of their customer, anchor_kind and anchor_key, as for customer 'C'" in built.err

    planned = ekiden("plan", "--format", "json")
    assert planned.code == 1
    assert "left out: by_hand: " in planned.err
    assert '"scenario_code": "good"' in planned.out
    for model, reason in UNBUILT.items():
        assert f"left out: {model}: scenario: {reason}" in planned.err
    rows = connection.execute("select scenario_code, customer_id from outreach.operator_rows").fetchall()
    assert rows == [("good", "C")]
    known = connection.execute("select scenario_code from outreach.scenarios order by 1").fetchall()
    assert known == [("by_hand",), ("good",)]
    for model in (*BROKEN, "no_model"):
        count = connection.execute(f"select count(*) from eligibility.{model}").fetchone()  # noqa: S608 - our names
        assert count == (0,)
    connection.rollback()

    the_code_location_loads_and_every_broken_scenario_fails_its_check(site)
    a_run_goes_on_without_what_was_not_built(site, connection)
    a_mended_scenario_comes_back(site, ekiden, connection)


def checked(site) -> dict[str, AssetCheckEvaluation]:
    """Return what the checks `definition` of a new code location find, by model."""
    definitions = build_defs(settings=site.settings)
    with DagsterInstance.ephemeral() as instance:
        result = definitions.resolve_job_def("plan_day").execute_in_process(
            instance=instance,
            op_selection=["check_definitions"],
            partition_key=(site.settings.local_date(datetime.now(site.settings.zone))).isoformat(),
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    return {event.asset_key.path[-1]: event for event in result.get_asset_check_evaluations()}


def the_code_location_loads_and_every_broken_scenario_fails_its_check(site) -> None:
    checks = checked(site)
    assert {name for name, check in checks.items() if not check.passed} == {*BROKEN, "no_model"}
    assert checks["good"].passed
    misspelt = checks["misspelt"].metadata
    assert misspelt["file"].value == "dbt_project/models/eligibility/misspelt.yml"
    assert misspelt["line"].value == 15
    assert "orderd is no anchor, perhaps ordered" in misspelt["messages"].value
    assert not any(check.blocking for check in checks.values())
    assert AssetKey(["eligibility", "good"]) in {check.asset_key for check in checks.values()}


def a_run_goes_on_without_what_was_not_built(site, connection) -> None:
    with DagsterInstance.ephemeral() as instance:
        result = (
            build_defs(settings=site.settings)
            .resolve_job_def("plan_day")
            .execute_in_process(
                instance=instance,
                op_selection=["build_warehouse", "step_schedule"],
                partition_key=(site.settings.local_date(datetime.now(site.settings.zone))).isoformat(),
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )
        )
    assert result.success
    (planned,) = result.asset_materializations_for_node("step_schedule")
    assert planned.metadata["scenarios_left_out"].value == len(BROKEN) + len(UNBUILT) + len({"no_model", "by_hand"})
    built = {
        each.asset_key.path[-1]: each.metadata for each in result.asset_materializations_for_node("build_warehouse")
    }
    left_out = {model: metadata["left_out"].value for model, metadata in built.items() if "left_out" in metadata}
    # one that fails its test has been built
    assert left_out.keys() == UNBUILT.keys() - {"untested"}
    assert all(reason.startswith(UNBUILT[model]) for model, reason in left_out.items())
    failed = {check.asset_key.path[-1] for check in result.get_asset_check_evaluations() if not check.passed}
    assert failed == {*UNBUILT, "by_hand"}
    observed = result.asset_observations_for_node("build_warehouse")
    not_built = {each.asset_key.path[-1]: each.metadata.get("not_built") for each in observed}
    assert not_built["sold"].value.startswith("Database Error in model sold")


def a_mended_scenario_comes_back(site, ekiden, connection) -> None:
    for model in (*BROKEN, *UNBUILT, "no_model", "by_hand"):
        for file in site.eligibility.glob(f"{model}.*"):
            file.unlink()
    site.scenario("misspelt")
    built = ekiden("build", "--select", "misspelt")
    assert (built.code, built.err.count("left out")) == (0, 0), built.err
    ekiden("plan")
    rows = connection.execute("select scenario_code from outreach.operator_rows order by 1").fetchall()
    assert rows == [("good",), ("misspelt",)]
    connection.rollback()


def test_contents_that_cannot_be_sent_are_a_warning_of_the_check(site):
    site.scenario("good")
    site.scenario("no_content", ("content: cross_sell", "content: nowhere"))
    site.scenario("no_anchor", ("anchor: ordered", "anchor: orderd"), ("content: cross_sell", "content: nowhere"))
    checks = checked(site)
    assert {name for name, check in checks.items() if check.passed} == {"good"}
    # it is planned all the same
    assert checks["no_content"].severity is AssetCheckSeverity.WARN
    assert "nowhere" in checks["no_content"].description
    assert checks["no_content"].description.endswith("what is planned of it waits until its contents can be sent")
    assert checks["no_content"].metadata["file"].value == "dbt_project/models/eligibility/no_content.yml"
    assert checks["no_anchor"].severity is AssetCheckSeverity.ERROR


def test_nothing_is_copied_where_dbt_can_read_the_project(site):
    site.scenario("good")
    site.scenario("misspelt", ("anchor: ordered", "anchor: orderd"))
    project = prepare_project(site.settings, site.project, {})
    assert project.folder == site.project
    assert set(project.broken) == {"misspelt"}
    assert not (site.settings.dbt_target / "projects").exists()


def test_what_dbt_stops_at_without_a_word_about_the_file_leaves_out_that_scenario_alone(site):
    site.scenario("good")
    site.scenario("mended")
    readable_project(site.settings)
    in_config = ("    config:\n", "    config:\n      freshness: {build_after: 3}\n")
    site.scenario("mended", in_config)
    site.scenario("fine")
    site.scenario("sources", ("version: 2\n", "version: 2\nsources: [5]\n"))
    site.scenario("granularity", ("{name: anchor_date,", "{name: anchor_date, granularity: dayy,"))
    project = readable_project(site.settings)
    assert {model: reason.split(" of the project: ") for model, reason in project.refused_by_dbt.items()} == {
        "mended": [
            "with models/eligibility/mended.yml dbt reads nothing",
            'Field "build_after" of type ModelBuildAfter in ModelFreshness has invalid value 3',
        ],
        "sources": [
            "with models/eligibility/sources.yml and models/eligibility/sources.sql dbt reads nothing",
            "'int' object has no attribute 'get'",
        ],
        "granularity": [
            "with models/eligibility/granularity.yml and models/eligibility/granularity.sql dbt reads nothing",
            "Invalid enum value: `dayy` in enum TimeGranularity",
        ],
    }
    assert left_out_in_the_manifest(site) == {"mended", "sources", "granularity"}

    for name in ("mended", "sources", "granularity"):
        site.scenario(name)
    assert readable_project(site.settings).folder == site.project
    assert left_out_in_the_manifest(site) == set()


def test_a_file_of_no_scenario_with_which_dbt_reads_nothing_is_left_out_alone(site, ekiden):
    site.scenario("good")
    (site.eligibility / "sources.yml").write_text("version: 2\nsources: [5]\n")
    (site.eligibility / "wanted.yml").write_text("version: 2\nsources: [{name: wanted, tables: [{name: here}]}]\n")
    site.scenario("reads", query="select * from {{ source('wanted', 'here') }}")
    project = readable_project(site.settings)
    (finding,) = project.report.loose
    assert str(finding) == (
        "dbt_project/models/eligibility/sources.yml:1:1: left out: with models/eligibility/sources.yml dbt reads "
        "nothing of the project: 'int' object has no attribute 'get' (refused_by_dbt)"
    )
    assert (project.refused_by_dbt, dict(project.broken)) == ({}, {})
    assert left_out_in_the_manifest(site) == set()
    # as it was found out the last time, and what is only asked meanwhile
    assert readable_project(site.settings).report.loose == (finding,)
    assert "select" in compiled_model(site.settings, "good")

    built = ekiden("build", "--select", "good")
    assert built.code == 1
    assert built.err.count("eligibility/sources.yml:1:1: left out") == 1

    (site.eligibility / "sources.yml").unlink()
    project = readable_project(site.settings)
    assert (project.folder, project.report.loose) == (site.project, ())


def test_what_is_wrong_in_a_file_that_dbt_would_stop_at_stops_nobody(site):
    site.scenario("good")
    site.scenario("tea")
    for suffix in ("yml", "sql"):
        (site.eligibility / f"tea.{suffix}").rename(site.eligibility / f"tea.{suffix.upper()}")
    site.scenario("twice")
    (site.eligibility / "TWICE.YML").write_bytes((site.eligibility / "twice.yml").read_bytes())
    site.scenario("misspelt", ("type: not_null", "type: notnull"))
    site.scenario("nowhere", ("    config:\n", "    config:\n      materialized: ephemeral\n"))
    site.scenario("nowhere_by_hand", query=f"{{{{ config(materialized='ephemeral') }}}} {BY_HAND}")
    site.scenario("nothing")
    (site.eligibility / "nothing.yml").write_text("version: 2\nmodels:\n")
    (site.eligibility / "loop.yml").symlink_to(site.eligibility / "loop.yml")
    project = readable_project(site.settings)
    assert project.refused_by_dbt == {}
    assert set(project.broken) == {"twice", "misspelt", "nowhere", "nowhere_by_hand", "nothing"}
    assert left_out_in_the_manifest(site) == {"misspelt", "nowhere", "nowhere_by_hand", "nothing"}


def left_out_in_the_manifest(site) -> set[str]:
    """Return the scenarios that stand in the manifest as stubs."""
    manifest = json.loads(dbt.manifest_path(site.settings).read_text(encoding="utf-8"))
    scenarios = {node["name"]: node for node in manifest["nodes"].values() if "eligibility" in node["fqn"]}
    models = {name: node for name, node in scenarios.items() if node["resource_type"] == "model"}
    assert all(node["config"]["materialized"] == "table" for node in models.values())
    assert "good" in models
    return {name for name, node in models.items() if FAULTS_KEY in node["config"]["meta"]["scenario"]}


def test_a_model_by_hand_that_dbt_cannot_read_keeps_its_table(site):
    site.scenario("compiled")
    site.scenario("by_hand", query=BY_HAND)
    for model in ("compiled", "by_hand"):
        (site.eligibility / f"{model}.yml").write_text("models:\n\t- name\n")
    folder = prepare_project(site.settings, site.project, {}).folder / "models" / "eligibility"
    assert (folder / "by_hand.sql").read_text(encoding="utf-8") == STANDING
    assert (folder / "compiled.sql").read_text(encoding="utf-8") == COMPILED


def test_a_segment_that_is_saved_half_written_stops_plans_and_no_sends(site, ekiden):
    site.scenario("good")
    segment = site.project / "models" / "segments" / "half.sql"
    half = "select customer_id from {{ ref('stg_customers'"
    segment.write_text(half)
    with pytest.raises(dbt.BuildFailed, match=r"segments/half\.sql"):
        build_defs(settings=site.settings)

    segment.unlink()
    build_defs(settings=site.settings)
    segment.write_text(half)
    definitions = build_defs(settings=site.settings)
    with DagsterInstance.ephemeral() as instance:
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        planned = definitions.resolve_job_def("plan_day").execute_in_process(
            instance=instance,
            op_selection=["build_warehouse", "step_schedule"],
            partition_key=site.settings.local_date(datetime.now(site.settings.zone)).isoformat(),
            run_config=quiet,
            raise_on_error=False,
        )
        sent = definitions.resolve_job_def("send_now").execute_in_process(instance=instance, run_config=quiet)
    assert not planned.success
    assert "unexpected end of template" in str(planned.failure_data_for_node("build_warehouse").error)
    assert sent.success
    assert definitions.resolve_sensor_def("due_rows")
    built = ekiden("build")
    assert built.code == 1
    assert "models/segments/half.sql" in built.err

    segment.write_text(f"{half}) }}}}")
    mended = build_defs(settings=site.settings)
    assert AssetKey(["segments", "half"]) in mended.resolve_all_asset_keys()


def test_a_seed_that_is_new_is_in_the_next_manifest(site):
    site.scenario("good")
    parse(site.settings)
    (site.project / "seeds").mkdir()
    (site.project / "seeds" / "codes.csv").write_text("code\n1\n")
    manifest = json.loads(parse(site.settings).read_text(encoding="utf-8"))
    assert "seed.ekiden.codes" in manifest["nodes"]


def test_the_first_build_leaves_tables_of_others_alone(site, ekiden, connection):
    site.scenario("good")
    connection.execute("create schema marts; create table marts.orders as select 'theirs' as order_id")
    connection.commit()
    built = ekiden("build")
    assert built.code == 1
    told = " ".join((built.out + built.err).split())
    assert '"marts"."orders", and no build of Ekiden made it: nothing was built' in told
    assert connection.execute("select order_id from marts.orders").fetchall() == [("theirs",)]
    assert connection.execute("select to_regclass('marts.customers')").fetchone() == (None,)
    connection.rollback()
