-- rollback: undo
-- Version 3: a seat is called a place, since standing room is sold as well. The column is renamed and not copied, so
-- every release before fails on its first statement, reads included, until this is undone.

ALTER TABLE bookings.bookings RENAME COLUMN seat TO place;

-- As bookings.book_v2, on the renamed column.
CREATE FUNCTION bookings.book_v3(
    _key text, _request bytea, _event text, _place integer, _buyer text, _hold_seconds double precision,
    OUT outcome text, OUT booking_id text, OUT hold_end timestamptz, OUT by_server text, OUT by_timeline integer
)
LANGUAGE plpgsql AS $$
DECLARE
    _known bookings.bookings;
BEGIN
    LOOP
        INSERT INTO bookings.bookings (key, request, event, place, buyer, state, held_until, server, timeline)
            SELECT _key, _request, _event, _place, _buyer,
                CASE WHEN _hold_seconds IS NULL THEN 'confirmed' ELSE 'held' END,
                clock_timestamp() + make_interval(secs => _hold_seconds),
                current_setting('cluster_name'), bookings.current_timeline()
            FROM bookings.events WHERE events.id = _event AND _place >= 0 AND _place < events.seats
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
            WHERE event = _event AND place = _place AND state = 'held' AND held_until <= clock_timestamp();
        CONTINUE WHEN FOUND;

        PERFORM 1 FROM bookings.bookings WHERE event = _event AND place = _place AND state <> 'expired';
        IF FOUND THEN
            outcome := 'seat_taken';
            RETURN;
        END IF;

        PERFORM 1 FROM bookings.events WHERE id = _event AND _place >= 0 AND _place < seats;
        IF NOT FOUND THEN
            outcome := 'unknown_seat';
            RETURN;
        END IF;
    END LOOP;
END
$$;
