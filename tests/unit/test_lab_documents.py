"""Figures get into a document at their place and touch nothing else of it."""

from pathlib import Path

import pytest
from rich.table import Table

from kinect_unlock_lab.documents import Place, pipes

DOCUMENT = "# Camera\n\n<!-- faults -->\nold\n<!-- end of faults -->\n\n<!-- soak -->\n<!-- end of soak -->\nThe end.\n"


def a_table(title: str | None = None, caption: str | None = None) -> Table:
    view = Table("fault", "seen", title=title, caption=caption)
    view.add_row("segfault", "source-lost")
    view.add_row("a|b", "-")
    return view


def test_a_table_becomes_markdown_with_its_title_above_and_its_caption_below() -> None:
    assert pipes(a_table()) == "| fault | seen |\n| --- | --- |\n| segfault | source-lost |\n| a\\|b | - |\n"
    assert pipes(a_table("20 runs")).startswith("*20 runs*\n\n| fault | seen |\n")
    assert pipes(a_table(caption="left")).endswith("| a\\|b | - |\n\n*left*\n")


def test_tables_replace_what_stood_at_their_place_and_nothing_else(tmp_path: Path) -> None:
    document = tmp_path / "camera.md"
    document.write_text(DOCUMENT, encoding="utf-8")

    Place(document, "faults").put([a_table(), a_table("again")])
    Place(document, "faults").put([a_table()])

    expected = DOCUMENT.replace("\nold\n", f"\n\n{pipes(a_table())}\n")
    assert document.read_text(encoding="utf-8") == expected


@pytest.mark.parametrize("name", ["soaked", "Camera"])
def test_a_document_without_the_place_is_refused_before_the_work(tmp_path: Path, name: str) -> None:
    document = tmp_path / "camera.md"
    document.write_text(DOCUMENT, encoding="utf-8")
    with pytest.raises(ValueError, match=f"needs the lines <!-- {name} --> and <!-- end of {name} -->"):
        Place(document, name)
