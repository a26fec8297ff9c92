"""What a certificate says, when it must be renewed, and when it must be refused."""

import doctest

import pytest
from ansible.module_utils import certificate
from ansible.module_utils.certificate import Bundle, CertificateError, bundle, due, facts, flaws

from tests.plugins.issuer import DAY, NOW, Issuer, key_pem, new_key

ISSUER = Issuer()
DOMAINS = ["bookings.test", "www.bookings.test"]


def made(*domains: str, since: float = 0, until: float = 90 * DAY) -> Bundle:
    issued = ISSUER.issue(*(domains or DOMAINS), since=since, until=until)
    return bundle(ISSUER.chain(issued) + issued.key)


def test_its_examples_hold() -> None:
    assert doctest.testmod(certificate).failed == 0


def test_a_bundle_is_taken_apart_and_put_together_again() -> None:
    issued = ISSUER.issue(*DOMAINS)
    found = bundle(f"a word before\n{ISSUER.chain(issued)}\nand between\n\n{issued.key}")
    assert found == Bundle(issued.pem, (ISSUER.intermediate,), issued.key)
    assert "\n\n" not in found.text
    assert bundle(found.text) == found


def test_what_is_no_certificate_is_refused() -> None:
    with pytest.raises(CertificateError, match="no certificate in it"):
        bundle(key_pem(new_key()))
    with pytest.raises(CertificateError, match="cannot be read"):
        facts("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")


def test_a_bundle_does_not_say_its_key() -> None:
    found = made()
    assert "PRIVATE" not in f"{found!r} {[found]}"


def test_facts_are_what_the_certificate_says() -> None:
    said = facts(made().leaf)
    assert said.names == tuple(DOMAINS)
    assert said.issuer == "root intermediate"
    assert (said.not_before, said.not_after) == (NOW, NOW + 90 * DAY)
    assert not said.self_signed
    assert facts(ISSUER.root).self_signed
    assert int(said.serial, 16) > 0
    assert said.serial == said.serial.upper()


def test_a_good_one_has_no_flaws() -> None:
    assert flaws(made(), DOMAINS, NOW) == []
    assert flaws(made("*.bookings.test"), ["www.bookings.test"], NOW) == []


@pytest.mark.parametrize(
    ("found", "flaw"),
    [
        (made("bookings.test"), "it is for bookings.test and not for www.bookings.test"),
        (made("*.bookings.test"), "and not for bookings.test"),
        (made(since=-90 * DAY, until=-1), "it expired at 2023-11-14 22:13:19 UTC"),
        (made(since=60), "it is not valid before 2023-11-14 22:14:20 UTC"),
        (Bundle(made().leaf, (), key_pem(new_key())), "its key does not belong to it"),
        (Bundle(made().leaf, (), "-----BEGIN PRIVATE KEY-----\nAAAA\n"), "its key does not belong to it"),
        (Bundle(made().leaf, (), ""), "it has no key"),
    ],
)
def test_what_must_not_be_used_is_told(found: Bundle, flaw: str) -> None:
    (said,) = flaws(found, DOMAINS, NOW)
    assert flaw in said


@pytest.mark.parametrize(
    ("lifetime", "left", "is_due"),
    [
        (90 * DAY, 31 * DAY, False),
        (90 * DAY, 29 * DAY, True),
        (6 * DAY, 2.1 * DAY, False),
        (6 * DAY, 1.9 * DAY, True),
        (600, 201, False),
        (600, 199, True),
    ],
)
def test_it_is_due_when_less_than_a_third_is_left(lifetime: float, left: float, is_due: bool) -> None:  # noqa: FBT001
    found = made(since=left - lifetime, until=left)
    assert bool(due(found, DOMAINS, NOW)) is is_due


def test_it_is_due_when_it_cannot_be_used_or_nobody_signed_it() -> None:
    assert "not for other.test" in due(made(), ["other.test"], NOW)
    assert due(bundle(ISSUER.root), DOMAINS, NOW) == "no authority has signed it"
