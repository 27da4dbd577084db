"""The report: one HTML page that holds everything, made from the metrics, figures and params."""
