"""Connections to the deployment's database, and its addresses for the tools that connect by themselves.

Whether the server is the embedded one or that of `EKIDEN_DATABASE_URL` is decided here and nowhere else. Not
here: statements about any table, and the server's life (`embedded`).
"""

import re
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo

from ekiden.database.embedded import EmbeddedServer
from ekiden.database.errors import DatabaseUnavailable
from ekiden.settings import Settings

DATABASE = "ekiden"
DAGSTER_SUFFIX = "_dagster"
APPLICATION = "ekiden"
CONNECT_TIMEOUT = 30  # seconds; a server in another region under load answers in a few
# what of a URL says where the server is, by libpq's keywords
NAMES_A_SERVER = ("host", "hostaddr", "service")
# What a session goes by, whatever the server, the role or libpq's variables say. Statements, because connection
# poolers refuse settings among the connection's parameters.
SESSION = """
set time zone 'UTC';
-- psycopg reads times in this style alone
set datestyle = 'ISO';
set intervalstyle = 'postgres';
-- others lack letters that customers' names have
set client_encoding = 'UTF8';
-- who waited for a lock sees what the other did: planners, exporters and migrations count on it
set default_transaction_isolation = 'read committed'
"""
# a database every PostgreSQL has, to ask for and create others from
MAINTENANCE_DATABASES = ("postgres", "template1")


@dataclass(frozen=True)
class ConnectionParts:
    """A database's address in parts, for tools that do not take a URL."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str
    further: dict[str, str] = field(default_factory=dict, repr=False)
    """Whatever else the URL says, by libpq's keyword, like `sslmode`."""


def embedded_server(settings: Settings) -> EmbeddedServer | None:
    """Return the deployment's embedded server, or `None` if `EKIDEN_DATABASE_URL` names another."""
    return None if _given(settings) else EmbeddedServer(settings.home / "postgres")


def database_url(settings: Settings) -> str:
    """Return the `postgresql://` URL of the deployment's database; it exists and its server runs.

    Raises `DatabaseUnavailable`.
    """
    url = _address(settings)
    _open_or_create(url).close()
    return url


def dagster_database_url(settings: Settings) -> str:
    """Return the `postgresql://` URL of Dagster's own database on the same server; it exists.

    Raises `DatabaseUnavailable`.
    """
    url = _address(settings)
    url = _with_database(url, _database_of(url) + DAGSTER_SUFFIX)
    with _open_or_create(url) as connection:
        _refuse_for_dagster(connection)
    return url


def connect(settings: Settings, *, autocommit: bool = False) -> psycopg.Connection:
    """Return a connection to the deployment's database, in UTC like every session of ours, for the caller to close.

    Raises `DatabaseUnavailable`.
    """
    connection = _open_or_create(_address(settings), autocommit=autocommit)
    connection.execute(SESSION)
    if not autocommit:
        connection.commit()
    return connection


def connection_parts(url: str) -> ConnectionParts:
    """Return the parts of a `postgresql://` URL; what it leaves out is what libpq would take."""
    given = _parse(url)
    known = {"host": "localhost", "user": "postgres", "password": "", "dbname": ""} | _defaults() | given
    named = {"host", "port", "user", "password", "dbname"}
    return ConnectionParts(
        host=known["host"],
        port=int(known["port"]),
        user=known["user"],
        password=known["password"],
        database=known["dbname"] or known["user"],
        further={name: value for name, value in given.items() if name not in named},
    )


def dbt_environment(settings: Settings) -> dict[str, str]:
    """Return the environment variables that dbt's profile reads; it masks `DBT_ENV_SECRET_…` in its logs.

    What the URL says beyond the address (`sslmode`, …) is in libpq's own variables, like `PGSSLMODE`, and so is that
    dbt's sessions are in UTC, like ours: a shop's view that casts an instant to a date is read by both.
    """
    url = _address(settings)
    with _open_or_create(url) as connection:
        isolation = connection.execute("show default_transaction_isolation").fetchone()
    parts = connection_parts(url)
    further = dict(parts.further)
    if isolation != ("read committed",):
        # models that are built side by side would fail each other; only then, as connection poolers refuse options
        options = (_defaults() | further).get("options", "")
        further["options"] = rf"{options} -c default_transaction_isolation=read\ committed".lstrip()
    variables = {
        option.keyword.decode(): option.envvar.decode()
        for option in Conninfo.get_defaults()
        if option.envvar is not None
    }
    return {
        "EKIDEN_DBT_HOST": parts.host,
        "EKIDEN_DBT_PORT": str(parts.port),
        "EKIDEN_DBT_USER": parts.user,
        "DBT_ENV_SECRET_EKIDEN_PASSWORD": parts.password,
        "EKIDEN_DBT_DATABASE": parts.database,
        # a parameter of its own, which poolers let through, and which comes after any option
        "PGTZ": "UTC",
    } | {variables[name]: value for name, value in further.items() if name in variables}


def _address(settings: Settings) -> str:
    server = embedded_server(settings)
    if server is not None:
        return _with_database(server.ensure_running(), DATABASE)
    # what SQLAlchemy and some hosting companies write instead; every tool here understands the plain one
    url = re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", _given(settings))
    if not url.startswith("postgresql://"):
        raise DatabaseUnavailable(
            "EKIDEN_DATABASE_URL is no PostgreSQL URL; write postgresql://user:password@host:5432/database."
        )
    parts = _parse(url)
    if "," in parts.get("host", ""):
        raise DatabaseUnavailable("EKIDEN_DATABASE_URL names several hosts, and dbt can use only one.")
    names_no_server = not any((_defaults() | parts).get(name) for name in NAMES_A_SERVER)
    # libpq takes a socket's folder in front of the database as well; SQLAlchemy, by which Dagster connects, does not
    if names_no_server or (parts.get("host", "").startswith("/") and urlsplit(url).hostname):
        raise DatabaseUnavailable(
            "EKIDEN_DATABASE_URL names no host; for a socket of this machine write "
            "postgresql:///database?host=/var/run/postgresql."
        )
    return _with_database(url, _database_of(url))


