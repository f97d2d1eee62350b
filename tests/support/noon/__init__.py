"""A shop at noon: a database in use, and a migration of twenty operations for it."""
