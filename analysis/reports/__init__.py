"""Makes HTML pages, terminal tables and executed notebooks of results. It may import every room of `analysis`."""
