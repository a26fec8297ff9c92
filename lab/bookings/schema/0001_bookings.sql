-- Version 1: events, bookings, payments, and the three functions that write them.
--
-- A write is one call of one function, sent as one statement outside any BEGIN: one round trip, one commit, and the
-- server's last word on it ("ready for the next query") comes after the commit has been replicated.
--
-- A file here is never edited once it was applied anywhere. What comes next is a new file: first one which adds
-- (expand: old and new release both work), and only when no old release is left one which takes away (contract).

CREATE TABLE IF NOT EXISTS bookings.events (
    id text PRIMARY KEY,
    seats integer NOT NULL CHECK (seats > 0)
);

CREATE TABLE IF NOT EXISTS bookings.bookings (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    key text NOT NULL CONSTRAINT bookings_key_used_once UNIQUE,
    request bytea NOT NULL,      -- SHA-256 of what was asked for under this key
    event text NOT NULL,         -- no foreign key: events are never deleted, and its check locks one hot row each time
    seat integer NOT NULL,
    customer text NOT NULL,
    state text NOT NULL CHECK (state IN ('held', 'confirmed', 'expired')),
    held_until timestamptz CHECK (state = 'confirmed' OR held_until IS NOT NULL),
    created_at timestamptz NOT NULL DEFAULT now(),
    server text NOT NULL,        -- which database server took this booking,
    timeline integer NOT NULL    -- and on which timeline: evidence when two servers ever believed to be the primary
);

CREATE UNIQUE INDEX IF NOT EXISTS bookings_seat_sold_once ON bookings.bookings (event, seat) WHERE state <> 'expired';

CREATE TABLE IF NOT EXISTS bookings.payments (
    id text PRIMARY KEY,
    booking uuid NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('confirmed', 'refund_due')),
    received_at timestamptz NOT NULL DEFAULT now()
);

-- The timeline this server writes on. Not pg_control_checkpoint(): that one still names the old timeline until the
-- first checkpoint after a promotion, which can be minutes later.
CREATE OR REPLACE FUNCTION bookings.current_timeline() RETURNS integer
LANGUAGE sql VOLATILE AS $$
    SELECT ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::integer
$$;

-- Makes this transaction's commit wait for the standby although it changes no row. An answer that says "already
-- written" is an acknowledgement too, and the row it speaks of may be one whose own wait for the standby was cut short.
CREATE OR REPLACE FUNCTION bookings.await_replication() RETURNS void
LANGUAGE sql VOLATILE AS $$
    SELECT pg_logical_emit_message(true, 'bookings', '')
$$;

-- Outcomes: created, repeated, other_request (the id is taken by an event of another size).
CREATE OR REPLACE FUNCTION bookings.open_event(_id text, _seats integer) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO bookings.events (id, seats) VALUES (_id, _seats) ON CONFLICT DO NOTHING;
    IF FOUND THEN
        RETURN 'created';
    END IF;
    PERFORM 1 FROM bookings.events WHERE id = _id AND seats = _seats;
    IF NOT FOUND THEN
        RETURN 'other_request';
    END IF;
    PERFORM bookings.await_replication();
    RETURN 'repeated';
END
$$;

-- Outcomes: created, repeated, other_request (the key was used for something else), seat_taken, unknown_seat.
-- Two callers with one key, or for one seat, meet in a unique index: the second waits there until the first has
-- committed, its standby included, and then reads what the first wrote.
CREATE OR REPLACE FUNCTION bookings.book(
    _key text, _request bytea, _event text, _seat integer, _customer text, _hold_seconds double precision,
    OUT outcome text, OUT booking_id text, OUT hold_end timestamptz, OUT by_server text, OUT by_timeline integer
)
LANGUAGE plpgsql AS $$
DECLARE
    _known bookings.bookings;
BEGIN
    LOOP
        INSERT INTO bookings.bookings (key, request, event, seat, customer, state, held_until, server, timeline)
            SELECT _key, _request, _event, _seat, _customer,
                CASE WHEN _hold_seconds IS NULL THEN 'confirmed' ELSE 'held' END,
                clock_timestamp() + make_interval(secs => _hold_seconds),
                current_setting('cluster_name'), bookings.current_timeline()
            FROM bookings.events WHERE events.id = _event AND _seat >= 0 AND _seat < events.seats
            ON CONFLICT DO NOTHING
            RETURNING 'created', id::text, held_until, server, timeline
            INTO outcome, booking_id, hold_end, by_server, by_timeline;
        EXIT WHEN FOUND;

        SELECT * INTO _known FROM bookings.bookings WHERE key = _key;
        IF FOUND AND _known.request <> _request THEN
            outcome := 'other_request';
            RETURN;
        ELSIF FOUND THEN
            PERFORM bookings.await_replication();
            outcome := 'repeated';
            booking_id := _known.id::text;
            hold_end := _known.held_until;
            by_server := _known.server;
            by_timeline := _known.timeline;
            RETURN;
        END IF;

        UPDATE bookings.bookings SET state = 'expired'
            WHERE event = _event AND seat = _seat AND state = 'held' AND held_until <= clock_timestamp();
        CONTINUE WHEN FOUND;

        PERFORM 1 FROM bookings.bookings WHERE event = _event AND seat = _seat AND state <> 'expired';
        IF FOUND THEN
            outcome := 'seat_taken';
            RETURN;
        END IF;

        PERFORM 1 FROM bookings.events WHERE id = _event AND _seat >= 0 AND _seat < seats;
        IF NOT FOUND THEN
            outcome := 'unknown_seat';
            RETURN;
        END IF;
    END LOOP;
END
$$;

-- Outcomes: confirmed, refund_due (the hold had run out), other_request (this payment is for another booking),
-- unknown_booking. A payment that was already taken keeps the outcome it had and changes nothing.
CREATE OR REPLACE FUNCTION bookings.take_payment(_payment text, _booking uuid) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    _known bookings.payments;
    _outcome text;
BEGIN
    -- The booking's row is locked first, so that its hold cannot run out between the look and the change.
    SELECT CASE WHEN state = 'confirmed' OR state = 'held' AND held_until > clock_timestamp()
            THEN 'confirmed' ELSE 'refund_due' END
        INTO _outcome FROM bookings.bookings WHERE id = _booking FOR UPDATE;
    IF NOT FOUND THEN
        RETURN 'unknown_booking';
    END IF;
    INSERT INTO bookings.payments (id, booking, outcome) VALUES (_payment, _booking, _outcome) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        SELECT * INTO STRICT _known FROM bookings.payments WHERE id = _payment;
        PERFORM bookings.await_replication();
        RETURN CASE WHEN _known.booking = _booking THEN _known.outcome ELSE 'other_request' END;
    END IF;
    IF _outcome = 'confirmed' THEN
        UPDATE bookings.bookings SET state = 'confirmed' WHERE id = _booking AND state = 'held';
    END IF;
    RETURN _outcome;
END
$$;
