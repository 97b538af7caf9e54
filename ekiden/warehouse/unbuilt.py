"""Which scenarios a dbt build did not get done, read from what dbt leaves behind, and why.

A scenario's own SQL can be right in every file and fail on the day's data; so can a segment, a model of the shop's own
or a test. Belongs here: whom a failed build blames. Does not belong here: calling dbt (`ekiden.warehouse.build`), and
leaving a scenario out of the plan (`ekiden.scenarios.left_out`).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ekiden.scenarios.left_out import UnbuiltScenario
from ekiden.scenarios.source import ELIGIBILITY
from ekiden.warehouse.project import short

RESULTS = "run_results.json"
MANIFEST = "manifest.json"

DONE = frozenset({"success", "pass", "warn", "no-op"})
SKIPPED = "skipped"

STOPS_PLANNING = "stops_planning"
"""In the `meta` of a model's config: nothing is planned without it, whoever reads it."""


@dataclass(frozen=True)
class UnbuiltModel:
    """A model that is no scenario and failed, by itself or in a test of it."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


@dataclass(frozen=True)
class Unbuilt:
    """What a failed build left undone where not everybody is concerned, so that the other scenarios may go on."""

    scenarios: tuple[UnbuiltScenario, ...]
    models: tuple[UnbuiltModel, ...]
    """Whatever else failed; scenarios that read it are among the unbuilt."""
    others: int
    """Scenarios of the same build that were built."""


def stops_planning(node: Mapping[str, Any] | None) -> bool:
    """Return whether nothing may be planned where this node of the manifest failed; not even a node: a hook."""
    return node is None or bool((node["config"].get("meta") or {}).get(STOPS_PLANNING))


def unbuilt_scenarios(target: Path) -> Unbuilt | None:
    """Return what the build in this target folder did not get done; None if that concerns every scenario.

    A segment, a model of the shop's own or a test that fails is blamed on the scenarios that read or have it, and on
    nobody where none does. What fails of what says `stops_planning`, or before anything was built, concerns everybody.
    """
    try:
        results = json.loads((target / RESULTS).read_text(encoding="utf-8"))["results"]
        nodes = json.loads((target / MANIFEST).read_text(encoding="utf-8"))["nodes"]
    except (OSError, ValueError, KeyError):
        return None
    failed: dict[str, str] = {}
    for result in results:
        if result["status"] in DONE or result["status"] == SKIPPED:
            continue
        blamed = list(_blamed(nodes.get(result["unique_id"])))
        if not blamed or any(stops_planning(nodes.get(each)) for each in blamed):
            return None
        for each in blamed:
            failed.setdefault(each, _in_words(result, nodes[result["unique_id"]], nodes[each]))
    if not failed:
        return None
    statuses = {result["unique_id"]: result["status"] for result in results}
    scenarios = {unique_id for unique_id in statuses if _is_scenario(nodes.get(unique_id))}
    # of a test that is selected without its model
    scenarios |= {unique_id for unique_id in failed if _is_scenario(nodes[unique_id])}
    reasons = {
        unique_id: _reason(unique_id, nodes, failed)
        for unique_id in sorted(scenarios)
        if unique_id in failed or statuses[unique_id] not in DONE
    }
    return Unbuilt(
        tuple(_unbuilt(nodes[unique_id], reason) for unique_id, reason in reasons.items()),
        tuple(
            UnbuiltModel(nodes[unique_id]["name"], short(reason))
            for unique_id, reason in sorted(failed.items())
            if unique_id not in scenarios
        ),
        others=len(scenarios - reasons.keys()),
    )


def _blamed(node: Mapping[str, Any] | None) -> Iterator[str]:
    """Yield the models that a failed node is about: itself, or what a test looks at."""
    if node is None:
        return
    if node["resource_type"] != "test":
        yield node["unique_id"]
    elif attached := node.get("attached_node"):
        yield attached
    else:
        yield from node["depends_on"].get("nodes", ())


def _is_scenario(node: Mapping[str, Any] | None) -> bool:
    return (
        node is not None
        and node["resource_type"] == "model"
        and Path(node["original_file_path"]).is_relative_to(ELIGIBILITY)
    )


def _in_words(result: Mapping[str, Any], node: Mapping[str, Any], blamed: Mapping[str, Any]) -> str:
    said = " ".join((result.get("message") or result["status"]).split())
    if node["unique_id"] != blamed["unique_id"]:
        return f"its test {node['name']} failed: {said}"
    return said


def _reason(unique_id: str, nodes: Mapping[str, Any], failed: Mapping[str, str]) -> str:
    """Return why a scenario was not built: by its own failure, or that of the nearest model behind it."""
    if unique_id in failed:
        return failed[unique_id]
    waiting, seen = [unique_id], {unique_id}
    for behind in waiting:
        # what stands behind nothing else, like a seed, names macros alone
        parents: Sequence[str] = nodes[behind]["depends_on"].get("nodes", ())
        for parent in parents:
            if parent in failed:
                return f"what it reads, {nodes[parent]['name']}, was not built: {failed[parent]}"
            if parent in nodes and parent not in seen:
                seen.add(parent)
                waiting.append(parent)
    return "dbt skipped it"


def _unbuilt(node: Mapping[str, Any], reason: str) -> UnbuiltScenario:
    written = (node["config"].get("meta") or {}).get("scenario") or {}
    return UnbuiltScenario(
        model_name=node["name"],
        relation_name=f'"{node["schema"]}"."{node["alias"]}"',
        code=written.get("code") if isinstance(written.get("code"), str) else None,
        reason=short(f"could not be built: {reason}"),
    )
