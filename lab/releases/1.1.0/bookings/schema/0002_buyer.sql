-- Version 2, expand: who books is called the buyer. The column beside `customer`, and book_v2 beside book, so that the
-- release before goes on writing as it does.
--
-- A trigger keeps the two columns the same, whichever of them a release writes: a booking taken by either release is
-- whole for the other one. Rows from before have no buyer, and need none: `customer` has it. To fill them here would
-- hold the lock of ALTER TABLE for as long as that takes, and customers would wait.

ALTER TABLE bookings.bookings ADD COLUMN buyer text;

CREATE FUNCTION bookings.name_buyer() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    NEW.buyer := coalesce(NEW.buyer, NEW.customer);
    NEW.customer := coalesce(NEW.customer, NEW.buyer);
    RETURN NEW;
END
$$;

CREATE TRIGGER bookings_name_buyer BEFORE INSERT ON bookings.bookings
    FOR EACH ROW EXECUTE FUNCTION bookings.name_buyer();

-- As bookings.book, and it names the buyer alone: `customer` may be gone.
CREATE FUNCTION bookings.book_v2(
    _key text, _request bytea, _event text, _seat integer, _buyer text, _hold_seconds double precision,
    OUT outcome text, OUT booking_id text, OUT hold_end timestamptz, OUT by_server text, OUT by_timeline integer
)
LANGUAGE plpgsql AS $$
DECLARE
    _known bookings.bookings;
BEGIN
    LOOP
        INSERT INTO bookings.bookings (key, request, event, seat, buyer, state, held_until, server, timeline)
            SELECT _key, _request, _event, _seat, _buyer,
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
