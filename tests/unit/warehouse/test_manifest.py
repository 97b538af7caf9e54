"""A manifest is read whole, also while dbt writes it."""

from pathlib import Path
from threading import Timer

import pytest

from ekiden.warehouse import manifest
from ekiden.warehouse.manifest import ManifestTorn, read_manifest


def test_a_manifest_that_is_just_being_written_is_waited_for(tmp_path: Path):
    path = tmp_path / "manifest.json"
    path.write_text('{"sources"')
    writing = Timer(0.3, path.write_text, ['{"sources": {}}'])
    writing.start()
    assert read_manifest(path) == {"sources": {}}
    writing.join()


@pytest.mark.parametrize("left", ["", '{"sources"'])
def test_a_manifest_that_stays_torn_is_named_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: str
):
    monkeypatch.setattr(manifest, "WRITING_PATIENCE", 0)
    path = tmp_path / "manifest.json"
    path.write_text(left)
    with pytest.raises(ManifestTorn, match=r"manifest\.json is not whole.*`ekiden build` makes it anew"):
        read_manifest(path)
