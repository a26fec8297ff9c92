"""The report: what was not seen is never good."""

import pytest
from ansible.module_utils.certificate_report import failing, metrics, row, rows, table

from tests.plugins.issuer import DAY, NOW

SEEN = {
    "name": "bookings",
    "host": "lb1",
    "current": {"names": ["bookings.test"], "issuer": "R3", "serial": "AB", "not_after": NOW + 80 * DAY},
    "served": {"serial": "AB"},
    "because": "",
    "error": "",
}
CURRENT = SEEN["current"]
EXPIRED = {**SEEN, "host": "lb2", "current": {**CURRENT, "not_after": NOW - 1}, "because": "it expired"}  # type: ignore[dict-item]


def test_a_good_one_is_good() -> None:
    found = row(SEEN)
    assert (found.state(NOW), found.fails(NOW)) == ("good", False)
    assert "80 days" in table([found], NOW)[1]


@pytest.mark.parametrize(
    ("seen", "state", "fails"),
    [
        ({**SEEN, "because": "20 days of 90 days are left"}, "due: 20 days", False),
        (EXPIRED, "EXPIRED", True),
        ({**SEEN, "error": "no handshake with lb1:443: refused"}, "WRONG: no handshake", True),
        ({**SEEN, "served": {"serial": "CD"}}, "WRONG: serves CD, and AB is the current one", True),
        ({**SEEN, "current": None, "because": "there is none"}, "WRONG: there is none", True),
        ({"name": "bookings", "host": "lb1"}, "WRONG: it was not seen", True),
    ],
)
def test_what_is_not_good_is_told(seen: dict[str, object], state: str, fails: bool) -> None:  # noqa: FBT001
    found = row(seen)
    assert found.state(NOW).startswith(state)
    assert found.fails(NOW) is fails
    assert state in "\n".join(table([found], NOW))


CERTIFICATES = [{"name": "bookings", "hosts": "load_balancer"}, {"name": "database", "hosts": "database"}]
GROUPS = {"load_balancer": ["lb1", "lb2"], "database": ["db1"]}


def test_what_must_be_there_and_was_not_seen_is_told() -> None:
    found = rows([SEEN], CERTIFICATES, GROUPS)
    assert [one.place for one in found] == ["bookings on lb1", "bookings on lb2", "database on db1"]
    assert failing(found, NOW) == ["bookings on lb2: WRONG: it was not seen", "database on db1: WRONG: it was not seen"]
    assert "drillbook_certificate_readable" in metrics(found, "lab", NOW)
    assert metrics(found, "lab", NOW).count("} 0\n") >= 2


def test_all_that_must_be_there_and_is_good_fails_in_nothing() -> None:
    seen = [SEEN, {**SEEN, "host": "lb2"}, {**SEEN, "name": "database", "host": "db1"}]
    assert failing(rows(seen, CERTIFICATES, GROUPS), NOW) == []
    assert len(rows([*seen, {**SEEN, "name": "former"}], CERTIFICATES, GROUPS)) == 4


@pytest.mark.parametrize("groups", [{}, {"load_balancers": ["lb1"], "load_balancer": []}])
def test_a_certificate_that_no_host_serves_is_told(groups: dict[str, list[str]]) -> None:
    found = rows([], CERTIFICATES[:1], groups)
    assert failing(found, NOW) == ["bookings: WRONG: no host serves it: the group load_balancer has none"]
    assert "no host serves it" in table(found, NOW)[1]


def test_nothing_at_all_is_not_good() -> None:
    assert failing(rows([], [], GROUPS), NOW) == ["the inventory describes no certificates, so nothing was looked at"]


def test_what_expires_first_comes_first() -> None:
    lines = table([row(SEEN), row(EXPIRED)], NOW)
    assert [line.split()[1] for line in lines] == ["host", "lb2", "lb1"]


def test_prometheus_gets_a_figure_for_each() -> None:
    text = metrics([row(SEEN), row({"name": "database", "host": "db1"})], "lab", NOW)
    labels = 'environment="lab",certificate="bookings",host="lb1"'
    assert f"drillbook_certificate_not_after_seconds{{{labels}}} {NOW + 80 * DAY:.0f}\n" in text
    assert f"drillbook_certificate_readable{{{labels}}} 1\n" in text
    unseen = 'environment="lab",certificate="database",host="db1"'
    assert f"drillbook_certificate_readable{{{unseen}}} 0\n" in text
    assert f"drillbook_certificate_not_after_seconds{{{unseen}}}" not in text
    assert text.endswith(f'drillbook_certificate_report_seconds{{environment="lab"}} {NOW:.0f}\n')
