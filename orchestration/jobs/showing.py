"""Showing what a job found or did."""

from collections.abc import Mapping

from dagster import IntMetadataValue, MetadataValue, OpExecutionContext


def show(context: OpExecutionContext, metadata: Mapping[str, MetadataValue]) -> None:
    """Put a job's metadata where its run shows it: on the op's output, and the counts in the log."""
    context.add_output_metadata(dict(metadata))
    counts = {name: value.value for name, value in metadata.items() if isinstance(value, IntMetadataValue)}
    if counts:
        context.log.info(", ".join(f"{name}: {value:,}" for name, value in counts.items()))
