-- Who works on a charge under its key, and until when; resilience/idempotency_postgres.py reads and writes these.
ALTER TABLE payments.charges
    ADD COLUMN fingerprint   text NOT NULL DEFAULT '',
    ADD COLUMN claimed_by    uuid,
    ADD COLUMN claimed_until timestamptz;
UPDATE payments.charges SET fingerprint = amount_cents || ' ' || order_id;
