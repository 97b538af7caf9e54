"""Explanations as trees, for people at a terminal or on a run's page. Nothing is decided or read here."""

from zoneinfo import ZoneInfo

from rich.text import Text
from rich.tree import Tree

from ekiden.counting import counted, in_number
from ekiden.insights.explanation.checks import Check
from ekiden.insights.explanation.explain import AnchorExplanation, EntryVerdict, Explanation, NoAnchor
from ekiden.insights.explanation.wording import SHOWN_FACTS, anchor_in_words, fact_in_words, local, spans_in_words

SHOWN_CANDIDATES = 10
"""Orders that are no anchor and are listed, the latest first."""

SHOWS_THEM = "`ekiden why --all` shows them"
"""Dagster shows the same tree, and no form of it has such a field."""

VERDICT_STYLE = {
    EntryVerdict.ENTERED: "bold green",
    EntryVerdict.MAY_ENTER: "bold green",
    EntryVerdict.WAITS: "bold yellow",
    EntryVerdict.KEPT_OUT: "bold red",
}


def explanation_tree(explanation: Explanation, zone: ZoneInfo, *, everything: bool = False) -> Tree:
    """Return an explanation as a tree: the verdict, what fails first and what comes next; then everything asked.

    Of what could be an anchor and is none the latest are listed, or `everything`.
    """
    version = f" version {explanation.scenario_version}" if explanation.scenario_version else ""
    tree = Tree(
        Text.assemble(
            (f"customer {explanation.customer_id}", "bold"),
            f" and scenario {explanation.scenario_code}{version} at {local(explanation.at, zone)}: ",
            (explanation.sentence, VERDICT_STYLE[explanation.verdict]),
        )
    )
    if explanation.first_failing:
        tree.add(Text.assemble(("fails first: ", "bold"), explanation.first_failing))
    tree.add(Text.assemble(("next: ", "bold"), explanation.next))
    for note in explanation.notes:
        tree.add(Text(f"note: {note}"))
    for check in explanation.customer:
        _add(tree, check, zone)
    for anchor in explanation.anchors:
        _add_anchor(tree, anchor, zone)
    if explanation.folded_anchors:
        folded = explanation.folded_anchors
        others = f"{counted(folded, 'other anchor')} that {in_number(folded, 'decides', 'decide')}"
        tree.add(Text(f"and {others} nothing now; {SHOWS_THEM}"))
    if explanation.no_anchors:
        _add_no_anchors(tree, explanation.no_anchors, None if everything else SHOWN_CANDIDATES, zone)
    planning = tree.add(Text(f"scenario {explanation.scenario_name}"))
    for check in explanation.scenario:
        _add(planning, check, zone)
    if explanation.rows:
        rows = tree.add(Text("schedule rows"))
        for row in explanation.rows:
            rows.add(Text(row))
    if explanation.delivery:
        delivery = tree.add(Text("delivery, as a sender would find it now"))
        for check in explanation.delivery:
            _add(delivery, check, zone)
    return tree


def _add_anchor(tree: Tree, anchor: AnchorExplanation, zone: ZoneInfo) -> None:
    node = tree.add(Text(f"anchor {anchor_in_words(anchor.kind, anchor.key, zone)}, {local(anchor.at, zone)}"))
    for check in anchor.conditions:
        _add(node, check, zone)
    node.add(Text(f"its conditions let it enter: {spans_in_words(anchor.may_enter, zone)}"))
    planning = node.add(Text("planning"))
    for check in anchor.planning:
        _add(planning, check, zone)


def _add_no_anchors(tree: Tree, no_anchors: tuple[NoAnchor, ...], most: int | None, zone: ZoneInfo) -> None:
    node = tree.add(Text("looked at, and no anchor"))
    for found in no_anchors[:most]:
        node.add(Text(f"{found.key} of {local(found.at, zone)}: {'; '.join(found.reasons)}"))
    if most is not None and (more := len(no_anchors) - most) > 0:
        node.add(Text(f"and {counted(more, 'earlier one')}; {SHOWS_THEM}"))


def _add(tree: Tree, check: Check, zone: ZoneInfo) -> None:
    held = f" · holds {spans_in_words(check.held, zone)}" if check.held is not None else ""
    node = tree.add(Text.assemble(_mark(check), check.wording, (held, "dim")))
    _add_facts(node, check, zone)
    for child in check.children:
        _add(node, child, zone)


def _mark(check: Check) -> tuple[str, str]:
    if check.passes is None:
        return ("● ", "green") if check.holds else ("○ ", "dim")
    return ("✓ ", "green") if check.passes else ("✗ ", "red")


def _add_facts(tree: Tree, check: Check, zone: ZoneInfo) -> None:
    for fact in check.facts[-SHOWN_FACTS:]:
        tree.add(Text(fact_in_words(fact, zone)))
    if (more := len(check.facts[:-SHOWN_FACTS]) + check.earlier_facts) > 0:
        tree.add(Text(f"and {counted(more, 'earlier one')}"))
