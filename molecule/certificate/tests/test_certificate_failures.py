"""What can go wrong: each time the certificate before is served, and somebody is told why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from certificate.tests.conftest import Site

FOLDER = "/etc/certificates/bookings"
SERVICES = {"lb1": "haproxy", "db1": "postgresql@15-main"}


def processes(site: Site) -> list[str]:
    """Who serves, and since when: whatever is restarted has another."""
    show = "systemctl show --property MainPID,NRestarts,ActiveEnterTimestampMonotonic"
    return [site.hosts[short].check_output(f"{show} {unit}") for short, unit in SERVICES.items()]


@pytest.fixture
def no_acme_server(site: Site) -> Iterator[None]:
    site.hosts["acme"].check_output("systemctl stop pebble")
    yield
    site.hosts["acme"].check_output("systemctl start pebble")


@pytest.mark.usefixtures("no_acme_server")
def test_without_an_acme_server_the_certificate_before_stays(site: Site) -> None:
    before, running = site.served("lb1"), processes(site)
    said = site.refusal(cert_renewal_force=True, cert_renewal_names=["bookings"])
    assert "bookings on" in said
    assert "was not renewed. See that the ACME server answers:" in said
    assert "The one in use is served as before, for another 90 days" in said
    assert "HINT: curl --head https://" in said
    assert site.served("lb1") == site.on_disk("lb1") == before
    assert processes(site) == running


def test_an_acme_server_that_forgot_everything_issues_again(site: Site) -> None:
    # It has restarted, so that the account is gone and its root is another one.
    before, roots = site.served("lb1"), site.roots.read_text().count("BEGIN CERTIFICATE")
    site.renew(cert_renewal_force=True, cert_renewal_names=["bookings"])
    assert site.served("lb1") != before
    assert site.roots.read_text().count("BEGIN CERTIFICATE") == roots + 1


@pytest.mark.long
def test_a_domain_that_is_not_ours_is_not_certified(site: Site) -> None:
    before = site.served("lb1")
    strange = {"name": "bookings", "domains": ["stranger.test"], "challenge": "http-01"}
    said = site.refusal(certificates=[{**strange, "hosts": "load_balancer", "for": "load_balancer"}])
    assert "was not renewed" in said
    assert site.served("lb1") == before
    assert "acme-challenge" not in site.balancer("show map /etc/haproxy/challenges.map")


def test_what_was_issued_wrongly_is_refused_before_it_is_used(site: Site) -> None:
    before, balancer = site.served("lb1"), site.hosts["lb1"]
    leaf, _, above = site.read("lb1", "current.pem").partition("-----END CERTIFICATE-----\n")
    chain = f"{leaf}-----END CERTIFICATE-----\n{above.partition('-----BEGIN EC')[0].partition('-----BEGIN PRIVATE')[0]}"
    # Nobody else's key, nobody else's name, a whole chain: each is taken away in turn.
    balancer.check_output(f"openssl ecparam -name prime256v1 -genkey -noout -out {FOLDER}/pending.key")
    assert "its key does not belong to it" in site.stage(chain)
    balancer.check_output(f"openssl pkey -in {FOLDER}/current.pem -out {FOLDER}/pending.key")
    assert "its chain leads to no authority" in site.stage(f"{leaf}-----END CERTIFICATE-----\n")
    assert "is for database.test and not for bookings.test" in site.stage(site.read("db1", "current.pem"))
    assert "no certificate in it" in site.stage("nothing")
    balancer.check_output(f"rm {FOLDER}/pending.key")
    assert site.served("lb1") == site.on_disk("lb1") == before
    assert site.on_disk("lb1", "pending") == ""


def test_where_nothing_answers_nothing_is_ordered(site: Site) -> None:
    before, running = site.on_disk("lb1"), processes(site)
    said = site.refusal(cert_renewal_force=True, cert_renewal_names=["bookings"], certificate_endpoint_port=4444)
    assert f"nothing answers on {site.hosts.address('lb1')}:4444 with a certificate: no handshake with" in said
    assert (site.on_disk("lb1"), site.on_disk("lb1", "pending"), processes(site)) == (before, "", running)


def test_a_database_that_was_stopped_on_purpose_stays_stopped(site: Site) -> None:
    database, unit = site.hosts["db1"], SERVICES["db1"]
    before = site.on_disk("db1")
    database.check_output(f"systemctl stop {unit}")
    said = [site.refusal(cert_renewal_names=["database"], cert_renewal_force=force) for force in (False, True)]
    was_running = database.service(unit).is_running
    database.check_output(f"systemctl start {unit}")
    assert all("nothing answers on" in one and "HINT: start what serves it" in one for one in said)
    assert (was_running, site.on_disk("db1")) == (False, before)


def test_a_proof_that_fails_goes_back_to_the_one_before(site: Site) -> None:
    before = site.served("lb1")
    # Something answers there, with another certificate.
    said = site.refusal(
        cert_renewal_force=True,
        cert_renewal_names=["bookings"],
        certificate_endpoint_host=site.hosts.address("acme"),
        certificate_endpoint_port=14000,
    )
    assert "shows a certificate that is not trusted" in said
    assert "The one before is in use again and served" in said
    assert site.served("lb1") == site.on_disk("lb1") == before
    assert site.on_disk("lb1", "pending") not in {"", before}


@pytest.mark.usefixtures("no_acme_server")
def test_an_interrupted_renewal_is_finished_with_what_was_issued(site: Site) -> None:
    # The test before left one that was issued. Nothing can be ordered, and the one in use is not worth keeping.
    issued = site.on_disk("lb1", "pending")
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout first.pem -out first.pem"
    named = "-subj /CN=bookings.test -addext subjectAltName=DNS:bookings.test"
    site.hosts["lb1"].check_output(f"cd {FOLDER} && {make} {named} && mv first.pem current.pem")
    site.renew()
    assert site.served("lb1") == site.on_disk("lb1") == issued
    assert site.on_disk("lb1", "pending") == ""


@pytest.mark.long
def test_what_is_in_place_and_not_served_yet_is_served(site: Site) -> None:
    # A run that ended before PostgreSQL was told.
    before, database = site.served("db1"), site.hosts["db1"]
    database.check_output("cd /etc/certificates/database && cp -p previous.pem next.pem && mv next.pem current.pem")
    assert site.on_disk("db1") != before
    site.renew(cert_renewal_names=["database"])
    assert site.served("db1") == site.on_disk("db1") != before


def test_nothing_secret_is_said(site: Site) -> None:
    done = site.run("playbooks/cert_renewal.yml", "-vvv", cert_renewal_force=True)
    assert done.returncode == 0, done.stdout + done.stderr
    keys = [site.read(short, "current.pem") for short in SERVICES]
    keys.append((site.folder / "acme" / "account.pem").read_text())
    # The first line holds the secret number; the last ones are the public key, which anybody may see.
    secrets = [key.partition("PRIVATE KEY-----\n")[2].splitlines()[0] for key in keys]
    assert [len(secret) for secret in secrets] == [64, 64, 64]
    said = done.stdout + done.stderr
    for short in ("acme", "lb1", "db1"):
        said += site.hosts[short].check_output("journalctl --no-pager")
    # The key of the name server's changes as well.
    assert [secret for secret in [*secrets, "b25seS1mb3ItdGhpcy1zY2VuYXJpbw"] if secret in said] == []


def test_the_report_says_until_when_and_fails_when_nobody_is_served(site: Site) -> None:
    metrics = site.folder / "certificates.prom"
    done = site.run("playbooks/cert_report.yml", cert_report_metrics_file=str(metrics))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "bookings.test" in done.stdout
    assert "database.test" in done.stdout
    assert metrics.read_text().count("drillbook_certificate_not_after_seconds{") == 2
    site.hosts["lb1"].check_output("systemctl stop haproxy")
    said = site.refusal("playbooks/cert_report.yml", cert_report_metrics_file=str(metrics))
    site.hosts["lb1"].check_output("systemctl start haproxy")
    assert "WRONG: no handshake with" in said
    assert metrics.read_text().count("drillbook_certificate_readable{") == 2
    assert metrics.read_text().count("} 0\n") >= 1
