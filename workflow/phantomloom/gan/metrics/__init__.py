"""How good generated images are; one question a module, values in and values out."""
