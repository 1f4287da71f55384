"""Stores on other machines: whether they answer, and a lock that all machines wait for together.

Knows addresses, never what is stored there. Passwords and keys are read by libpq and by boto3
from the environment, and appear in no message.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from jamel.errors import Busy, StoreError

CONNECT_TIMEOUT_S = 10


@contextmanager
def database(uri: str) -> Iterator[Any]:
    """A connection to a PostgreSQL database that commits every statement by itself.

    Raises:
        StoreError: psycopg2 is not installed, or the database cannot be reached.
    """
    try:
        import psycopg2
    except ImportError:
        raise StoreError(_not_installed("psycopg2", uri)) from None
    try:
        connection = psycopg2.connect(uri, connect_timeout=CONNECT_TIMEOUT_S)
    except psycopg2.OperationalError as error:
        said = " ".join(str(error).split())
        raise StoreError(
            f"expected a database at {uri}, found: {said}. Start that server, or mend the address "
            "in the profile's stores and run `jamel init --config` again. The user and the "
            "password are those of PGUSER and PGPASSWORD, or of ~/.pgpass."
        ) from None
    with closing(connection):
        connection.autocommit = True
        yield connection


def has_tables(uri: str) -> bool:
    """Whether the migrations of a database ran to their end; raises StoreError as `database`."""
    with database(uri) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('alembic_version') IS NOT NULL")
        if not cursor.fetchone()[0]:
            return False
        cursor.execute("SELECT count(*) FROM alembic_version")
        return bool(cursor.fetchone()[0])


@contextmanager
def database_lock(uri: str, name: str, wait_s: float) -> Iterator[None]:
    """Hold a name for every machine that uses the database; it goes away with its holder.

    Raises:
        Busy: another holder has it and did not let go within `wait_s`.
        StoreError: as `database` does.
    """
    deadline = time.monotonic() + wait_s
    with database(uri) as connection, connection.cursor() as cursor:
        while not _try_lock(cursor, name):
            if time.monotonic() >= deadline:
                raise Busy(
                    f"expected no other process to hold '{name}' in {uri}, found that one does. "
                    "Wait until it ends; the lock goes away with its process."
                )
            time.sleep(0.2)
        yield


def _try_lock(cursor: Any, name: str) -> bool:
    cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (f"jamel {name}",))
    return bool(cursor.fetchone()[0])


def describe_database(uri: str) -> str:
    """Which PostgreSQL answers; raises StoreError as `database` does."""
    with database(uri) as connection:
        number = connection.server_version
        return f"PostgreSQL {number // 10000}.{number % 10000} at {uri}"


def describe_folder(url: str, endpoint: str = "") -> str:
    """That a folder of a bucket can be listed.

    Args:
        url: `s3://bucket/folder`.
        endpoint: where the bucket is, empty for Amazon's or what AWS_ENDPOINT_URL says.

    Raises:
        StoreError: boto3 is not installed, or the bucket does not answer.
    """
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        raise StoreError(_not_installed("boto3", url)) from None
    quick = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=CONNECT_TIMEOUT_S,
        retries={"total_max_attempts": 2},
    )
    bucket, _, folder = url.removeprefix("s3://").partition("/")
    try:
        # A session of its own: the default one would go on with the keys it once read.
        client = boto3.Session().client("s3", endpoint_url=endpoint or None, config=quick)
        client.list_objects_v2(Bucket=bucket, Prefix=folder, MaxKeys=1)
        where = client.meta.endpoint_url
    except (BotoCoreError, ClientError, ValueError) as error:
        at = f" at {endpoint}" if endpoint else ""
        said = str(error).rstrip(".")
        raise StoreError(
            f"expected the bucket of {url}{at} to answer, found: {said}. Create the bucket, or "
            "mend the address in the profile's stores and run `jamel init --config` again. The key "
            "is that of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        ) from None
    return f"{url} at {where}"


def _not_installed(package: str, place: str) -> str:
    return (
        f"expected {package} for {place}, found that it is not installed. Run `pip install -c "
        "constraints.txt -e '.[cluster]'`."
    )
