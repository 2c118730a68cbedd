"""The library of phantoms that people look at: pictures, pages and the table of cases."""
