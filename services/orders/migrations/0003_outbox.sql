-- Who bought; part of what makes a repeat the same request.
ALTER TABLE orders.orders
    ADD COLUMN customer text NOT NULL DEFAULT 'guest',
    ADD COLUMN event_id uuid;
UPDATE orders.orders SET fingerprint = quantity || ' ' || sku || ' ' || customer;

-- What is still to be told, and for a while what was. A row is written by the statement that settles its order.
CREATE TABLE orders.outbox (
    id           bigserial PRIMARY KEY,
    event_id     uuid NOT NULL UNIQUE,
    order_id     uuid NOT NULL UNIQUE,
    payload      text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz
);
CREATE INDEX outbox_unpublished ON orders.outbox (id) WHERE published_at IS NULL;
CREATE INDEX outbox_published ON orders.outbox (published_at) WHERE published_at IS NOT NULL;
