"""The migrations in their order; each runs the `.sql` file beside it, and is never changed once released."""
