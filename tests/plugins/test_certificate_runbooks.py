"""What the runbooks of certificates do when something is down, missing or interrupted; no host is needed for it."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ansible.module_utils.certificate import facts

from tests.plugins.issuer import Issuer
from tests.plugins.rehearsal import ROOT, Rehearsal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GROUPS = {"load_balancer": ["lb1", "lb2"], "database": ["db1"]}
BOOKINGS = {"name": "bookings", "domains": ["bookings.test"], "challenge": "http-01"}
DATABASE = {"name": "database", "domains": ["database.test"], "challenge": "dns-01"}
CERTIFICATES = [
    {**BOOKINGS, "hosts": "load_balancer", "for": "load_balancer"},
    {**DATABASE, "hosts": "database", "for": "postgresql"},
]
DESCRIBED = {
    "certificates": CERTIFICATES,
    "certificate_acme_directory": "https://acme.test/dir",
    "certificate_acme_terms_agreed": True,
    "certificate_account_key": "a key",
    "certificate_challenge_hosts": ["lb1", "lb2"],
}
ON_ONE = {"certificate_name": "bookings", "certificate_domains": ["bookings.test"], "certificate_endpoint_host": "lb"}


@pytest.fixture
def site(tmp_path: Path) -> Rehearsal:
    return Rehearsal(tmp_path, GROUPS, variables=DESCRIBED)


# cert_renewal


@pytest.fixture
def renewals(site: Rehearsal) -> Rehearsal:
    """A renewal that notes that it was tried, and fails where `fails_on` says so."""
    site.module("tried", ["what"], "return {}")
    site.task_file(
        "certificate",
        "renew",
        """
- name: Note it
  tried: {what: "{{ certificate_name }} on {{ inventory_hostname }}"}
- name: Renew
  ansible.builtin.fail: {msg: the authority is asleep}
  when: certificate_name ~ ' on ' ~ inventory_hostname in fails_on | default([])
