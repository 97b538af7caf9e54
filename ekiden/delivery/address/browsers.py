"""Which of a customer's browsers web push reaches: the one that subscribed last.

Belongs here: that choice, as a part of queries that read a customer's contact points. Does not belong here: what is
made of a contact point (`contact_points`).
"""

from typing import LiteralString

from psycopg import sql

from ekiden.database.statements import statement


def newest_web_push_subscription(customer_id: LiteralString) -> sql.Composed:
    """Return a query for where web push reaches a customer; `customer_id` is an expression of the query around it."""
    return statement(__file__, "newest_web_push_subscription").format(customer_id=sql.SQL(customer_id))
