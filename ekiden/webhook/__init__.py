"""The public door: what providers and customers' mail programs tell us over HTTP."""
