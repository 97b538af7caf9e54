"""The raw contract: every table and column a shop hands over, each with its meaning, unit and rules.

Belongs here: what the input must be, once; the loader, the documentation and the tests read it from here, and
a test holds the migrated tables against it. Does not belong here: how files are read or rows are written.
"""

from ekiden.raw.shape import AllowedWhere, Bound, Column, ColumnType, Reference, Table

TEXT, INTEGER, NUMERIC = ColumnType.TEXT, ColumnType.INTEGER, ColumnType.NUMERIC
DATE, TIMESTAMP, JSON = ColumnType.DATE, ColumnType.TIMESTAMP, ColumnType.JSON

CUSTOMER = Column("customer_id", TEXT, "The customer.", required=True, reference=Reference("customers"))
PRODUCT = Column("product_id", TEXT, "The product.", required=True, reference=Reference("products"))

NEWSLETTER_STATUSES = ("both", "pc", "mobile", "none")

CUSTOMERS = Table(
    "customers",
    "One row per customer account.",
    (
        Column("customer_id", TEXT, "The shop's identifier of the customer.", required=True),
        Column("registered_at", TIMESTAMP, "When the account was made.", required=True),
        Column("family_name", TEXT, "Family name."),
        Column("given_name", TEXT, "Given name."),
        Column("email", TEXT, "First mail address; without this and `email_2` no mail is sent. Not checked here."),
        Column("email_2", TEXT, "Second mail address."),
        Column("phone", TEXT, "Phone number, as the shop writes it; SMS goes there."),
        Column("postal_code", TEXT, "Postal code; text, so that a leading zero stays."),
        Column("address", TEXT, "Postal address without the postal code."),
        Column("gender", TEXT, "Gender, where known.", allowed=("male", "female")),
        Column("birth_date", DATE, "Date of birth."),
        Column(
            "newsletter_status",
            TEXT,
            "Consent: mail to every address, only to PC or only to mobile addresses, or none.",
            allowed=NEWSLETTER_STATUSES,
            default="both",
        ),
        Column(
            "duplicate_status",
            TEXT,
            "Whether this account is known to be one person's only one; only `confirmed` enters a scenario.",
            allowed=("confirmed", "unconfirmed", "on_hold"),
            default="confirmed",
        ),
        Column("access_url", TEXT, "Address of the shop site the account was made at."),
        Column("member_rank", TEXT, "Rank in the shop's membership programme, in the shop's words."),
        Column("last_login_at", TIMESTAMP, "Latest login."),
        Column("custom_fields", JSON, "The shop's own fields: a JSON object, name to value."),
        Column(
            "line_user_id", TEXT, "The customer's user id at the shop's LINE account: `U` and 32 hexadecimal digits."
        ),
        Column(
            "mail_format",
            TEXT,
            "The format the customer asked for; `text` turns HTML steps into text. Empty: as the step says.",
            allowed=("text", "html"),
        ),
    ),
    key=("customer_id",),
    required=True,
)

PRODUCTS = Table(
    "products",
    "One row per product that was or is for sale.",
    (
        Column("product_id", TEXT, "The shop's identifier (code) of the product.", required=True),
        Column("product_name", TEXT, "Name as customers read it.", required=True),
        Column("price", NUMERIC, "Price of one unit, in the shop's currency.", bound=Bound.ZERO_OR_MORE),
        Column("url", TEXT, "Address of the product's page."),
        Column("image_url", TEXT, "Address of the product's picture."),
    ),
    key=("product_id",),
    required=True,
)

CATEGORIES = Table(
    "categories",
    "One row per product category; any number of levels.",
    (
        Column("category_code", TEXT, "The shop's code of the category.", required=True),
        Column("category_name", TEXT, "Name of the category.", required=True),
        Column(
            "parent_code",
            TEXT,
            "The category above; empty: a top category.",
            reference=Reference("categories"),
        ),
    ),
    key=("category_code",),
)

PRODUCT_CATEGORIES = Table(
    "product_categories",
    "One row per product and category it is in; name every level it should count for.",
    (
        PRODUCT,
        Column(
            "category_code",
            TEXT,
            "The category.",
            required=True,
            reference=Reference("categories", only_if_any=True),
        ),
    ),
    key=("product_id", "category_code"),
)

ORDERS = Table(
    "orders",
    "One row per order, cancelled and returned ones included.",
    (
        Column("order_id", TEXT, "The shop's identifier of the order.", required=True),
        CUSTOMER,
        Column("ordered_at", TIMESTAMP, "When the customer ordered.", required=True),
        Column(
            "status",
            TEXT,
            "`cancelled`, `returned`, or any other word of the shop's for an order that stands.",
            default="new",
        ),
        Column("cancelled_at", TIMESTAMP, "When the order became `cancelled` or `returned`."),
        Column(
            "kind",
            TEXT,
            "A single purchase, or one delivery of a subscription.",
            allowed=("one_off", "subscription"),
            default="one_off",
        ),
        Column(
            "continuation_no",
            INTEGER,
            "Which delivery of its subscription this order is; the first is 1.",
            bound=Bound.ONE_OR_MORE,
        ),
        Column("payment_method", TEXT, "Payment method, in the shop's words."),
        Column("authorised_on", DATE, "Local date on which the payment was authorised."),
        Column("paid_on", DATE, "Local date on which the payment arrived."),
        Column("shipped_on", DATE, "Local date on which the goods left."),
        Column("desired_delivery_on", DATE, "Local date on which the customer wants the goods."),
        Column("access_url", TEXT, "Address of the shop site the order was made at."),
        Column("amount", NUMERIC, "Total of the order, in the shop's currency."),
    ),
    key=("order_id",),
    required=True,
)

