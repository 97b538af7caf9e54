"""The peers' sending: django-post-office's queue and django-drip's drips, over SMTP to the benchmark's sink.

Run by the peers' Python, with a request on standard input and the answer on standard output, both JSON. Only sending is
timed: the queue is filled, or the drip made, before.
"""

# ruff: noqa: PLC0415 - Django's models can be imported only once it is set up

import json
import sys
from time import perf_counter

REQUEST = json.load(sys.stdin)
SUBJECT = "{{ name }}様、先日はありがとうございました"
TEXT = "{{ name }} 様\n\nお買い上げありがとうございました。\n" + "商品のご案内です。\n" * 20
HTML = "<html><body><p>{{ name }} 様</p>" + "<p>商品のご案内です。お役に立てば幸いです。</p>\n" * 60 + "</body></html>"


def configure() -> None:
    """Set Django up on the schema `django` of the benchmark's database."""
    import django
    from django.conf import settings

    settings.configure(
        INSTALLED_APPS=[
            "django.contrib.contenttypes",
            "django.contrib.auth",
            *(["post_office"] if REQUEST["peer"] == "post_office" else ["drip", "drip_shop"]),
        ],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "OPTIONS": {"options": "-c search_path=django"},
                **REQUEST["database"],
            }
        },
        EMAIL_BACKEND="post_office.EmailBackend"
        if REQUEST["peer"] == "post_office"
        else "django.core.mail.backends.smtp.EmailBackend",
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=REQUEST["smtp_port"],
        POST_OFFICE={"BATCH_SIZE": 1000, "LOG_LEVEL": 0, "MESSAGE_ID_ENABLED": False},
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        DEFAULT_FROM_EMAIL="shop@shop.example",
        USE_TZ=False,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    )
    django.setup()


def migrate() -> None:
    """Make Django's tables."""
    from django.core.management import call_command
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("drop schema if exists django cascade")
        cursor.execute("create schema django")
    call_command("migrate", verbosity=0)
    call_command("migrate", run_syncdb=True, verbosity=0)


def post_office() -> float:
    """Queue a message for each customer; return the seconds in which the queue is sent."""
    from post_office import mail
    from post_office.models import EmailTemplate

    template = EmailTemplate.objects.create(name="follow_up", subject=SUBJECT, content=TEXT, html_content=HTML)
    mail.send_many(
        [
            {
                "recipients": f"customer{number}@shop.example",
                "sender": "shop@shop.example",
                "template": template,
                "context": {"name": f"花子{number}"},
            }
            for number in range(1, REQUEST["customers"] + 1)
        ]
    )
    began = perf_counter()
    mail.send_queued_mail_until_done(processes=1)
    return perf_counter() - began


def drip() -> float:
    """Make a drip whose audience is every customer; return the seconds in which it is sent."""
    from django.contrib.auth.models import User
    from drip.drips import DripBase
    from drip.models import Drip, QuerySetRule

    User.objects.bulk_create(
        [
            User(username=f"c{number}", first_name=f"花子{number}", email=f"customer{number}@shop.example")
            for number in range(1, REQUEST["customers"] + 1)
        ]
    )
    model = Drip.objects.create(
        name="follow_up",
        enabled=True,
        subject_template=SUBJECT.replace("name", "user.first_name"),
        body_html_template=HTML.replace("name", "user.first_name"),
    )
    QuerySetRule.objects.create(
        drip=model, method_type="filter", field_name="is_active", lookup_type="exact", field_value="True"
    )
    began = perf_counter()
    DripBase(drip_model=model, name=model.name).run()
    return perf_counter() - began


configure()
migrate()
json.dump({"seconds": {"post_office": post_office, "drip": drip}[REQUEST["peer"]]()}, sys.stdout)
