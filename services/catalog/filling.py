"""Puts the assortment where it is not, at the start: products into MySQL, their points into Postgres."""

from resilience import LinkSettings
from services.catalog.assortment import COUNT, assortment
from services.catalog.embedding import as_text, embed
from services.catalog.settings import CatalogSettings
from services.common.mysql import MySqlDatabase
from services.common.postgres import Database

# Of a start, which nobody waits for but the start.
_ONE = LinkSettings(pool_size=1, command_timeout_s=20.0)
_REPLACE = "REPLACE INTO products (sku, name, description, price_cents)"
_KEEP = """
INSERT INTO catalog.embeddings (sku, embedding)
SELECT sku, point::vector FROM unnest($1::text[], $2::text[]) AS given (sku, point) ON CONFLICT DO NOTHING
"""


async def fill(settings: CatalogSettings) -> None:
    """Write products and points that are not there; a second start at the same moment writes the same.

    Over connections of its own: what a link allows a customer's statement is too little to build an index in.
    """
    mysql, postgres = MySqlDatabase(settings.mysql_url, _ONE), Database(settings.database_url, _ONE)
    products = assortment()
    try:
        await mysql.open()
        [row] = await mysql.rows("SELECT count(*) AS n FROM products")
        if row["n"] < COUNT:
            values = [value for one in products for value in (one.sku, one.name, one.description, one.price_cents)]
            marks = ", ".join(["(%s, %s, %s, %s)"] * len(products))
            await mysql.rows(f"{_REPLACE} VALUES {marks}", *values)
        await postgres.open()
        # A start that died between the two, or a Postgres that was made anew, has products without points.
        points = await postgres.one("SELECT count(*) AS n FROM catalog.embeddings")
        if points["n"] < COUNT:
            texts = [as_text(embed(f"{one.name} {one.description}")) for one in products]
            await postgres.rows(_KEEP, [one.sku for one in products], texts)
    finally:
        await mysql.close()
        await postgres.close()
