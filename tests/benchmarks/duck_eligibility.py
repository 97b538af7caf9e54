"""Eligibility rows in DuckDB, which has no multiranges: sweeps over the boundaries of spans.

Belongs here: from spans to the instants at which a scenario's entry and stop hold. Does not belong here: the spans
(`duck_facts`), the anchors (`duck_anchors`), or running any of it (`peers/duck.py`).

A second writing of the language, from its description and not from the macros, as far as the benchmarks' scenarios go;
`build` asserts that every row is the same as PostgreSQL's. It is tuned as one would for DuckDB: only customers with an
anchor are swept, all frames of a section at once, and a stop that counts nothing takes the first occurrence after each
anchor from a list instead of pairing every anchor with every later occurrence.
"""

# ruff: noqa: S608 - the values are the benchmarks' own, and no one else's

from collections.abc import Sequence

from tests.benchmarks.duck_anchors import anchors, anchors_everyone, is_order, kind_of
from tests.benchmarks.duck_facts import COUNTING_ORDERS, Definition, occurrences

SPANS = "struct(s timestamp, e timestamp)[]"

_FIRST_LASTING = "list_min(list_filter(stop_lasting.starts, lambda x: x > anchors.anchor_at))"


def eligibility(definition: Definition) -> str:
    """Return the query that yields one scenario's eligibility rows; spans are lists of structs of `s` and `e`."""
    target = _frames(definition, "target")
    excluded = _frames(definition, "exclusion")
    if definition["target"].get("active_subscriber") == "exclude":
        excluded = [*excluded, {"type": "subscriber", "relation": "or"}]
    stop = _frames(definition, "stop")
    every = anchors_everyone(definition, target)
    entry = _entry(target, excluded, every)
    if is_order(definition) and any(frame["type"] in COUNTING_ORDERS for frame in target):
        _recount(entry, target)
    return f"""
        with anchors as materialized ({anchors(definition, target)}){entry.ctes}{_stop_ctes(stop, every)},
        confirmed as (select customer_id from raw.customers where duplicate_status = 'confirmed')
        select
            anchors.customer_id, '{kind_of(definition)}' as anchor_kind, anchors.anchor_key, anchors.anchor_at,
            anchors.anchor_date,
            case when confirmed.customer_id is null then [] {entry.recounted} when not ({entry.judged}) then []
            else {entry.spans} end::{SPANS} as entry_during,
            coalesce({_stop_spans(stop)}, [])::{SPANS} as stop_during
        from anchors left join confirmed using (customer_id) {entry.joins} {_stop_join(stop)}"""


class _Entry:
    """How the entry's spans are found: CTEs, joins to the anchors, and two expressions over them."""

    ctes = ""
    joins = ""
    judged = "true"
    recounted = ""
    spans = """list_filter([{'s': greatest(anchors.s, anchors.anchor_at), 'e': anchors.e}], lambda x: x.s < x.e)"""


def _entry(target: list[Definition], excluded: list[Definition], every: bool) -> _Entry:
    entry = _Entry()
    frames = [*target, *excluded]
    if not frames:
        return entry
    holds = _fold(target, 1) if target else "true"
    out = _fold(excluded, len(target) + 1) if excluded else "false"
    at_first = _holds_at_first(target, when_empty=True)
    result = f"({holds}) and not ({out})"
    spans = [_spans(frame, "customer_id", every) for frame in frames]
    entry.ctes = _sweep("entry", spans, "customer_id", holds, result, first_of="anchors" if at_first else "")
    entry.joins = "left join entry_spans on anchors.customer_id = entry_spans.customer_id"
    entry.spans = """coalesce(list_filter(list_transform(entry_spans.spans, lambda x: {
        's': greatest(x.s, anchors.s, anchors.anchor_at), 'e': least(x.e, anchors.e)}), lambda x: x.s < x.e), [])"""
    if target:
        # without exclusions the entry's spans are the target's
        of_target = "entry_spans.spans"
        if excluded:
            entry.ctes += _spans_where("target_spans", "entry_states", "customer_id", "holds")
            entry.joins += " left join target_spans on anchors.customer_id = target_spans.customer_id"
            of_target = "target_spans.spans"
        at_that_instant = f"list_filter({of_target}, lambda x: x.s <= anchors.judged_at and anchors.judged_at < x.e)"
        entry.judged = f"anchors.judged_at is null or coalesce(len({at_that_instant}), 0) > 0"
    return entry


