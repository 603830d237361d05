CREATE TABLE inventory.stock (
    sku       text PRIMARY KEY,
    -- A reservation of more than there is breaks this and takes itself back.
    available bigint NOT NULL CONSTRAINT stock_not_negative CHECK (available >= 0)
);

CREATE TABLE inventory.reservations (
    order_id   text PRIMARY KEY,
    sku        text NOT NULL REFERENCES inventory.stock,
    quantity   integer NOT NULL CHECK (quantity > 0),
    created_at timestamptz NOT NULL DEFAULT now()
);

INSERT INTO inventory.stock (sku, available)
SELECT 'sku-' || lpad(n::text, 4, '0'), 1000000 FROM generate_series(1, 200) AS n;
