"""The scratch database of the property tests."""

import secrets
from collections.abc import Iterator

import psycopg
import pytest

from tests.conftest import database_in, drop_database
from tests.properties import words
from tests.properties.database import Scratch
from tests.properties.macros import RenderedProject


@pytest.fixture(scope="session")
def scratch(server_url: str, template_database: str) -> Iterator[Scratch]:
    """A database with the raw tables and the project's views over them."""
    name = f"ekiden_properties_{secrets.token_hex(4)}"
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f'create database "{name}" template "{template_database}"')
    with psycopg.connect(database_in(server_url, name)) as connection:
        yield Scratch(connection, RenderedProject(name, segments=words.SEGMENTS), words.SHOP)
    drop_database(server_url, name)
