"""Documents to schema declarations: types, content models, facets, constraints."""
