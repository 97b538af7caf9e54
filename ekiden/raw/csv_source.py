"""Rows of a CSV file, as text, with the physical line each starts on.

Belongs here: RFC 4180, in the file's encoding, and the faults of such a file as a file. Does not belong here: what a
value means or may be (`checks`), and which encoding a file has (`encodings`).
"""

import csv
import io
import os
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO

from ekiden.raw.encodings import NOT_TEXT, why_no_text
from ekiden.raw.faults import Fault, FaultList
from ekiden.raw.folder import SourceFile, check_header

ROWS_PER_BLOCK = 10_000
"""Some hundred kilobytes of text: little memory, and long enough that the cost of a block does not show."""

BYTE_ORDER_MARK = "\ufeff"

OTHER_SEPARATORS = {";": "`;`", "\t": "a tab", "|": "`|`"}
"""What some programs write between fields, and how it is called."""

LONE_RETURN = "has a carriage return alone outside of quotes; lines end with LF or CRLF"


class CsvSource:
    """One CSV file: `header` is None if it cannot be read, and `blocks` gives CSV for COPY, line last."""

    unit = "bytes"

    def __init__(self, file: SourceFile, stream: BinaryIO, faults: FaultList) -> None:
        self._file, self._stream, self._faults = file, stream, faults
        self.total = os.fstat(stream.fileno()).st_size
        self._lines_read = 0
        self._is_at_end = False
        self._reader = csv.reader(self._lines(), strict=True)
        self.header = self._read_header()

    @property
    def done(self) -> int:
        return self._stream.tell()

    def blocks(self) -> Iterator[bytes]:
        """Yield the rows in blocks; rows that cannot be read become faults."""
        rows = self._rows()
        while block := list(islice(rows, ROWS_PER_BLOCK)):
            text = io.StringIO(newline="")
            # either character of the line break puts a value into quotes; COPY takes neither outside of them
            csv.writer(text, lineterminator="\r\n").writerows(block)
            yield text.getvalue().encode()

    def _read_header(self) -> list[str] | None:
        if reason := why_no_text(self._stream.read(max(map(len, NOT_TEXT)))):
            self._faults.add_unreadable(Fault(self._file.name, reason))
            return None
        self._stream.seek(0)
        try:
            header = next(self._reader, None)
        except csv.Error as error:
            self._unreadable(1, LONE_RETURN if _is_lone_return(error) else f"the header is not CSV: {error}")
            return None
        if not header:
            self._unreadable(1, "has no header; the first line names the columns")
            return None
        if self._file.name in self._faults.incomplete:
            return None  # the header's own line is not UTF-8: its names would only be guesses
        others = [name for sign, name in OTHER_SEPARATORS.items() if sign in header[0]]
        if len(header) == 1 and others:
            self._unreadable(1, f"has no comma but {others[0]} in its header; fields are separated by commas")
            return None
        return header if check_header(self._file, header, self._faults) else None

    def _rows(self) -> Iterator[list[str]]:
        reader, width = self._reader, len(self.header or ())
        while True:
            start = self._lines_read + 1
            try:
                for row in reader:
                    if self._lines_read > start:
                        self._torn(start)
                    if len(row) == width:
                        row.append(str(start))
                        yield row
                    elif row:  # an empty line is no row
                        self._unreadable(start, f"has {len(row)} fields where the header has {width}")
                    start = self._lines_read + 1
                return
            except csv.Error as error:
                if self._lines_read > start or self._is_at_end:
                    self._torn(start)
                self._unreadable(start, LONE_RETURN if _is_lone_return(error) else f"is not CSV: {error}")

    def _lines(self) -> Iterator[str]:
        # no line break hides in a longer character: in CP932 as in UTF-8 the byte of one is always one
        encoding = self._file.encoding
        for line in self._stream:
            self._lines_read += 1
            try:
                text = line.decode(encoding)
            except UnicodeDecodeError as error:
                way_out = "; a file in Shift_JIS becomes so by `iconv -f CP932 -t UTF-8`" if encoding == "utf-8" else ""
                self._unreadable(
                    self._lines_read, f"is not {encoding.upper()} (byte {error.start + 1} of the line){way_out}"
                )
                text = line.decode(encoding, errors="replace")
            if b"\0" in line:
                self._unreadable(self._lines_read, "holds a NUL byte, which PostgreSQL cannot store")
                text = text.replace("\0", "")
            yield text.removeprefix(BYTE_ORDER_MARK) if self._lines_read == 1 else text
        self._is_at_end = True

    def _unreadable(self, line: int, reason: str) -> None:
        self._faults.add_unreadable(Fault(self._file.name, reason, line))

    def _torn(self, line: int) -> None:
        # a value may have several lines; but if it should not, whole rows have become part of it
        self._faults.add_torn(Fault(self._file.name, "has a quote that is not closed on this line", line))


def _is_lone_return(error: csv.Error) -> bool:
    # its own words are about how Python opens a file
    return str(error).startswith("new-line character")
