CREATE TABLE payments.charges (
    id              uuid PRIMARY KEY,
    idempotency_key text NOT NULL UNIQUE,
    order_id        text NOT NULL,
    amount_cents    bigint NOT NULL CHECK (amount_cents > 0),
    status          text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'charged', 'declined')),
    created_at      timestamptz NOT NULL DEFAULT now(),
    settled_at      timestamptz
);
