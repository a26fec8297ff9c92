-- needs: 2
-- Version 4, contract: takes away the column `customer` and bookings.book, which releases before schema 2 write with.
-- There is no way back to those.
--
-- The trigger has kept `customer` whole for every row, and `buyer` is its copy, with gaps where a booking is older than
-- the copy. So it is the copy that goes, and the other takes its name: no row is touched, and nobody waits.

DROP TRIGGER bookings_name_buyer ON bookings.bookings;
DROP FUNCTION bookings.name_buyer();
DROP FUNCTION bookings.book(text, bytea, text, integer, text, double precision);
ALTER TABLE bookings.bookings DROP COLUMN buyer;
ALTER TABLE bookings.bookings RENAME COLUMN customer TO buyer;
