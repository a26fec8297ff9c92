"""The drills of certificates on the real lab, and a renewal that renews nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab.terminal import SABOTAGE
from tests.lab.test_sabotage import MISSED, RUNBOOKS, UNPROVED, judgement, verdict
from tests.lab.test_scenarios import figures, kept_its_rate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.cluster import Cluster
    from tests.lab.terminal import Terminal

pytestmark = pytest.mark.lab

FOLDER = "/etc/certificates/bookings"


@pytest.fixture
def balancer(lab: Cluster) -> Iterator[Cluster]:
    """The lab; afterwards nothing of a drill lies beside the certificate, and what lies there is served."""
    yield lab
    left = lab.at("lb1", f"ls -A {FOLDER}").split()
    assert not [name for name in left if "drill" in name or name.startswith(".")], left
    assert lab.at("lb1", f"openssl x509 -in {FOLDER}/current.pem -noout -serial") == served(lab)


def served(lab: Cluster) -> str:
    """The serial number of what customers are shown."""
    return lab.at(
        "lb1", "openssl s_client -connect 127.0.0.1:443 < /dev/null 2> /dev/null | openssl x509 -noout -serial"
    )


@pytest.mark.parametrize(
    "scenario",
    [
        "cert_expired",
        pytest.param("cert_about_to_expire", marks=pytest.mark.long),
        pytest.param("acme_server_down", marks=pytest.mark.long),
    ],
)
def test_a_drill_of_certificates_is_met_and_healed(
    scenario: str, terminal: Terminal, balancer: Cluster, recoveries: dict[str, str]
) -> None:
    before = served(balancer)
    ended = terminal.drill(scenario)
    document = ended.document
    recoveries[scenario] = figures(document)
    assert (document["status"], document["heal"], document["verdict"]) == ("completed", "healed", "met"), ended
    assert ended.code == 0, ended
    assert document["writes"] | {"lost": 0, "duplicated": 0} == document["writes"], ended
    assert served(balancer) != before, ended
    kept_its_rate(ended)


def test_a_renewal_that_succeeds_and_renews_nothing_is_missed(terminal: Terminal, balancer: Cluster) -> None:
    before = served(balancer)
    ended = terminal.drill("certificate_not_renewed", program=SABOTAGE, **RUNBOOKS)
    assert verdict(ended) == ("missed", MISSED), ended
    assert judgement(ended, "runbooks_succeeded")["outcome"] == "met", ended
    assert judgement(ended, "recovered_within")["outcome"] == "missed", ended
    assert judgement(ended, "no_failed_handshake")["outcome"] == "missed", ended
    assert "expired" in judgement(ended, "no_failed_handshake")["because"], ended
    assert served(balancer) == before, ended


@pytest.mark.long
def test_a_story_that_ended_early_proves_nothing_though_no_customer_suffered(
    terminal: Terminal, balancer: Cluster
) -> None:
    before = served(balancer)
    ended = terminal.drill("certificate_still_ending", program=SABOTAGE, **RUNBOOKS)
    assert verdict(ended) == ("unknown", UNPROVED), ended
    assert judgement(ended, "no_failed_handshake")["outcome"] == "met", ended
    assert any("the story ended early: certificate_lasts" in why for why in ended.document["reasons"]), ended
    assert served(balancer) == before, ended


@pytest.mark.long
def test_a_renewal_that_finds_nothing_due_has_renewed_nothing(terminal: Terminal, balancer: Cluster) -> None:
    before = served(balancer)
    ended = terminal.drill("renewal_of_nothing", program=SABOTAGE)
    assert (ended.code, ended.document["verdict"]) == (MISSED, "missed"), ended
    assert judgement(ended, "runbooks_succeeded")["outcome"] == "met", ended
    assert judgement(ended, "certificate_renewed")["outcome"] == "missed", ended
    assert served(balancer) == before, ended
