"""log p(x): proved quadrature."""
