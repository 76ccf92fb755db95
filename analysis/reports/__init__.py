"""Pages, tables and notebooks made from results. It may import every other room of `analysis`."""
