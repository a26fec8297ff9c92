"""A certificate in the running HAProxy: read back, and replaced between two handshakes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible.module_utils.certificate import CertificateError, facts
from ansible.module_utils.haproxy import ask

if TYPE_CHECKING:
    from ansible.module_utils.certificate import Bundle


def served_serial(socket: str, path: str) -> str:
    """The serial number of what the running HAProxy has loaded from `path`, in upper-case hexadecimal digits.

    Raises:
        CertificateError: It has loaded nothing from there.
    """
    rows: dict[str, str] = dict(
        line.split(": ", 1) for line in ask(socket, f"show ssl cert {path}").splitlines() if ": " in line
    )
    if "Serial" not in rows:
        raise CertificateError(
            f"HAProxy has loaded no certificate from {path}. HINT: name the certificate in load_balancer_certificates, "
            "then ansible-playbook playbooks/site.yml"
        )
    return rows["Serial"].upper().lstrip("0")


def replace(socket: str, path: str, by: Bundle) -> None:
    """New handshakes get `by`; connections that are open stay as they are.

    Raises:
        CertificateError: HAProxy refused it, and handshakes get what they got before; or it has another one afterwards.
    """
    # The payload ends with an empty line, and so must not have one.
    answers = [ask(socket, f"set ssl cert {path} <<\n{by.text.rstrip()}\n")]
    if "Transaction" in answers[0]:
        answers.append(ask(socket, f"commit ssl cert {path}"))
    if not answers[-1].rstrip().endswith("Success!"):
        ask(socket, f"abort ssl cert {path}")
        said = " ".join(answers[-1].split())
        raise CertificateError(f"HAProxy did not take the certificate for {path}: {said or 'it said nothing'}")
    if (seen := served_serial(socket, path)) != (serial := facts(by.leaf).serial):
        raise CertificateError(f"HAProxy was given {serial} for {path} and has {seen}")
