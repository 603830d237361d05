-- What customers were told, in the order in which it was written: a stream resumes by id.
-- event_id is not unique: what keeps an event from being told twice is consumed_events, and an arm that leaves that
-- out shall be seen to tell it twice.
CREATE TABLE notifications.notifications (
    id         bigserial PRIMARY KEY,
    event_id   uuid NOT NULL,
    order_id   uuid NOT NULL,
    customer   text NOT NULL,
    text       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX notifications_of_a_customer ON notifications.notifications (customer, id);

CREATE TABLE notifications.consumed_events (
    event_id    uuid PRIMARY KEY,
    consumed_at timestamptz NOT NULL DEFAULT now()
);