ORDER_LINES = Table(
    "order_lines",
    "One row per order and product in it.",
    (
        Column("order_id", TEXT, "The order.", required=True, reference=Reference("orders")),
        Column("line_no", INTEGER, "Number of the line within its order.", required=True),
        PRODUCT,
        Column("quantity", NUMERIC, "Units ordered.", required=True, bound=Bound.MORE_THAN_ZERO),
        Column("amount", NUMERIC, "What the line costs in all, in the shop's currency."),
    ),
    key=("order_id", "line_no"),
    required=True,
)

PAYMENT_METHODS = Table(
    "payment_methods",
    "One row per payment method that needs an explanation.",
    (
        Column("payment_method", TEXT, "The word used in `orders.payment_method`.", required=True),
        Column("method_type", TEXT, "What kind of payment it is.", allowed=("other", "coupon", "points")),
        Column("paid_display", TEXT, "Whether customers see such orders as paid.", allowed=("show", "hide")),
    ),
    key=("payment_method",),
)

SUBSCRIPTIONS = Table(
    "subscriptions",
    "One row per subscription of a customer, ended ones included.",
    (
        Column("subscription_id", TEXT, "The shop's identifier of the subscription.", required=True),
        CUSTOMER,
        Column("product_id", TEXT, "The product subscribed to. Not checked against `products`."),
        Column("started_at", TIMESTAMP, "When it began.", required=True),
        Column("cancelled_at", TIMESTAMP, "When the customer ended it; empty: it runs."),
        Column("cancel_reason", TEXT, "Why it was ended, in the shop's words."),
    ),
    key=("subscription_id",),
)

CUSTOMER_EVENTS = Table(
    "customer_events",
    "One row per thing a customer did outside an order: a page seen, a cart left, a form sent.",
    (
        Column("event_id", TEXT, "Identifier of the event.", required=True),
        CUSTOMER,
        Column("event_type", TEXT, "What happened, in the shop's words.", required=True),
        Column("event_at", TIMESTAMP, "When it happened.", required=True),
        Column("product_id", TEXT, "The product concerned. Not checked against `products`."),
        Column("details", JSON, "Anything more: a JSON object, name to value."),
    ),
    key=("event_id",),
)

CUSTOMER_TAGS = Table(
    "customer_tags",
    "One row per customer and tag that customer has.",
    (
        CUSTOMER,
        Column("tag", TEXT, "The tag.", required=True),
        Column(
            "granted_at",
            TIMESTAMP,
            "When the customer got the tag; granted again, the earliest time stays.",
            required=True,
            earliest_stays=True,
        ),
    ),
    key=("customer_id", "tag"),
)

CUSTOMER_HISTORY = Table(
    "customer_history",
    "One row per change of a member's newsletter status or rank; a load that changes `customers` adds its own.",
    (
        CUSTOMER,
        Column("field", TEXT, "What changed.", required=True, allowed=("newsletter_status", "member_rank")),
        Column(
            "changed_at",
            TIMESTAMP,
            "When it became `value`. The first value known counts as having been there since ever.",
            required=True,
        ),
        Column(
            "value",
            TEXT,
            "What it became, as `customers` would have it; empty: no rank, or the newsletter status `both`.",
            allowed_where=AllowedWhere("field", "newsletter_status", NEWSLETTER_STATUSES),
        ),
    ),
    key=("customer_id", "field", "changed_at"),
)

LIST_MEMBERS = Table(
    "list_members",
    "One row per imported list and customer on it.",
    (
        Column("list_code", TEXT, "The list.", required=True),
        CUSTOMER,
        Column("added_at", TIMESTAMP, "When the customer came onto the list.", required=True),
    ),
    key=("list_code", "customer_id"),
)

WEB_PUSH_SUBSCRIPTIONS = Table(
    "web_push_subscriptions",
    "One row per browser in which a customer allowed notifications; a message goes to the newest that stands.",
    (
        Column("endpoint", TEXT, "`endpoint` of the browser's PushSubscription.", required=True),
        CUSTOMER,
        Column("p256dh", TEXT, "`keys.p256dh` of it, in base64url.", required=True),
        Column("auth", TEXT, "`keys.auth` of it, in base64url.", required=True),
        Column("subscribed_at", TIMESTAMP, "When the customer allowed it.", required=True),
        Column("ended_at", TIMESTAMP, "When it was withdrawn or expired; empty: it stands."),
    ),
    key=("endpoint",),
)

CONTRACT: tuple[Table, ...] = (
    CUSTOMERS,
    CUSTOMER_HISTORY,
    PRODUCTS,
    CATEGORIES,
    PRODUCT_CATEGORIES,
    ORDERS,
    ORDER_LINES,
    PAYMENT_METHODS,
    SUBSCRIPTIONS,
    CUSTOMER_EVENTS,
    CUSTOMER_TAGS,
    LIST_MEMBERS,
    WEB_PUSH_SUBSCRIPTIONS,
)
"""Every raw table, each after the tables it refers to."""


def raw_table(name: str) -> Table:
    """Return the contract's table `name`; KeyError if it has none of that name."""
    for table in CONTRACT:
        if table.name == name:
            return table
    raise KeyError(name)
