-- Nothing that was acknowledged is lost: every booking keeps its row, and the column its values, under the old name.
DROP FUNCTION bookings.book_v3(text, bytea, text, integer, text, double precision);
ALTER TABLE bookings.bookings RENAME COLUMN place TO seat;
