CREATE TABLE orders.orders (
    id              uuid PRIMARY KEY,
    idempotency_key text NOT NULL UNIQUE,
    sku             text NOT NULL,
    quantity        integer NOT NULL CHECK (quantity > 0),
    amount_cents    bigint NOT NULL CHECK (amount_cents > 0),
    status          text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'confirmed', 'declined', 'failed')),
    created_at      timestamptz NOT NULL DEFAULT now(),
    settled_at      timestamptz
);
