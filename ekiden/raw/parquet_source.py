"""Rows of a Parquet file, as text, numbered from 1.

Belongs here: turning Parquet's types into the text the checks read, by whole columns. Does not belong here:
what a value means or may be (`checks`).
"""

import io
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from ekiden.raw.faults import Fault, FaultList
from ekiden.raw.folder import SourceFile, check_header
from ekiden.raw.shape import ColumnType

ROWS_PER_BLOCK = 100_000
"""Ten megabytes or so at once: little memory, and long enough that the cost of a block does not show."""

_CSV_OPTIONS = pa_csv.WriteOptions(include_header=False)


class ParquetSource:
    """One Parquet file: `header` is None if it cannot be read, and `blocks` gives CSV for COPY, row last."""

    unit = "rows"

    def __init__(self, file: SourceFile, faults: FaultList) -> None:
        self._file, self._faults = file, faults
        self.total = self.done = 0
        self.header = self._read_header()

    def blocks(self) -> Iterator[bytes]:
        """Yield the rows in blocks; values that cannot be stored become faults."""
        try:
            for batch in self._parquet.iter_batches(batch_size=ROWS_PER_BLOCK, columns=self.header):
                yield self._block(batch)
                self.done += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            reason = f"cannot be read after row {self.done}: {' '.join(str(error).split())}"
            self._unreadable(reason)
            self._faults.add_torn(Fault(self._file.name, reason))

    def _read_header(self) -> list[str] | None:
        try:
            self._parquet = pq.ParquetFile(self._file.path)
        except (pa.ArrowException, OSError) as error:
            self._unreadable(f"is not a readable Parquet file: {error}")
            return None
        self.total = self._parquet.metadata.num_rows
        schema = self._parquet.schema_arrow
        if not check_header(self._file, schema.names, self._faults):
            return None
        for field in schema:
            if reason := _unusable(field.type, self._file.table.column(field.name).type):
                self._unreadable(reason, column=field.name)
        return None if self._file.name in self._faults.incomplete else list(schema.names)

    def _block(self, batch: pa.RecordBatch) -> bytes:
        columns = [_text(column) for column in batch.columns]
        rows = pa.array(range(self.done + 1, self.done + 1 + batch.num_rows), pa.int64())
        table = pa.RecordBatch.from_arrays([*columns, rows], names=[*batch.schema.names, "line"])
        text = io.BytesIO()
        pa_csv.write_csv(table, text, _CSV_OPTIONS)
        block = text.getvalue()
        if _storable(block):
            return block
        self._tell_unstorable(batch.schema.names, columns)
        return b""

    def _tell_unstorable(self, names: list[str], columns: list[pa.StringArray]) -> None:
        for name, column in zip(names, columns, strict=True):
            for index, value in enumerate(column.cast(pa.binary()).to_pylist()):
                if value is not None and not _storable(value):
                    reason = "holds a NUL byte" if b"\0" in value else "is not UTF-8"
                    reason = f"{reason}, which PostgreSQL cannot store"
                    self._unreadable(reason, self.done + index + 1, name)
                    # the rows around it are not read either
                    self._faults.add_torn(Fault(self._file.name, reason, self.done + index + 1, name))

    def _unreadable(self, reason: str, row: int | None = None, column: str | None = None) -> None:
        self._faults.add_unreadable(Fault(self._file.name, reason, row, column))


def _text(column: pa.Array) -> pa.StringArray:
    if pa.types.is_timestamp(column.type) and column.type.tz:
        # an instant, so its zone does not matter; told in UTC, it needs no time zone database
        utc = column.cast(pa.int64()).cast(pa.timestamp(column.type.unit)).cast(pa.string())
        return pc.binary_join_element_wise(utc, "Z", "")
    return column.cast(pa.string())


def _unusable(found: pa.DataType, wanted: ColumnType) -> str | None:
    """Return why a column of Parquet type `found` cannot be read as `wanted`, or None if it can."""
    if pa.types.is_dictionary(found):
        found = found.value_type
    if pa.types.is_nested(found):
        return f"is of the nested type {found}; write it as text" + " (JSON)" * (wanted is ColumnType.JSON)
    if wanted is ColumnType.TEXT and pa.types.is_floating(found):
        # 1234567890123456789.0 would arrive as 1.2345678901234568e+18
        return f"is of type {found}, which does not keep long identifiers; write it as text or whole numbers"
    return None


def _storable(text: bytes) -> bool:
    if b"\0" in text:
        return False
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
