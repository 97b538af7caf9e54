"""Variants of a content by the kind of address: the ordinary one, and one for mobile carriers' addresses (R-143).

Belongs here: which variants a content has. Does not belong here: which kind an address is (`ekiden.delivery`).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ekiden.content.faults import ContentFault
from ekiden.content.lengths import fault_of_length
from ekiden.content.render import MessageVariables, StepContent, load_content, render, sample_variables
from ekiden.content.sources import SHORT_CHANNELS, mobile_variant

ContentVariant = Literal["pc", "mobile"]


@dataclass(frozen=True)
class Variants:
    """One step's content in every variant it has; a fault stands where one cannot be sent."""

    pc: StepContent | ContentFault
    """The ordinary content, for every address that has no variant of its own."""
    mobile: StepContent | ContentFault | None = None
    """None where there is no such variant."""

    def of(self, kind: ContentVariant) -> StepContent | ContentFault:
        """Return the variant for a kind of address: its own, else the ordinary one."""
        return self.mobile if kind == "mobile" and self.mobile is not None else self.pc

    @property
    def fault(self) -> ContentFault | None:
        """What is wrong with one of the variants, whoever it is for; None where it is at most somebody's data."""
        return _fault(self.pc) or (_fault(self.mobile) if self.mobile else None)


def load_variants(folder: Path, name: str, channel: str) -> Variants:
    """Return content `name` ("cross_sell/step_1") of `folder` in its variants; never raises for what is in them."""
    return Variants(*(_load(folder, variant, channel) for variant in variant_names(folder, name, channel)))


def variant_names(folder: Path, name: str, channel: str = "html_email") -> tuple[str, ...]:
    """Return the names of a content's variants, the ordinary one first; only mail has others."""
    mobile = None if channel in SHORT_CHANNELS else mobile_variant(folder, name)
    return (name, mobile) if mobile else (name,)


def try_out(content: StepContent, variables: MessageVariables) -> None:
    """Raise `ContentFault` where no message can be made of `variables`, or its channel takes none so long."""
    rendered = render(content, variables)
    if fault := fault_of_length(content.sources.short_channel, rendered):
        raise ContentFault(content.sources.text.path, None, fault)


def _load(folder: Path, name: str, channel: str) -> StepContent | ContentFault:
    try:
        return load_content(folder, name, channel)
    except ContentFault as fault:
        return fault


def _fault(content: StepContent | ContentFault) -> ContentFault | None:
    if isinstance(content, ContentFault):
        return content
    try:
        try_out(content, sample_variables())
    except ContentFault as fault:
        return fault
    return None
