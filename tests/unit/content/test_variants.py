"""A content's variant for mobile carriers' addresses: which files make one, and who gets it."""

from pathlib import Path

import pytest

from ekiden.content.render import ContentFault, content_names, render, sample_variables
from ekiden.content.variants import load_variants, variant_names
from ekiden.scenarios.validate import validate
from ekiden.settings import PROJECT_ROOT

TEXT = "Subject: {subject}\nLanguage: en\n\n{body}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "layout").symlink_to(PROJECT_ROOT / "content" / "layout")
    (tmp_path / "offer").mkdir()
    write(tmp_path, "step_1.txt", "Ordinary")
    return tmp_path


def write(folder: Path, name: str, subject: str, body: str = "Hello") -> None:
    (folder / "offer" / name).write_text(TEXT.format(subject=subject, body=body), encoding="utf-8")


def subject_for(folder: Path, kind: str, channel: str = "html_email") -> str:
    content = load_variants(folder, "offer/step_1", channel).of(kind)
    assert not isinstance(content, ContentFault)
    return render(content, sample_variables()).subject


def test_without_a_variant_everybody_gets_the_ordinary_content(folder: Path) -> None:
    assert variant_names(folder, "offer/step_1") == ("offer/step_1",)
    assert {subject_for(folder, kind) for kind in ("pc", "mobile")} == {"Ordinary"}


def test_a_variant_is_for_mobile_addresses_and_for_mail_alone(folder: Path) -> None:
    write(folder, "step_1.mobile.txt", "Mobile")
    assert subject_for(folder, "pc") == "Ordinary"
    assert subject_for(folder, "mobile") == "Mobile"
    assert subject_for(folder, "mobile", "sms") == "Ordinary"


def test_a_variant_is_no_content_of_its_own(folder: Path) -> None:
    write(folder, "step_1.mobile.txt", "Mobile")
    assert content_names(folder) == ("offer/step_1",)


def test_a_variant_without_its_text_part_is_a_fault_and_not_the_ordinary_content(folder: Path) -> None:
    (folder / "offer" / "step_1.mobile.mjml").write_text("<mj-section></mj-section>", encoding="utf-8")
    variants = load_variants(folder, "offer/step_1", "html_email")
    assert isinstance(variants.of("mobile"), ContentFault)
    assert not isinstance(variants.of("pc"), ContentFault)


def test_the_validation_tries_variants_as_well(folder: Path, tmp_path: Path) -> None:
    write(folder, "step_1.mobile.txt", "Mobile", body="{{ custmer_name }}")
    project = tmp_path / "project" / "models" / "eligibility"
    project.mkdir(parents=True)
    (project / "offer.sql").write_text("{{ eligibility() }}\n", encoding="utf-8")
    (project / "offer.yml").write_text(
        """
version: 2
models:
  - name: offer
    config:
      meta:
        scenario: {code: offer, name: Offer, anchor: ordered, steps: [{offset_days: 1, content: offer/step_1}]}
""",
        encoding="utf-8",
    )
    report = validate(tmp_path / "project", contents=folder)
    findings = [each for scenario in report.scenarios for each in scenario.findings if each.rule == "content_broken"]
    assert len(findings) == 1
    assert "step_1.mobile.txt:4: there is no variable 'custmer_name'" in findings[0].message
