"""django-drip-campaigns' side: a user, a profile and orders in the same PostgreSQL, and who is due each drip today.

Run by the peers' Python, with a request on standard input and the answer on standard output, both JSON. `make` fills
Django's tables from the shop's; `find` evaluates the drips as `send_drips` does before it sends, and times that.
"""

# ruff: noqa: PLC0415 - Django's models can be imported only once it is set up

import json
import sys
from datetime import date
from time import perf_counter
from typing import Any

REQUEST = json.load(sys.stdin)
DAYS = (1, 7, 21)
FILL = """
    insert into auth_user (
        username, password, is_superuser, is_staff, is_active, first_name, last_name, email, date_joined
    )
    select customer_id, '', false, false, true, given_name, family_name, email, registered_at
    from raw.customers order by customer_id;
    insert into drip_shop_profile (user_id, unsubscribed)
    -- a record that duplicate management has not confirmed gets no mail either
    select auth_user.id, customers.newsletter_status = 'none' or customers.duplicate_status <> 'confirmed'
    from raw.customers inner join auth_user on customers.customer_id = auth_user.username;
    insert into drip_shop_order (user_id, ordered_on)
    select auth_user.id, (orders.ordered_at at time zone 'Asia/Tokyo')::date
    from raw.orders inner join auth_user on orders.customer_id = auth_user.username
    where orders.status <> 'cancelled'
    order by orders.ordered_at;
    """


def configure() -> None:
    """Set Django up on the schema `django` of the benchmark's database."""
    import django
    from django.conf import settings

    settings.configure(
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "drip", "drip_shop"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "OPTIONS": {"options": "-c search_path=django"},
                **REQUEST["database"],
            }
        },
        USE_TZ=False,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    )
    django.setup()


def make() -> dict[str, Any]:
    """Create and fill the tables, and make the three drips."""
    from django.core.management import call_command
    from django.db import connection
    from drip.models import Drip, QuerySetRule

    with connection.cursor() as cursor:
        cursor.execute("create schema if not exists django")
    call_command("migrate", verbosity=0)
    # the shop has no migrations, and its tables refer to those just made
    call_command("migrate", run_syncdb=True, verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(FILL)
        cursor.execute("vacuum analyze auth_user, drip_shop_profile, drip_shop_order")
    for days in DAYS:
        drip = Drip.objects.create(name=f"drip_{days}", enabled=True)
        for method, field, lookup, value in (
            ("filter", "orders__ordered_on", "exact", f"today-{days} days"),
            ("filter", "profile__unsubscribed", "exact", "False"),
            ("exclude", "orders__ordered_on", "gt", f"today-{days} days"),
        ):
            QuerySetRule.objects.create(
                drip=drip, method_type=method, field_name=field, lookup_type=lookup, field_value=value
            )
    return {}


def find() -> dict[str, Any]:
    """Return the seconds that finding took, and who is due which drip on the day asked for."""
    from drip.drips import DripBase
    from drip.models import Drip

    shift = (date.fromisoformat(REQUEST["today"]) - date.today()).days
    due = {}
    began = perf_counter()
    for drip_model in Drip.objects.filter(enabled=True):
        drip = DripBase(drip_model=drip_model, name=drip_model.name, now_shift_kwargs={"days": shift})
        drip.prune()
        due[drip_model.name] = list(drip.get_queryset())
    seconds = perf_counter() - began
    return {"seconds": seconds, "due": {name: sorted(user.username for user in users) for name, users in due.items()}}


configure()
json.dump({"make": make, "find": find}[REQUEST["do"]](), sys.stdout)