def _given(settings: Settings) -> str:
    """Return `EKIDEN_DATABASE_URL`, empty if it is unset; container tools set variables to nothing."""
    # a line's end, as files of secrets have, would belong to the database's name
    return settings.database_url.get_secret_value().strip() if settings.database_url is not None else ""


def _defaults() -> dict[str, str]:
    """Return what libpq takes where a URL says nothing, by its keywords: from its own variables, like `PGHOST`."""
    return {
        option.keyword.decode(): option.val.decode() for option in Conninfo.get_defaults() if option.val is not None
    }


def _parse(url: str) -> dict[str, str]:
    try:
        split = urlsplit(url)
        parts = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
        # signs of a password that libpq takes for the end of it; the rest of it is then a host, a port or a database
        if split.fragment or "@" in split.path + parts.get("host", "") or not parts.get("port", "0").isdecimal():
            raise ValueError
        return parts
    except (psycopg.Error, ValueError):
        # without the cause, whose text repeats parts of the URL and with them perhaps the password
        raise DatabaseUnavailable(
            "EKIDEN_DATABASE_URL cannot be read: write postgresql://user:password@host:5432/database, with "
            "signs like @ / : # in the password as %40 %2F %3A %23."
        ) from None


def _database_of(url: str) -> str:
    """Return the URL's database; one that names none means ours, not libpq's choice, the user's name."""
    return _parse(url).get("dbname") or DATABASE


def _with_database(url: str, database: str) -> str:
    parts = urlsplit(url)
    # the query may name a database too, and libpq would prefer that one
    query = [pair for pair in parts.query.split("&") if pair and not pair.startswith("dbname=")]
    name = quote(database, safe="")
    if name != database:
        # SQLAlchemy, which Dagster connects by, reads %20 as a space in the query alone
        query.append(f"dbname={name}")
    path = name if name == database else ""
    # by hand: an address without a host, as a socket's is, loses its // in urlunsplit
    return f"postgresql://{parts.netloc}/{path}{'?' if query else ''}{'&'.join(query)}"


def _open_or_create(url: str, *, autocommit: bool = False) -> psycopg.Connection:
    try:
        return _open(url, autocommit=autocommit)
    except DatabaseUnavailable as error:
        # whether the database is absent cannot be read from the error, which may be in any language
        silent = isinstance(error.__cause__, psycopg.errors.ConnectionTimeout)
        maintenance = None if silent else _maintenance_connection(url)
        if maintenance is None:
            raise
    with maintenance:
        _create_if_absent(maintenance, _database_of(url))
    return _open(url, autocommit=autocommit)


def _open(url: str, *, autocommit: bool) -> psycopg.Connection:
    """Connect, or raise `DatabaseUnavailable` that names place and way out, never the password."""
    timeout = _parse(url).get("connect_timeout", CONNECT_TIMEOUT)
    try:
        return psycopg.connect(url, autocommit=autocommit, application_name=APPLICATION, connect_timeout=timeout)
    except psycopg.Error as error:
        parts = connection_parts(url)
        raise DatabaseUnavailable(
            f'The database "{parts.database}" on {parts.host} port {parts.port} cannot be reached as '
            f'"{parts.user}": {str(error).strip()}. See to it that the server runs and that '
            "EKIDEN_DATABASE_URL is right, or unset it to use the embedded server."
        ) from error


def _create_if_absent(connection: psycopg.Connection, name: str) -> None:
    if connection.execute("select from pg_database where datname = %s", [name]).fetchone() is not None:
        return
    try:
        # template0: nobody is connected to it, and it takes any encoding
        connection.execute(
            sql.SQL("create database {} template template0 encoding 'UTF8'").format(sql.Identifier(name))
        )
    except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
        pass  # another process was faster
    except psycopg.Error as error:
        raise DatabaseUnavailable(
            f'There is no database "{name}" on {connection.info.host} port {connection.info.port}, and '
            f'"{connection.info.user}" could not create it: {str(error).strip()}. Have it created by '
            f'somebody who may: create database "{name}" owner "{connection.info.user}" template template0 '
            "encoding 'UTF8'"
        ) from error


def _refuse_for_dagster(connection: psycopg.Connection) -> None:
    """Raise `DatabaseUnavailable` where Dagster has no tables and could not make them, or cannot write to them."""
    name, user, host = connection.info.dbname, connection.info.user, connection.info.host
    row = connection.execute(
        "select to_regclass('runs') is not null or coalesce(has_schema_privilege(current_schema(), 'create'), false),"
        " current_setting('transaction_read_only') = 'on'"
    ).fetchone()
    assert row is not None
    has_tables, is_read_only = row
    if not has_tables:
        raise DatabaseUnavailable(
            f'"{user}" may not make tables in Dagster\'s database "{name}" on {host}. Have somebody '
            f'who may make it the owner: alter database "{name}" owner to "{user}"'
        )
    if is_read_only:
        raise DatabaseUnavailable(
            f'Dagster\'s database "{name}" on {host} takes no changes from "{user}": the server is a standby, or '
            "default_transaction_read_only is on. Let EKIDEN_DATABASE_URL name the server that is written to"
        )


def _maintenance_connection(url: str) -> psycopg.Connection | None:
    for name in MAINTENANCE_DATABASES:
        try:
            return _open(_with_database(url, name), autocommit=True)
        except DatabaseUnavailable:
            continue
    return None
