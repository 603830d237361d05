-- The history of scheduled jobs; services/common/scheduled.py writes it.
CREATE TABLE orders.job_runs (
    id          bigserial PRIMARY KEY,
    job         text NOT NULL,
    due_at      timestamptz NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    outcome     text NOT NULL CHECK (outcome IN ('running', 'ok', 'failed', 'abandoned')),
    rows        integer,
    error       text
);
CREATE INDEX job_runs_of_job ON orders.job_runs (job, id);
-- Those that nobody has brought to an end.
CREATE INDEX orders_unsettled ON orders.orders (created_at) WHERE settled_at IS NULL;