def _recount(entry: _Entry, target: Sequence[Definition]) -> None:
    """Leave out, of what counted as an anchor order came in, the orders that were cancelled since."""
    counted = "o.s <= anchors.judged_at and anchors.judged_at < o.e"
    joined = "from ({o}) as o inner join {anchors} as anchors on anchors.customer_id = o.customer_id and " + counted
    undone = " union all ".join(
        "select anchors.customer_id, anchor_key, judged_at "
        + joined.format(o=occurrences(frame, with_end=True), anchors="anchors")
        + " where o.until <> 'infinity'"
        for frame in target
        if frame["type"] in COUNTING_ORDERS
    )
    spans = [
        "select anchors.customer_id, anchor_key, '-infinity'::timestamp as s, o.until as e "
        + joined.format(o=occurrences(frame, with_end=True), anchors="concerned")
        for frame in target
    ]
    entry.ctes += f", concerned as materialized (select distinct * from ({undone}))"
    first_of = "concerned" if _holds_at_first(target, when_empty=True) else ""
    entry.ctes += _sweep("recounted", spans, "customer_id, anchor_key", "true", _fold(target, 1), first_of=first_of)
    entry.joins += " left join concerned on anchors.customer_id = concerned.customer_id"
    entry.joins += " and anchors.anchor_key = concerned.anchor_key"
    entry.joins += " left join recounted_spans on anchors.customer_id = recounted_spans.customer_id"
    entry.joins += " and anchors.anchor_key = recounted_spans.anchor_key"
    entry.recounted = f"""when concerned.customer_id is not null then flatten(list_transform({entry.spans},
        lambda x: list_filter(list_transform(coalesce(recounted_spans.spans, []),
            lambda y: {{'s': greatest(x.s, y.s), 'e': least(x.e, y.e)}}), lambda z: z.s < z.e)))"""


def _stop_ctes(stop: Sequence[Definition], every: bool) -> str:
    if not stop:
        return ""
    if not _is_first_occurrence(stop):
        keys = "customer_id, anchor_key" if any(map(_since_anchor, stop)) else "customer_id"
        at_first = _holds_at_first(stop, when_empty=False)
        spans = [_spans(frame, keys, every) for frame in stop]
        return _sweep("stop", spans, keys, "true", _fold(stop, 1), first_of="anchors" if at_first else "")
    # for ever from the first occurrence that never ends; before it, unions of those that do
    return f""",
        occurrences as materialized ({_of_anchored(stop[0], every)}),
        stop_lasting as (
            select customer_id, list(s) as starts from occurrences where e = 'infinity' group by customer_id
        ),
        stop_passing as (
            select anchors.customer_id, anchor_key, s, least(e, for_ever) as e, for_ever
            from (
                select anchors.customer_id, anchor_key, anchor_at, coalesce({_FIRST_LASTING}, 'infinity') as for_ever
                from anchors left join stop_lasting on anchors.customer_id = stop_lasting.customer_id
                where anchors.customer_id in (select customer_id from occurrences where e <> 'infinity')
            ) as anchors
            inner join (from occurrences where e <> 'infinity') as passing
            on anchors.customer_id = passing.customer_id and s > anchor_at and s < for_ever
        ),
        stop_islands as (
            select
                *, sum(begins) over (partition by customer_id, anchor_key order by s rows unbounded preceding) as island
            from (
                select *, coalesce(s > max(e) over (
                    partition by customer_id, anchor_key order by s rows between unbounded preceding and 1 preceding
                ), true)::int as begins
                from (
                    select customer_id, anchor_key, s, e from stop_passing
                    union all select distinct customer_id, anchor_key, for_ever, 'infinity'::timestamp from stop_passing
                    where for_ever <> 'infinity'
                )
            )
        ),
        stop_spans as (
            select customer_id, anchor_key, list({{'s': s, 'e': e}} order by s) as spans
            from (select customer_id, anchor_key, island, min(s) as s, max(e) as e from stop_islands group by all)
            group by all
        )"""


def _stop_join(stop: Sequence[Definition]) -> str:
    per_anchor = any(map(_since_anchor, stop))
    join = "left join stop_spans on anchors.customer_id = stop_spans.customer_id"
    if per_anchor:
        join += " and anchors.anchor_key = stop_spans.anchor_key"
    if _is_first_occurrence(stop):
        join += " left join stop_lasting on anchors.customer_id = stop_lasting.customer_id"
    return join if stop else ""


