"""What scenarios name against what the shop's data hold: products, categories, tags, lists, events, ranks, reasons,
statuses, sites and the shop's own fields.

Belongs here: comparing names. Does not belong here: what can be known without a database (`validate`).
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection, errors, sql

from ekiden.scenarios.anchor import ORDER_ANCHORS, AnchorChoice
from ekiden.scenarios.faults import Location, fault, meant
from ekiden.scenarios.report import Finding, Locator, Report, Severity
from ekiden.scenarios.rules import frames, kind_of_anchor
from ekiden.scenarios.scenario import ScenarioDefinition

NEAR_NAMES = 5000
"""Names that a misspelt one is compared with; more would take seconds and help nobody."""


@dataclass(frozen=True)
class Kind:
    """One kind of name: where the shop's data hold it, and what it means that they do not."""

    noun: str
    rule: str
    severity: Severity
    columns: tuple[tuple[str, str], ...]
    """Tables and columns of the raw schema that hold such names."""
    always: tuple[str, ...] = ()
    """Names that are right though no row holds them yet."""
    are_keys: bool = False
    """Whether the columns hold JSON objects, whose keys are the names."""


PRODUCT = Kind("product", "unknown_product", "error", (("products", "product_id"),))
SUBSCRIBED = Kind("product", "unknown_product", "error", (("products", "product_id"), ("subscriptions", "product_id")))
VIEWED = Kind("product", "unknown_product", "error", (("products", "product_id"), ("customer_events", "product_id")))
CATEGORY = Kind(
    "category",
    "unknown_category",
    "error",
    (("categories", "category_code"), ("product_categories", "category_code")),
)
TAG = Kind("tag", "unknown_tag", "error", (("customer_tags", "tag"),))
RANK = Kind("rank", "unknown_rank", "warning", (("customers", "member_rank"),))
LIST = Kind("list", "unknown_list", "warning", (("list_members", "list_code"),))
# opening and clicking a message is known by the ledger, from the first message on
EVENT = Kind("event type", "unknown_event", "warning", (("customer_events", "event_type"),), ("opened", "clicked"))
REASON = Kind("reason", "unknown_reason", "warning", (("subscriptions", "cancel_reason"),))
STATUS = Kind(
    "order with the status", "unknown_order_status", "warning", (("orders", "status"),), ("cancelled", "returned")
)
SITE_OF_ORDERS = Kind("order with the access_url", "unknown_site", "warning", (("orders", "access_url"),))
SITE_OF_MEMBERS = Kind("customer with the access_url", "unknown_site", "warning", (("customers", "access_url"),))
FIELD = Kind("customer with the field", "unknown_field", "warning", (("customers", "custom_fields"),), are_keys=True)

ALWAYS_FILLED = (PRODUCT, SUBSCRIBED, VIEWED, CATEGORY)
"""Where a shop has none of these at all, nothing was loaded yet, and there is nothing to compare with."""

Named = tuple[Kind, Location, str]


@dataclass(frozen=True)
class Comparison:
    """What comparing gave: findings by model, and why something was not compared."""

    findings: tuple[tuple[str, Finding], ...]
    not_compared: tuple[str, ...]


def compare(connection: Connection[Any], schema: str, report: Report, locators: dict[str, Locator]) -> Comparison:
    """Return which names of the report's scenarios the shop's data in `schema` do not hold; reads only."""
    named = [
        (each.source.model_name, name)
        for each in report.scenarios
        if each.readable is not None
        for name in names(each.readable)
    ]
    wanted: dict[Kind, set[str]] = defaultdict(set)
    for _, (kind, _, name) in named:
        wanted[kind].add(name)
    known: dict[Kind, set[str]] = {}
    near: dict[Kind, list[str]] = {}
    unused: set[Kind] = set()
    skipped = []
    for kind, wanted_names in wanted.items():
        try:
            with connection.transaction():
                held = _held(connection, schema, kind, sorted(wanted_names))
                if held != wanted_names:
                    near[kind] = [*kind.always, *(some := _some(connection, schema, kind))]
                    if not some:
                        unused.add(kind)
        except errors.UndefinedTable:
            skipped.append(f"{kind.noun}: the shop's tables are not there yet; run `ekiden load`")
            continue
        if kind in ALWAYS_FILLED and not held and not near[kind]:
            skipped.append(f"{kind.noun}: the shop's data hold none yet; run `ekiden load`")
            continue
        known[kind] = held
    drafts = {
        each.source.model_name
        for each in report.scenarios
        if each.readable is not None and each.readable.status == "draft"
    }
    findings = []
    for model, (kind, place, name) in named:
        if kind in known and name not in known[kind]:
            hint = meant(name, near[kind])
            if model in drafts and kind in unused and not hint:
                # nothing to have misspelt, and nobody waits for it yet
                skipped.append(f"{kind.noun} of drafts: the shop's data hold none yet")
                continue
            message = f"the shop's data hold no {kind.noun} {name!r}{hint}"
            findings.append((model, locators[model](fault(kind.rule, place, message, name), kind.severity)))
    return Comparison(tuple(findings), tuple(dict.fromkeys(skipped)))


