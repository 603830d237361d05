"""The probe of a link to MySQL is one ping on a kept connection, on a real server."""

from urllib.parse import urlsplit

import pytest

from chaos.engines.links import Link
from chaos.recording.probe_protocols import BROKEN, conversation

pytestmark = pytest.mark.integration


async def test_a_ping_is_answered_again_and_again(mysql_url: str) -> None:
    address = urlsplit(mysql_url).netloc.rpartition("@")[2]
    talk = conversation(Link("naive", "catalog_to_mysql", address, "", mysql_url), "")

    await talk.connect()
    for _ in range(3):
        await talk.exchange()

    talk.close()
    with pytest.raises(BROKEN):
        await talk.exchange()


async def test_a_server_that_is_not_there_breaks_the_probe() -> None:
    talk = conversation(Link("naive", "catalog_to_mysql", "127.0.0.1:9", "", "mysql://shop@127.0.0.1:9/shop_a"), "")

    with pytest.raises(BROKEN):
        await talk.connect()
    talk.close()