def _stop_spans(stop: Sequence[Definition]) -> str:
    if not stop:
        return "null"
    if _is_first_occurrence(stop):
        return f"""stop_spans.spans, list_transform(
            list_filter([{_FIRST_LASTING}], lambda x: x is not null),
            lambda x: {{'s': x, 'e': 'infinity'::timestamp}})"""
    return "stop_spans.spans"


def _sweep(name: str, of_frames: Sequence[str], keys: str, holds: str, result: str, *, first_of: str) -> str:
    """Return CTEs `name_states` (with `holds`) and `name_spans` (key, the spans in which `result` is true).

    `of_frames`: the query of each frame's spans; `first_of`: the relation of those for whom it may hold while nothing
    has happened yet, from the beginning of time.
    """
    spans = " union all ".join(f"select {keys}, s, e, {i} as i from ({sql})" for i, sql in enumerate(of_frames, 1))
    always = f"union all select distinct {keys}, '-infinity'::timestamp, 0, 0 from {first_of}" if first_of else ""
    # peers of one instant are counted together: the default frame of a window with an order
    counts = ", ".join(f"sum(if(i = {i}, d, 0)) over by_time as n{i}" for i in range(1, len(of_frames) + 1))
    return f""",
        {name}_states as materialized (
            with spans as ({spans}),
            edges as (
                select {keys}, s as moment, i, 1 as d from spans
                union all select {keys}, e, i, -1 from spans where e <> 'infinity'
                {always}
            ),
            counts as (
                select {keys}, moment, {counts} from edges window by_time as (partition by {keys} order by moment)
            )
            select {keys}, moment, {holds} as holds, {result} as result from counts
        ){_spans_where(f"{name}_spans", f"{name}_states", keys, "result")}"""


def _spans_where(name: str, states: str, keys: str, flag: str) -> str:
    return f""",
        {name} as (
            select {keys}, list({{'s': s, 'e': e}} order by s) as spans from (
                select {keys}, moment as s, {flag}, lead(moment, 1, 'infinity') over by_time as e
                from (
                    select {keys}, moment, {flag} from {states}
                    qualify {flag} <> lag({flag}, 1, false) over (partition by {keys} order by moment)
                ) window by_time as (partition by {keys} order by moment)
            ) where {flag} group by {keys}
        )"""


def _fold(frames: Sequence[Definition], first: int) -> str:
    sql = ""
    for number, frame in enumerate(frames, first):
        count = frame.get("count")
        n = f"n{number}"
        holds = f"{n} >= 1"
        if count:
            operator = {"eq": "=", "gte": ">=", "lte": "<="}[count["op"]]
            holds = f"({n} >= 1 and {n} {operator} {count['n']})"
        relation = frame.get("relation", "and")
        if not sql:
            sql = f"not ({holds})" if relation == "not" else holds
        else:
            sql = f"({sql}) {'and not' if relation == 'not' else relation} ({holds})"
    return sql


def _holds_at_first(frames: Sequence[Definition], *, when_empty: bool) -> bool:
    """Return whether the frames hold while nothing has happened yet: only a `not` can."""
    return any(frame.get("relation") == "not" for frame in frames) if frames else when_empty


def _spans(frame: Definition, keys: str, all_anchored: bool) -> str:
    """Return the query of a frame's occurrences as spans, of the customers who have an anchor."""
    if "anchor_key" not in keys:
        return _of_anchored(frame, all_anchored)
    after = "and o.s > anchors.anchor_at" if _since_anchor(frame) else ""
    return f"""
        select anchors.customer_id, anchors.anchor_key, o.s, o.e from ({occurrences(frame)}) as o
        inner join anchors on anchors.customer_id = o.customer_id {after}"""


def _of_anchored(frame: Definition, all_anchored: bool) -> str:
    # where nearly every customer has an anchor, looking for the others costs more than it saves
    where = "" if all_anchored else "where customer_id in (select customer_id from anchors)"
    return f"select customer_id, s, e from ({occurrences(frame)}) {where}"


def _since_anchor(frame: Definition) -> bool:
    return frame.get("since", "all_time" if frame.get("count") else "anchor") == "anchor"


def _frames(definition: Definition, section: str) -> list[Definition]:
    return list(definition[section]["frames"])


def _is_first_occurrence(stop: Sequence[Definition]) -> bool:
    return len(stop) == 1 and _since_anchor(stop[0]) and "count" not in stop[0]
