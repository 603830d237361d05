"""The statements and keys of inventory, the same for every kind of handler and driver."""

READ = "SELECT available FROM inventory.stock WHERE sku = $1"
READ_ALL = "SELECT sku, available FROM inventory.stock"

# Decided once per order: the first writes down what there was, every repeat reads it, also after a release. Both
# statements lock the stock's row first, so twins and rivals wait for each other there and cannot deadlock. `xmax = 0`
# tells a new row from one that was there.
RESERVE = """
WITH stock AS (
    SELECT available FROM inventory.stock WHERE sku = $2 FOR UPDATE
), decided AS (
    INSERT INTO inventory.reservations (order_id, sku, quantity, status)
    SELECT $1, $2, $3::integer, CASE WHEN (SELECT available FROM stock) >= $3::integer THEN 'held' ELSE 'short' END
    ON CONFLICT (order_id) DO UPDATE SET order_id = EXCLUDED.order_id
    RETURNING status, xmax = 0 AS is_new
), taken AS (
    UPDATE inventory.stock SET available = available - $3::integer
    WHERE sku = $2 AND (SELECT is_new AND status = 'held' FROM decided)
)
SELECT status <> 'short' AS reserved FROM decided
"""
RELEASE = """
WITH locked AS (
    SELECT sku FROM inventory.stock
    WHERE sku = (SELECT sku FROM inventory.reservations WHERE order_id = $1) FOR UPDATE
), given AS (
    UPDATE inventory.reservations SET status = 'released'
    WHERE order_id = $1 AND status = 'held' AND EXISTS (SELECT FROM locked)
    RETURNING sku, quantity
)
UPDATE inventory.stock AS stock SET available = stock.available + given.quantity FROM given WHERE stock.sku = given.sku
"""

FRESH_S = 10
KEPT_S = 600


def stock_key(sku: str) -> str:
    """Return where the copy of a product's stock lies in Redis."""
    return f"stock:{sku}"


def fresh_key(sku: str) -> str:
    """Return the mark that is there while that copy is fresh."""
    return f"fresh:{sku}"