""",
    )
    return site


def tried(site: Rehearsal) -> list[str]:
    return [asked["what"] for asked in site.asked("tried")]


def test_a_certificate_that_fails_keeps_its_other_hosts_from_it_and_no_other_certificate(renewals: Rehearsal) -> None:
    code, said = renewals.run("playbooks/cert_renewal.yml", fails_on=["bookings on lb1", "bookings on lb2"])
    *_, first = (what.removeprefix("bookings on ") for what in tried(renewals) if what.startswith("bookings"))
    other = {"lb1": "lb2", "lb2": "lb1"}[first]  # which host answers first comes first
    assert (code, sorted(tried(renewals))) == (2, [f"bookings on {first}", "database on db1"]), said
    assert f"bookings on {first}: the authority is asleep" in said
    assert f"bookings on {other}: it failed on {first}, so it was not tried here" in said
    assert "The other certificates are done. HINT:" in said


def test_a_host_that_is_down_keeps_nobody_from_a_certificate_and_is_named(renewals: Rehearsal) -> None:
    renewals.dead = {"lb1"}
    code, said = renewals.run("playbooks/cert_renewal.yml")
    assert (code, sorted(tried(renewals))) == (2, ["bookings on lb2", "database on db1"]), said
    assert "lb1 cannot be reached, so nobody knows" in said


def test_all_that_is_well_ends_well(renewals: Rehearsal) -> None:
    code, said = renewals.run("playbooks/cert_renewal.yml", "--limit", "db1")
    assert (code, tried(renewals)) == (0, ["database on db1"]), said


@pytest.mark.parametrize(
    "groups",
    [
        {"load_balancer": ["lb1"], "databases": ["db1"]},
        pytest.param({"application": ["app1"]}, marks=pytest.mark.long),
    ],
)
def test_a_certificate_that_no_host_serves_is_not_taken_for_renewed(
    renewals: Rehearsal, groups: dict[str, list[str]]
) -> None:
    renewals.groups = groups
    code, said = renewals.run("playbooks/cert_renewal.yml")
    assert code == 2, said
    assert "database is served by no host: its group has no load balancer and no database host" in said


# What answers


CURRENT = {"names": ["bookings.test"], "issuer": "R3", "serial": "AB", "left": "80 days", "not_after": 4e9}


def looks(site: Rehearsal, served: dict[str, Any] | None, error: str = "") -> None:
    """The host has CURRENT, and customers are shown `served`."""
    found = {"versions": {"current": CURRENT}, "is_due": False, "because": "", "pending_ready": False}
    site.module("certificate_info", ["folder", "domains"], f"return {found!r}")
    options = ["host", "port", "server_name", "protocol", "authorities"]
    shown = {"certificate": served, "is_trusted": not error, "error": error}
    site.module("certificate_served_info", options, f"return {shown!r}")
    site.module("certificate_swap", ["folder", "take", "socket"], "return {'serial': 'AB'}")


@pytest.mark.parametrize("force", [False, pytest.param(True, marks=pytest.mark.long)])
def test_what_was_stopped_is_neither_started_nor_renewed(site: Rehearsal, force: bool) -> None:  # noqa: FBT001
    site.groups = {"database": ["db1"]}
    looks(site, None, "no handshake with lb:5432: refused")
    code, said = site.verb("certificate", "renew", **ON_ONE, certificate_for="postgresql", certificate_force=force)
    assert code == 2, said
    assert "nothing answers on lb:5432 with a certificate: no handshake with lb:5432: refused." in said
    assert "HINT: start what serves it" in said
    assert site.asked("certificate_swap") == []


@pytest.mark.long
def test_what_is_in_place_is_served_when_another_one_is_shown(site: Rehearsal) -> None:
    site.groups = {"load_balancer": ["lb1"]}
    looks(site, {**CURRENT, "serial": "CD"})
    site.task_file("certificate", "serve", "- tried: {}\n")
    site.module("tried", [], "return {}")
    assert site.verb("certificate", "renew", **ON_ONE)[0] == 0
    assert len(site.asked("tried")) == 1


def test_a_server_that_does_not_run_is_not_started_by_a_reload(site: Rehearsal) -> None:
    site.groups = {"database": ["db1"]}
    systemctl = site.folder / "bin" / "systemctl"
    systemctl.parent.mkdir()
    systemctl.write_text(
        f'#!/bin/sh\necho "$@" >> {site.folder}/units\necho "is not active, cannot reload." >&2; exit 1\n'
    )
    systemctl.chmod(0o755)
    code, said = site.verb("postgresql", "reload")
    assert (code, "is not active, cannot reload." in said) == (2, True)
    assert (site.folder / "units").read_text() == "reload postgresql@15-main\n"


# cert_report


def test_the_report_is_of_all_that_must_be_there(site: Rehearsal) -> None:
    looks(site, CURRENT)
    metrics = site.folder / "metrics"
    code, said = site.run("playbooks/cert_report.yml", cert_report_metrics_file=str(metrics))
    assert code == 0, said
    assert metrics.read_text().count("drillbook_certificate_readable{") == 3
    site.dead = {"lb1"}
    code, said = site.run("playbooks/cert_report.yml", cert_report_metrics_file=str(metrics))
    assert code == 2, said
    assert "bookings on lb1: WRONG: the host cannot be reached. HINT:" in said
    assert metrics.read_text().count("} 0\n") == 4  # lb1 cannot be read, and none of the three is due


@pytest.mark.parametrize("limit", ["db1", pytest.param("app1", marks=pytest.mark.long)])
def test_what_is_left_out_is_not_taken_for_good(site: Rehearsal, limit: str) -> None:
    looks(site, CURRENT)
    site.groups = {**GROUPS, "application": ["app1"]}
    code, said = site.run("playbooks/cert_report.yml", "--limit", limit)
    assert code == 2, said
    assert "bookings on lb1: WRONG: it was not seen; bookings on lb2: WRONG: it was not seen" in said
    assert ("database on db1: WRONG" in said) == (limit == "app1")
    assert "hosts that --limit leaves out are not seen" in said


# What the ACME server looks for


class Web(BaseHTTPRequestHandler):
    """A load balancer that answers the challenge, and an authority that does not publish its root."""

    def do_GET(self) -> None:
        self.send_response(404 if self.path == "/root" else 200)
        self.end_headers()
        self.wfile.write(b"token.thumb")

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def web() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), Web)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()


ORDER = {
    "order_uri": "https://acme.test/order",
    "challenge_data": [
        {"challenges": {"http-01": {"resource": ".well-known/acme-challenge/token", "resource_value": "token.thumb"}}}
    ],
}


def test_a_load_balancer_that_is_down_is_done_without(site: Rehearsal, web: int) -> None:
    site.module("acme_challenge", ["answers", "state"], "return {}")
    site.dead = {"lb2"}
    asked = {"__certificate_order": ORDER, "__certificate_answer": "present", "certificate_challenge_port": web}
    code, said = site.verb("certificate", "answer_http", **ON_ONE, **asked, verb_hosts="db1")
    assert code == 0, said
    answers = {"/.well-known/acme-challenge/token": "token.thumb"}
    assert site.asked("acme_challenge") == [{"answers": answers, "state": "present"}]
    site.dead = {"lb1", "lb2"}
    code, said = site.verb("certificate", "answer_http", **ON_ONE, **asked, verb_hosts="db1")
    assert code == 2, said
    assert "lb1, lb2 cannot be reached, so nobody can show the ACME server that bookings.test is ours. HINT:" in said


def test_what_was_issued_is_on_disk_before_anything_else_can_fail(site: Rehearsal) -> None:
    site.module("certificate_stage", ["folder", "domains", "chain", "authorities"], "return {}")
    issued = {"selected_chain": {"full_chain": "the chain"}}
    finalize = {"ansible.builtin.set_fact": {"__certificate_issued": issued}}
    site.task_file("certificate", "finalize", json.dumps([finalize]))
    down = {"ansible.builtin.fail": {"msg": "HAProxy is down"}, "when": "__certificate_answer == 'absent'"}
    site.task_file("certificate", "answer_http", json.dumps([down]))
    code, said = site.verb("certificate", "prove_domains", **ON_ONE, verb_hosts="db1")
    assert (code, "HAProxy is down" in said) == (2, True), said
    assert [asked["chain"] for asked in site.asked("certificate_stage")] == ["the chain"]


def test_nothing_is_ordered_before_it_is_known_whom_it_must_lead_to(site: Rehearsal, web: int) -> None:
    options = [
        "acme_directory",
        "acme_version",
        "account_key_content",
        "state",
        "terms_agreed",
        "contact",
        "csr_content",
    ]
    for module in ("acme_account", "acme_certificate_order_create"):
        site.module(f"community.crypto.{module}", options, "return {}")
    url = f"http://127.0.0.1:{web}"
    places = {"certificate_acme_directory": url, "__certificate_request": {"csr": "a request"}}
    code, said = site.verb("certificate", "order", **places, certificate_authority_url=f"{url}/root", verb_hosts="db1")
    assert (code, "Ask for the root" in said) == (2, True), said
    assert site.asked("community.crypto.acme_certificate_order_create") == []
    code, said = site.verb("certificate", "order", **places, verb_hosts="db1")
    assert (code, len(site.asked("community.crypto.acme_certificate_order_create"))) == (0, 1), said


def test_an_answer_by_dns_is_kept_by_no_resolver() -> None:
    tasks = yaml.safe_load((ROOT / "roles" / "certificate" / "tasks" / "answer_dns.yml").read_text())
    assert tasks[0]["community.general.nsupdate"]["ttl"] == 0


# A key that has leaked


@pytest.fixture
def leaked(site: Rehearsal) -> Rehearsal:
    """A host whose certificates lie in its folder, the next ones too, and an ACME server that may be down."""
    issuer = Issuer()
    for name in ("current", "next-1", "next-2"):
        issued = issuer.issue("bookings.test", until=3650 * 86_400)
        (site.folder / f"{name}.pem").write_text(issuer.chain(issued) + issued.key)
    renew = (
        "set -- next-*.pem; cp current.pem previous.pem; mv $1 current.pem; openssl x509 -in current.pem -noout -serial"
    )
    served = {"is_trusted": True, "certificate": {"serial": "{{ renewed.stdout | regex_replace('serial=') }}"}}
    tasks = [
        {"ansible.builtin.shell": {"cmd": renew, "chdir": str(site.folder)}, "register": "renewed"},
        {"ansible.builtin.set_fact": {"__certificate_served": served}},
    ]
    site.task_file("certificate", "renew", json.dumps(tasks))
    options = ["acme_directory", "acme_version", "account_key_content", "certificate", "revoke_reason"]
    answer = f"""
