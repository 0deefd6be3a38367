"""A calibration laid out for a terminal; the figures are `kinect_unlock_lab.calibrate`'s."""

from rich.table import Table

from kinect_unlock_lab.calibrate import Calibration


def table(calibration: Calibration) -> Table:
    """Lay out, for every row and kind of strangers, the protocol in which most of them reach its threshold."""
    view = Table(title="False accepts at the thresholds, 95 % intervals, worst protocols", title_justify="left")
    for heading in ("row", "strangers", "way", "vectors"):
        view.add_column(heading)
    for heading in ("comparisons", "pairs of people", "accepted", "FAR"):
        view.add_column(heading, justify="right")
    for row in calibration.rows:
        head = f"{row.strategy} {row.far:g} @{row.threshold:.3f}"
        for whose in dict.fromkeys((check.protocol.data, check.protocol.strangers) for check in row.checks):
            asked = [check for check in row.checks if (check.protocol.data, check.protocol.strangers) == whose]
            worst = max(asked, key=lambda check: (check.at.rate.value, check.at.comparisons))
            at, kind = worst.at, (worst.protocol.way, str(worst.protocol.template_vectors))
            counts = (f"{at.comparisons:,}", f"{at.person_pairs:,}", f"{at.accepted:,} of {at.accepted_pairs} pairs")
            rate = f"{at.rate.value:.1e} [{at.rate.low:.1e}, {at.rate.high:.1e}]"
            view.add_row(head, ", ".join(whose), *kind, *counts, rate)
            head = ""
        view.add_section()
    return view


def summary(calibration: Calibration) -> Table:
    """Lay out the thresholds and whom they cost."""
    view = Table(title="Thresholds, and genuine looks below them", title_justify="left")
    for heading in ("strategy", "FAR", "threshold", "set by", "without report half", "looks", "vectors", "FRR"):
        view.add_column(heading)
    for row in calibration.rows:
        by = f"{row.set_by.data}, {row.set_by.strangers}, {row.set_by.way}, {row.set_by.template_vectors} vectors"
        cells = [row.strategy, f"{row.far:g}", f"{row.threshold:.3f}", by, f"{row.without_report_half:.3f}"]
        for miss in calibration.misses:
            if (miss.strategy, miss.far) == (row.strategy, row.far):
                whose = f"{miss.looks:,} of {miss.people} people, {miss.side}"
                view.add_row(*cells, whose, str(miss.template_vectors), miss.frr.percent(2))
                cells = [""] * len(cells)
        view.add_section()
    for one in calibration.apart:
        cells = ["centre, less", f"{one.far:g}", "", "", "", one.side, str(one.template_vectors)]
        view.add_row(*cells, one.less.percent(2))
    return view
