"""Tables and figures from result files; nothing in them is typed by hand."""

from ldznet.experiments.report.charts import masks_chart, timesteps_chart
from ldznet.experiments.report.documents import fill
from ldznet.experiments.report.tables import build_tables

__all__ = ["build_tables", "fill", "masks_chart", "timesteps_chart"]