def names(scenario: ScenarioDefinition) -> Iterator[Named]:
    """Yield every name of the shop's that a definition uses, each with its place; what is broken in it is None."""
    if scenario.orders is not None:
        yield from _listed(PRODUCT, ("orders", "products"), scenario.orders.products)
        yield from _listed(CATEGORY, ("orders", "categories"), scenario.orders.categories)
    anchor = kind_of_anchor(scenario)
    if anchor in ORDER_ANCHORS:
        yield from _listed(STATUS, ("excluded_order_statuses",), scenario.excluded_order_statuses)
    if scenario.site is not None and anchor is not None:
        yield SITE_OF_ORDERS if anchor in ORDER_ANCHORS else SITE_OF_MEMBERS, ("site",), scenario.site
    if isinstance(scenario.anchor, AnchorChoice):
        yield from _of_anchor(scenario.anchor)
    for place, frame in frames(scenario):
        if frame.type == "product":
            yield from _listed(PRODUCT, (*place, "codes"), frame.codes)
            yield from _listed(PRODUCT, (*place, "other_than"), frame.other_than)
        elif frame.type == "category":
            yield from _listed(CATEGORY, (*place, "codes"), frame.codes)
        elif frame.type == "event":
            yield from _listed(EVENT, (*place, "codes"), frame.codes)
            yield from _listed(VIEWED, (*place, "products"), frame.products)
        elif frame.type == "subscription_cancelled":
            yield from _listed(SUBSCRIBED, (*place, "codes"), frame.codes)
            yield from _listed(REASON, (*place, "reasons"), frame.reasons)
        elif frame.type == "list":
            yield from _listed(LIST, (*place, "codes"), frame.codes)
        elif frame.type == "member" and frame.member is not None:
            yield from _listed(TAG, (*place, "member", "tag"), frame.member.tag)
            yield from _listed(RANK, (*place, "member", "rank"), frame.member.rank)
            for name in frame.member.custom or ():
                yield FIELD, (*place, "member", "custom", name), name


def _of_anchor(anchor: AnchorChoice) -> Iterator[Named]:
    for kind, name in ((TAG, "tag_granted"), (LIST, "list_imported"), (EVENT, "event")):
        if (value := getattr(anchor, name)) is not None:
            yield kind, ("anchor", name), value
    if anchor.nth_purchase is not None:
        yield from _listed(PRODUCT, ("anchor", "nth_purchase", "products"), anchor.nth_purchase.products)
    if anchor.subscription_cancelled is not None:
        place = ("anchor", "subscription_cancelled")
        yield from _listed(SUBSCRIBED, (*place, "products"), anchor.subscription_cancelled.products)
        yield from _listed(REASON, (*place, "reasons"), anchor.subscription_cancelled.reasons)


def _listed(kind: Kind, place: Location, given: Sequence[str] | None) -> Iterator[Named]:
    for index, name in enumerate(given or ()):
        yield kind, (*place, index), name


def _held(connection: Connection[Any], schema: str, kind: Kind, wanted: list[str]) -> set[str]:
    """Return which of these names the shop's data hold."""
    # name by name: each stops at the first row that holds it, where an index or a full table has one
    holds = "exists (select from {} where {} ? name)" if kind.are_keys else "exists (select from {} where {} = name)"
    one = sql.SQL(" or ").join(
        sql.SQL(holds).format(sql.Identifier(schema, table), sql.Identifier(column)) for table, column in kind.columns
    )
    query = sql.SQL("select name from unnest(%s::text[]) as names (name) where {}").format(one)
    return {name for (name,) in connection.execute(query, [wanted])} | (set(kind.always) & set(wanted))


def _some(connection: Connection[Any], schema: str, kind: Kind) -> list[str]:
    """Return names that the shop's data hold, enough to guess what was meant."""
    name = sql.SQL("jsonb_object_keys({})") if kind.are_keys else sql.SQL("{}")
    each = [
        sql.SQL("(select distinct {} from (select {} from {} limit 100000) as first_rows)").format(
            name.format(sql.Identifier(column)), sql.Identifier(column), sql.Identifier(schema, table)
        )
        for table, column in kind.columns
    ]
    query = sql.SQL("select name from ({}) as names (name) where name is not null limit %s").format(
        sql.SQL(" union ").join(each)
    )
    return [name for (name,) in connection.execute(query, [NEAR_NAMES])]
