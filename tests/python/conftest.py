"""People with matrix-nio clients. HEARTH_URL is the server's address."""

import os
import uuid

import nio
import pytest_asyncio

BASE_URL = os.environ.get("HEARTH_URL", "http://127.0.0.1:8008")
PASSWORD = "correct horse battery staple"


def expect(reply, kind):
    """The reply, which must be of this kind."""
    assert isinstance(reply, kind), reply
    return reply


@pytest_asyncio.fixture
async def person():
    """Makes people; each has an account of their own and is logged in."""
    clients = []

    async def make(name):
        client = nio.AsyncClient(BASE_URL)
        clients.append(client)
        unique = f"{name}-{uuid.uuid4().hex[:10]}"
        expect(await client.register(unique, PASSWORD), nio.RegisterResponse)
        return client

    yield make
    for client in clients:
        await client.close()
