from datetime import date
from pathlib import Path
from uuid import UUID

import pytest

from ekiden.content.shared import SharedContent
from ekiden.delivery.channels.base import OutgoingMessage
from ekiden.delivery.sending.compose import RowToSend, compose_all
from ekiden.settings import Settings

ROW = RowToSend(
    schedule_row_id=1,
    message_id=UUID(int=1),
    step_no=1,
    channel="html_email",
    customer_id="C1",
    scenario_code="tea_then_pot",
    content="cross_sell/step_1",
    consent_recheck=True,
    address_policy=None,
    variant_by_domain=True,
    anchor_date=date(2024, 3, 1),
    customer_exists=True,
    family_name="駅田",
    given_name="伝子",
    email="c1@shop.example",
    email_2=None,
    mail_format=None,
    phone=None,
    line_user_id=None,
    web_push_subscription=None,
    newsletter_status="both",
    anchor_products=["Sencha"],
    offered_products=["Tea pot"],
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, database_url=None)


def composed(settings: Settings, *offers: str) -> list[OutgoingMessage]:
    rows = [ROW._replace(message_id=UUID(int=n), offered_products=[offer]) for n, offer in enumerate(offers)]
    return [message for _, message in compose_all(rows, settings)]


def shared_by(messages: list[OutgoingMessage]) -> SharedContent:
    (shared,) = {message.rendered.shared for message in messages}
    return shared


def test_messages_of_one_content_have_it_in_common_whatever_each_offers(settings: Settings) -> None:
    alike, apart = composed(settings, "Tea pot", "Tea pot"), composed(settings, "Tea pot", "Cups")
    subjects = [message.rendered.subject for message in apart]
    assert subjects == ["Tea pot would go well with your order", "Cups would go well with your order"]
    assert (shared_by(alike).subject, shared_by(apart).subject) == ((subjects[0],), (0,))


def test_a_message_is_the_same_whoever_is_written_to_with_it(settings: Settings) -> None:
    first, other = composed(settings, "Tea pot", "Tea pot")[0], composed(settings, "Tea pot", "Cups")[0]
    for part in ("subject", "text", "html", "content_hash"):
        assert getattr(first.rendered, part) == getattr(other.rendered, part)
