"""Seat bookings with payments: the service that Drillbook's drills are about.

It runs as a package named `bookings`, from a release folder: `python3 -m bookings --settings bookings.env`.
"""
