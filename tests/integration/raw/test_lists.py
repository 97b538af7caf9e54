"""What a file of customers becomes: people on a list, all of them or nobody."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ekiden.raw.encodings import Encoding, look_at
from ekiden.raw.list_folder import FileChanged, files_in, list_code_of, take
from ekiden.raw.lists import ListReport, import_list
from ekiden.raw.load import LoadRefused
from ekiden.schedule.runs import RunContext
from ekiden.settings import Settings

NOW = datetime(2026, 5, 1, 3, 0, tzinfo=UTC)
ACTOR = RunContext("hanako@shop.example", dagster_run_id="run-1")
MANY = int(os.environ.get("EKIDEN_TEST_LISTED_ROWS", "5000"))
"""People on a long list; a million have been imported once."""


BAD_FILES: list[tuple[str | bytes, str]] = [
    ("customer_id\nC1\nC9\n", "spring.csv, line 3, column customer_id: 'C9' is not in customers"),
    ("customer_id,added_at\nC1,\n,\n", "spring.csv, line 3, column customer_id: is empty and required"),
    ("customer_id,added_at\nC1,yesterday\n", "line 2, column added_at: 'yesterday' is not a time"),
    ("customer_id,list_code\nC1,autumn\n", "line 2, column list_code: 'autumn' is not allowed; write spring"),
    ("customer_id\nC1,C2\n", "line 2: has 2 fields where the header has 1"),
    ('customer_id\nC1\n"C2\n', "line 3: is not CSV"),
    ("member\nC1\n", "line 1, column customer_id: is missing and required"),
    ("customer_id;added_at\nC1;\n", "line 1: has no comma but `;` in its header"),
    ("", "spring.csv, line 1: has no header"),
    ("customer_id\n", "spring.csv: has no rows; a list has at least one"),
    ("customer_id\nC1\n".encode("utf-16"), "spring.csv: is UTF-16; save it as CSV UTF-8"),
    (b"customer_id\nC1\nC\x002\n", "line 3: holds a NUL byte"),
    (b"customer_id\nC1\n\xff\xfe\xfd\n", "line 3: is not UTF-8 (byte 1 of the line)"),
]


class Lists:
    """A shop with the customers C1, C2, C3 and 駅1, and files to import."""

    def __init__(self, settings: Settings, connection: psycopg.Connection[Any], folder: Path) -> None:
        self.settings, self.connection, self.folder, self.now = settings, connection, folder, NOW

    def file(self, content: str | bytes, name: str = "spring.csv", encoding: str = "utf-8") -> Path:
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    def load(self, content: str | bytes, list_code: str = "spring", **options: Any) -> ListReport:
        encoding = options.pop("written", "utf-8")
        return self.load_file(self.file(content, encoding=encoding), list_code, **options)

    def load_file(self, file: Path, list_code: str = "spring", **options: Any) -> ListReport:
        return import_list(
            self.connection, file, list_code, now=self.now, settings=self.settings, context=ACTOR, **options
        )

    def faults_of(self, content: str | bytes, **options: Any) -> list[str]:
        before = self.members()
        with pytest.raises(LoadRefused) as refused:
            self.load(content, **options)
        assert self.members() == before
        return [str(fault) for fault in refused.value.faults]

    def members(self, list_code: str = "spring") -> dict[str, datetime]:
        return dict(
            self.connection.execute(
                "select customer_id, added_at from raw.list_members where list_code = %s", [list_code]
            ).fetchall()
        )


@pytest.fixture
def lists(settings: Settings, connection: psycopg.Connection[Any], tmp_path: Path) -> Lists:
    connection.execute(
        "insert into raw.customers (customer_id, registered_at)"
        " select unnest(array['C1', 'C2', 'C3', '駅1']), '2025-01-01'"
    )
    connection.commit()
    return Lists(settings, connection, tmp_path)


def test_customers_come_onto_the_list_at_the_instant_of_the_import(lists: Lists) -> None:
    report = lists.load("customer_id\nC1\nC2\n")
    assert lists.members() == {"C1": NOW, "C2": NOW}
    assert (report.rows_read, report.added, report.already_listed) == (2, 2, 0)


def test_importing_a_file_again_changes_nothing_and_another_one_adds_people(lists: Lists) -> None:
    lists.load("customer_id\nC1\nC2\n")
    looking = "select customer_id, xmin::text, loaded_at from raw.list_members order by customer_id"
    before = lists.connection.execute(looking).fetchall()
    lists.now += timedelta(days=1)
    report = lists.load("customer_id\nC1\nC2\n")
    assert (report.added, report.already_listed) == (0, 2)
    lists.now = NOW - timedelta(days=400)  # a clock that was set back moves nobody either
    lists.load("customer_id\nC2\nC1\n")
    assert lists.connection.execute(looking).fetchall() == before
    lists.now = NOW + timedelta(days=2)
    assert lists.load("customer_id\nC3\nC1\n").added == 1
    assert lists.members() == {"C1": NOW, "C2": NOW, "C3": lists.now}


def test_another_list_has_its_own_people(lists: Lists) -> None:
    lists.load("customer_id\nC1\n")
    lists.load("customer_id\nC1\n", "春のカタログ")
    assert lists.members("春のカタログ") == {"C1": NOW}


def test_a_file_may_say_when_and_repeat_its_list(lists: Lists) -> None:
    lists.load(
        "added_at,customer_id,list_code\n2026-04-01 09:00,C1,spring\n,C2,\n2026-04-03T00:00:00Z,C3,spring\n",
    )
    assert lists.members() == {
        "C1": datetime(2026, 4, 1, 0, 0, tzinfo=UTC),
        "C2": NOW,
        "C3": datetime(2026, 4, 3, tzinfo=UTC),
    }


def test_who_stands_in_the_file_twice_comes_onto_the_list_once_with_the_earlier_time(lists: Lists) -> None:
    report = lists.load("customer_id,added_at\nC1,2026-04-02 00:00:00Z\nC1,2026-04-02 08:00+09:00\nC2,\nC2,\n")
    assert (report.rows_read, report.added, report.repeated) == (4, 2, 2)
    assert lists.members() == {"C1": datetime(2026, 4, 1, 23, 0, tzinfo=UTC), "C2": NOW}


def test_a_fault_is_told_with_its_place_and_nobody_comes_onto_the_list(lists: Lists) -> None:
    for content, fault in BAD_FILES:
        assert any(fault in told for told in lists.faults_of(content)), fault
    assert lists.connection.execute("select count(*) from outreach.imported_lists").fetchone() == (0,)


def test_bad_rows_can_be_left_out_knowingly(lists: Lists) -> None:
    report = lists.load("customer_id,added_at\nC1,\nC9,\nC2,soon\nC3,,x\n,\nC8,never\n駅1,\n", skip_bad_rows=True)
    assert set(lists.members()) == {"C1", "駅1"}
    assert (report.rows_read, report.added, report.left_out) == (7, 2, 5)
    assert [fault.line for fault in report.faults] == [3, 4, 5, 6, 7]


def test_a_file_that_is_all_bad_is_refused_all_the_same(lists: Lists) -> None:
    for content in ("customer_id\nC8\nC9\n", "member\nC1\n", b"customer_id\nC1\n\xff\n"):
        assert lists.faults_of(content, skip_bad_rows=True)


@pytest.mark.parametrize(
    "rows",
    [
        # the end of the file closes it
        ["C1", '"C2', "C3", "駅1"],
        # another one's quote does, and the row ends or not
        ["C1", '"C2', "C3", '駅1"', "C3"],
        ["C1", '"C2', "C3", '"駅1"', "C3"],
        ["C1", '"C2', "C3", '駅1",2', "C3"],
        # cut off on the last line
        ["C1", "C2", '"C3'],
    ],
)
def test_rows_that_a_quote_has_swallowed_are_never_left_out_untold(lists: Lists, rows: list[str]) -> None:
    line = next(number for number, row in enumerate(rows, 2) if row.startswith('"'))
    (fault,) = lists.faults_of("\n".join(["customer_id", *rows, ""]), skip_bad_rows=True)
    assert fault.startswith(f"spring.csv, line {line}: has a quote that is not closed on this line: how many rows")
    assert lists.faults_of("\n".join(["customer_id", *rows, ""]))


def test_a_quote_in_the_wrong_place_of_one_line_costs_that_row_alone(lists: Lists) -> None:
    report = lists.load('customer_id\nC1\n"C2"x\nC3\n', skip_bad_rows=True)
    assert set(lists.members()) == {"C1", "C3"}
    assert (report.rows_read, report.left_out) == (3, 1)


def test_a_parquet_file_of_which_a_part_cannot_be_read_is_never_left_out_untold(lists: Lists) -> None:
    file = lists.folder / "spring.parquet"
    pq.write_table(pa.table({"customer_id": ["C1", "C\0", "C3"]}), file)
    with pytest.raises(LoadRefused, match=r"row 2, column customer_id: holds a NUL byte.* how many rows"):
        lists.load_file(file, skip_bad_rows=True)
    # the index at its end is whole, and of its pages the later ones are not
    people = [f"N{number:06}" for number in range(150_000)]
    pq.write_table(
        pa.table({"customer_id": ["C1", *people]}),
        file,
        row_group_size=100_000,
        compression="none",
        use_dictionary=False,
    )
    content = bytearray(file.read_bytes())
    middle = pq.ParquetFile(file).metadata.row_group(1).column(0).data_page_offset
    content[middle : middle + 64] = b"\xff" * 64
    file.write_bytes(content)
    with pytest.raises(LoadRefused, match=r"cannot be read after row 100000: .* how many rows"):
        lists.load_file(file, skip_bad_rows=True)
    assert lists.members() == {}


def test_what_spreadsheets_save_is_told_apart(lists: Lists) -> None:
    for written in ("utf-8", "utf-8-sig", "cp932"):
        report = lists.load("customer_id\r\n駅1\r\nC1\r\n", written, written=written)
        assert set(lists.members(written)) == {"駅1", "C1"}
        assert report.encoding == ("cp932" if written == "cp932" else "utf-8")


def test_an_encoding_that_is_asked_for_is_taken_at_its_word(lists: Lists) -> None:
    lists.load("customer_id\n駅1\n", written="cp932", encoding=Encoding.CP932)
    assert set(lists.members()) == {"駅1"}
    (fault,) = lists.faults_of("customer_id\n駅1\n".encode("cp932"), encoding=Encoding.UTF_8, skip_bad_rows=True)[:1]
    assert "is not UTF-8" in fault


def test_a_list_needs_a_name(lists: Lists) -> None:
    for name in ("", " spring", "spr\ning", "x" * 1001):
        with pytest.raises(LoadRefused, match="is no name of a list"):
            lists.load("customer_id\nC1\n", name)


def test_a_file_that_is_changed_while_it_is_read_is_refused(lists: Lists) -> None:
    file = lists.file("customer_id\nC1\n")

    def write_on(_done: int, _total: int) -> None:
        with file.open("a") as stream:
            stream.write("C2\n")

    with pytest.raises(LoadRefused, match="was changed while it was being read"):
        lists.load_file(file, progress=write_on)
    assert lists.members() == {}


def test_a_list_of_a_schema_that_ekiden_only_reads_is_refused(lists: Lists) -> None:
    lists.settings = lists.settings.model_copy(update={"raw_schema": "shop"})
    with pytest.raises(LoadRefused, match="in the schema shop"):
        lists.load("customer_id\nC1\n")


def test_an_import_keeps_who_made_it(lists: Lists) -> None:
    lists.load("customer_id\nC1\nC1\n")
    assert lists.connection.execute(
        "select list_code, file_name, encoding, rows_read, added, repeated, actor, dagster_run_id, imported_at"
        " from outreach.imported_lists"
    ).fetchall() == [("spring", "spring.csv", "utf-8", 2, 1, 1, ACTOR.actor, "run-1", NOW)]
    with pytest.raises(ValueError, match="needs an actor"):
        import_list(
            lists.connection, lists.file("customer_id\nC1\n"), "spring", now=NOW, settings=lists.settings,
            context=RunContext(" "),
        )  # fmt: skip


def test_a_long_list_is_imported_in_one_go(lists: Lists) -> None:
    lists.connection.execute(
        "insert into raw.customers (customer_id, registered_at)"
        " select 'N' || n, '2025-01-01' from generate_series(1, %s) as n",
        [MANY],
    )
    lists.connection.commit()
    file = lists.file("customer_id\n" + "".join(f"N{number}\n" for number in range(1, MANY + 1)))
    started = time.monotonic()
    assert lists.load_file(file).added == MANY
    print(f"{MANY} rows in {time.monotonic() - started:.1f} s")
    assert lists.load_file(file).already_listed == MANY


# --- the folder


def take_from(lists: Lists, file: Path):
    return take(lists.connection, file, now=NOW, settings=lists.settings, context=ACTOR)


def test_a_good_file_is_moved_to_done_with_a_report(lists: Lists) -> None:
    taken = take_from(lists, lists.file("customer_id\nC1\n", "春.csv"))
    assert taken.moved_to == lists.folder / "done" / "20260501T030000Z-春.csv"
    told = taken.moved_to.with_name(taken.moved_to.name + ".report.txt").read_text(encoding="utf-8")
    assert "list 春: 1 of 1 rows added (utf-8)" in told
    assert "no scenario begins with this list" in told
    assert files_in(lists.folder) == {}
    assert lists.members("春") == {"C1": NOW}


def test_a_bad_file_is_moved_to_refused_with_what_is_wrong(lists: Lists) -> None:
    taken = take_from(lists, lists.file("customer_id\nC1\nC9\n"))
    assert taken.moved_to.parent.name == "refused"
    told = taken.moved_to.with_name(taken.moved_to.name + ".report.txt").read_text(encoding="utf-8")
    assert "line 3, column customer_id: 'C9' is not in customers" in told
    assert lists.members() == {}


def test_a_bad_file_that_somebody_is_still_writing_stays_where_it_is(
    lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = lists.file("customer_id\nC1\nC")

    def write_on(_file: Path) -> object:
        found = look_at(file)
        with file.open("a") as stream:
            stream.write("2\n")
        return found

    monkeypatch.setattr("ekiden.raw.lists.look_at", write_on)
    with pytest.raises(FileChanged, match="changed while it was being read: it stays where it is"):
        take_from(lists, file)
    monkeypatch.undo()
    assert list(files_in(lists.folder)) == ["spring.csv"]
    assert take_from(lists, file).moved_to.parent.name == "done"
    assert lists.members() == {"C1": NOW, "C2": NOW}


def test_a_file_that_another_has_replaced_once_it_was_read_is_taken_as_well(
    lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = lists.file("customer_id\nC1\n")

    def replaced(*arguments: Any, **options: Any) -> ListReport:
        report = import_list(*arguments, **options)
        lists.file("customer_id\nC1\nC2\n")
        return report

    monkeypatch.setattr("ekiden.raw.list_folder.import_list", replaced)
    with pytest.raises(FileChanged, match=r"changed after it was read .*1 of 1 rows added"):
        take_from(lists, file)
    monkeypatch.undo()
    assert list(files_in(lists.folder)) == ["spring.csv"]
    assert take_from(lists, file).report.added == 1
    assert lists.members() == {"C1": NOW, "C2": NOW}


def test_a_file_of_the_same_name_does_not_replace_the_one_before(lists: Lists) -> None:
    places = {take_from(lists, lists.file("customer_id\nC1\n")).moved_to for _ in range(3)}
    assert len(places) == 3
    assert all(place.is_file() for place in places)


def test_a_name_as_long_as_a_file_system_takes_is_shortened(lists: Lists) -> None:
    taken = take_from(lists, lists.file("customer_id\nC1\n", "春" * 83 + ".csv"))
    assert taken.moved_to.name == f"20260501T030000Z-{'春' * 66}.csv"
    assert taken.moved_to.with_name(taken.moved_to.name + ".report.txt").is_file()
    assert files_in(lists.folder) == {}
    assert lists.members("春" * 83) == {"C1": NOW}


def test_only_finished_names_are_seen(lists: Lists) -> None:
    for name in ("a.csv", "B.CSV", "c.csv.part", ".d.csv", "~e.csv", "f.txt"):
        lists.file("x", name)
    (lists.folder / "g.csv").mkdir()
    assert list(files_in(lists.folder)) == ["B.CSV", "a.csv"]
    assert files_in(lists.folder / "nowhere") == {}


def test_a_symbolic_link_is_not_followed(lists: Lists, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("top-secret-line\n")
    link = lists.folder / "spring.csv"
    link.symlink_to(secret)
    assert files_in(lists.folder) == {}
    with pytest.raises(FileNotFoundError, match="symbolic link, which is not followed"):
        take_from(lists, link)
    assert not (lists.folder / "refused").exists()


@pytest.mark.parametrize("leads_to", ["a file", "nothing yet"])
@pytest.mark.parametrize("name", ["20260501T030000Z-spring.csv.report.txt", "20260501T030000Z-spring.csv"])
def test_a_link_that_somebody_laid_where_a_list_or_its_report_goes_is_not_followed(
    lists: Lists, tmp_path: Path, name: str, leads_to: str
) -> None:
    keys = tmp_path / "authorized_keys"
    if leads_to == "a file":
        keys.write_text("ssh-ed25519 owner\n")
    (lists.folder / "refused").mkdir()
    (lists.folder / "refused" / name).symlink_to(keys)
    taken = take_from(lists, lists.file("customer_id\nC9\n"))
    assert taken.moved_to.name == "20260501T030000Z-2-spring.csv"
    assert "'C9' is not in customers" in taken.moved_to.with_name(taken.moved_to.name + ".report.txt").read_text()
    assert (keys.read_text() if keys.exists() else None) == ("ssh-ed25519 owner\n" if leads_to == "a file" else None)


@pytest.mark.parametrize("place", ["done", "refused"])
def test_a_list_is_taken_only_where_it_can_be_moved_into_a_folder_that_is_no_link(
    lists: Lists, tmp_path: Path, place: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (lists.folder / place).symlink_to(elsewhere)
    with pytest.raises(FileNotFoundError, match=f"{place} is a symbolic link, which is not followed"):
        take_from(lists, lists.file("customer_id\nC1\n"))
    assert list(files_in(lists.folder)) == ["spring.csv"]
    assert (lists.members(), list(elsewhere.iterdir())) == ({}, [])


def test_a_folder_that_became_a_link_while_the_list_was_read_is_not_followed_either(
    lists: Lists, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    def planting(*arguments: Any, **options: Any) -> ListReport:
        (lists.folder / "done").symlink_to(elsewhere)
        return import_list(*arguments, **options)

    monkeypatch.setattr("ekiden.raw.list_folder.import_list", planting)
    with pytest.raises(FileNotFoundError, match="done is a symbolic link, which is not followed"):
        take_from(lists, lists.file("customer_id\nC1\n"))
    assert (list(files_in(lists.folder)), list(elsewhere.iterdir())) == (["spring.csv"], [])


def test_a_link_that_leads_into_itself_keeps_no_other_file_from_being_seen(lists: Lists) -> None:
    lists.file("customer_id\nC1\n")
    loop = lists.folder / "loop.csv"
    loop.symlink_to(loop)
    assert list(files_in(lists.folder)) == ["spring.csv"]


def test_a_name_that_macos_took_apart_is_the_list_that_people_type() -> None:
    assert list_code_of(Path("か\u3099い.csv")) == "が\u3044"
