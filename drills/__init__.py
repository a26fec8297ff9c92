"""Runbooks you can run, and drills that prove them."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("drillbook")
except PackageNotFoundError:  # a checkout that was never installed
    __version__ = "0+unknown"
