-- Who works on an order under its key, and until when; resilience/idempotency_postgres.py reads and writes these.
ALTER TABLE orders.orders
    ADD COLUMN fingerprint   text NOT NULL DEFAULT '',
    ADD COLUMN claimed_by    uuid,
    ADD COLUMN claimed_until timestamptz;
UPDATE orders.orders SET fingerprint = quantity || ' ' || sku;
