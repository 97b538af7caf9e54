"""Whether a scenario's contents can be sent to everybody whom its definition lets in, tried before the first of them.

Belongs here: which variables a definition leaves empty, for everybody or for some. Does not belong here: what is wrong
with a content whoever it is for (`ekiden.content`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ekiden.content.render import (
    ContentFault,
    MessageVariables,
    faults_of_content,
    load_content,
    render,
    sample_variables,
)
from ekiden.content.variants import try_out, variant_names
from ekiden.scenarios.anchor import ORDER_ANCHORS
from ekiden.scenarios.definition import SENT_CHANNELS, DefinitionFault, ScenarioDefinition
from ekiden.scenarios.faults import fault
from ekiden.scenarios.report import Severity
from ekiden.scenarios.rules import frames, kind_of_anchor

PRODUCTS = tuple(f"Product {number}" for number in range(1, 6))
"""As many as a message names at most."""

EVENT = "event"

CONTENT_BROKEN = "content_broken"
"""The rule of a content that can be sent to nobody; it leaves nobody out of the plan."""

WAY_OUT = "; ask for what may be empty with {% if %}, or write `or`"


@dataclass(frozen=True)
class Trial:
    """A message to try; where it cannot be made, `words` say of whom that is true."""

    variables: MessageVariables
    words: str = ""
    severity: Severity = "error"


def content_findings(
    scenario: ScenarioDefinition, folder: Path, *, is_by_hand: bool
) -> Iterator[tuple[Severity, DefinitionFault]]:
    """Yield why contents of `folder` cannot be sent to anybody (errors), or to some (warnings).

    `is_by_hand`: the model's SQL is its author's, and its anchors may be of any kind. What a list names is written and
    kept outside of Ekiden.
    """
    trials = tuple(_trials(scenario, is_by_hand))
    for index, step in enumerate(scenario.steps or ()):
        if step is None or step.content is None or step.channel not in SENT_CHANNELS:
            continue
        place = ("steps", index, "content")
        broken: dict[str, None] = {}
        for name in variant_names(folder, step.content, step.channel):
            of_step = (replace(each, variables=each.variables._replace(step_no=index + 1)) for each in trials)
            for severity, problem in _problems(folder, name, step.channel, of_step):
                if severity == "error":
                    broken[problem] = None
                else:
                    yield severity, fault("content_fails_for_some", place, problem, name)
        if broken:
            # one finding, as all stands at one place of the definition
            yield "error", fault(CONTENT_BROKEN, place, "; besides ".join(broken), step.content)


def _problems(folder: Path, name: str, channel: str, trials: Iterable[Trial]) -> Iterator[tuple[Severity, str]]:
    """Yield what keeps a content from being made for anybody, else each thing that is wrong for some."""
    if faults := faults_of_content(folder, name, channel):
        yield from (("error", str(each)) for each in faults)
        return
    told = set()
    for trial in trials:
        # what is too long for some alone is refused by the channel; they are not skipped, as warnings say
        tried = try_out if trial.severity == "error" else render
        try:
            tried(load_content(folder, name, channel), trial.variables)
        except ContentFault as problem:
            # who has no name at all has no given name either
            if str(problem) not in told:
                yield trial.severity, f"{problem}{trial.words}"
            told.add(str(problem))
            if trial.severity == "error":
                return


def _trials(scenario: ScenarioDefinition, is_by_hand: bool) -> Iterator[Trial]:
    full = sample_variables()._replace(anchor_products=PRODUCTS, offered_products=PRODUCTS)
    yield Trial(full)
    anchor = kind_of_anchor(scenario)
    has_products = anchor is None or anchor in ORDER_ANCHORS or anchor == EVENT or is_by_hand
    most = full if has_products else full._replace(anchor_products=())
    yield Trial(most, f". anchor_products is empty here, as the anchor {anchor} is of no product{WAY_OUT}")
    stops = [frame for place, frame in frames(scenario) if place[0] == "stop" and getattr(frame, "codes", None)]
    named = PRODUCTS[: len({code for frame in stops if frame.type == "product" for code in frame.codes})]
    # any frame's code may be that of a product
    if all(frame.type == "product" for frame in stops):
        most = most._replace(offered_products=named)
    yield Trial(most, f". offered_products holds {len(named) or 'none'} here, the products that `stop` names{WAY_OUT}")
    source, without = ("event", "an event of no product") if anchor == EVENT else ("order", "no order")
    may_lack_products = is_by_hand or anchor == EVENT
    for who, lacking in (
        (f"an {source} of one product", most._replace(anchor_products=most.anchor_products[:1])),
        (without, most._replace(anchor_products=()) if may_lack_products else most),
        ("nothing that is offered", most._replace(offered_products=named)),
        ("no given name", most._replace(given_name="", customer_name=most.family_name)),
        ("no family name", most._replace(family_name="", customer_name=most.given_name)),
        ("no name", most._replace(given_name="", family_name="", customer_name="")),
    ):
        words = f". That is so for customers with {who}, who would be skipped (content_invalid){WAY_OUT}"
        yield Trial(lacking, words, "warning")
    yield Trial(most._replace(shop_url=""), f". That is so where EKIDEN_SHOP_URL is not set{WAY_OUT}", "warning")