book, down = Path({str(site.folder / "revoked")!r}), Path({str(site.folder / "down")!r})
if down.exists():
    fail("nobody answers")
line = subprocess.check_output(["openssl", "x509", "-in", asked["certificate"], "-noout", "-serial"], text=True)
known = book.read_text() if book.exists() else ""
book.write_text(known if line in known else known + line)
return {{"changed": line not in known}}
"""
    site.module("community.crypto.acme_certificate_revoke", options, answer)
    site.groups = {"load_balancer": ["lb1"]}
    return site


def rotate(site: Rehearsal) -> tuple[int, str]:
    folder = {"__certificate_folder": str(site.folder), "__key_certificate_folder": str(site.folder)}
    return site.verb("key", "rotate_tls_key", key_certificate=CERTIFICATES[0], key_leaked=True, **folder)


def test_an_interrupted_rotation_does_not_forget_what_has_leaked(leaked: Rehearsal) -> None:
    bad, unused = (facts((leaked.folder / name).read_text()).serial for name in ("current.pem", "next-1.pem"))
    (leaked.folder / "down").touch()
    code, said = rotate(leaked)
    assert code == 2, said
    assert f"the certificate {bad} of lb1 has leaked and is not revoked: nobody answers. HINT: run it again" in said
    (leaked.folder / "down").unlink()
    code, said = rotate(leaked)
    assert code == 0, said
    revoked = (leaked.folder / "revoked").read_text().split()
    assert {line.removeprefix("serial=").lstrip("0") for line in revoked} == {bad, unused}
    assert [path.name for path in leaked.folder.glob("*.pem")] == ["current.pem"]
    assert facts((leaked.folder / "current.pem").read_text()).serial not in {bad, unused}


# A database host that was made anew


@pytest.mark.parametrize("certificates", [CERTIFICATES, pytest.param([], marks=pytest.mark.long)])
def test_a_host_that_was_made_anew_has_a_certificate_before_its_server_starts(
    site: Rehearsal, certificates: list[dict[str, Any]]
) -> None:
    site.groups = {"database": ["db1", "db2"], "load_balancer": ["lb1"]}
    site.variables = {"certificates": certificates, "postgresql_members": ["db1", "db2"]}
    site.module("tried", ["what"], "return {}")
    state = "{{ 'primary' if inventory_hostname == 'db1' else 'absent' }}"
    member = {"name": "{{ inventory_hostname }}", "timeline": 1, "state": state}
    looked = {"ansible.builtin.set_fact": {"__postgresql_leader": "db1", "__postgresql_member": member}}
    site.task_file("postgresql", "find_leader", json.dumps([looked]))
    for role, verbs in {
        "postgresql": ["checkpoint", "install", "rejoin", "configure", "prove_writes"],
        "certificate": ["main"],
        "network_fence": ["readmit"],
        "load_balancer": ["readmit", "await_primary"],
    }.items():
        for verb in verbs:
            tries = {"tried": {"what": f"{role} {verb} on {{{{ inventory_hostname }}}}"}}
            site.task_file(role, verb, json.dumps([tries]))
    code, said = site.run("playbooks/db_rejoin.yml")
    assert code == 0, said
    on_db2 = [step for step in tried(site) if step.endswith("on db2")]
    before = ["postgresql install on db2", "certificate main on db2"] if certificates else []
    assert on_db2[: len(before) + 1] == [*before, "postgresql rejoin on db2"]
