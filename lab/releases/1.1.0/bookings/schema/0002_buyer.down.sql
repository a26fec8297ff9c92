-- Nothing that was acknowledged is lost: each booking written since has its buyer in `customer` as well, by the trigger,
-- and the release before repeats it, takes its payment and lists it. The column that goes was a copy.
DROP TRIGGER bookings_name_buyer ON bookings.bookings;
DROP FUNCTION bookings.name_buyer();
DROP FUNCTION bookings.book_v2(text, bytea, text, integer, text, double precision);
ALTER TABLE bookings.bookings DROP COLUMN buyer;
