CREATE TABLE inventory.stock (
    sku       text PRIMARY KEY,
    -- The last net: a reservation looks at the locked row first.
    available bigint NOT NULL CONSTRAINT stock_not_negative CHECK (available >= 0)
);

-- One row an order, never removed: what was decided for it is what every repeat is told. So `sku` is no reference, for
-- an order of a product that does not exist is decided, too.
CREATE TABLE inventory.reservations (
    order_id   text PRIMARY KEY,
    sku        text NOT NULL,
    quantity   integer NOT NULL CHECK (quantity > 0),
    status     text NOT NULL CHECK (status IN ('held', 'released', 'short')),
    created_at timestamptz NOT NULL DEFAULT now()
);

INSERT INTO inventory.stock (sku, available)
SELECT 'sku-' || lpad(n::text, 4, '0'), 1000000 FROM generate_series(1, 200) AS n;
