"""A certificate does not live as long as it was meant to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from drills.faults.script import ScriptedFault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drills.site import Host

FOLDER = "/etc/certificates"
MANAGEMENT_PORT = 15000
_END = "END_OF_SCRIPT"
_REISSUE = Path(__file__).with_name("reissue.py").read_text(encoding="utf-8")

_ENDS_SOON = """name=$(openssl x509 -in "$1/current.pem" -noout -ext subjectAltName | grep -o 'DNS:[^, ]*' | head -n 1)
end=$(openssl s_client -connect 127.0.0.1:443 -servername "${name#DNS:}" < /dev/null 2> /dev/null |
  openssl x509 -noout -enddate | cut -d = -f 2)
test -n "$end" || { echo "no certificate is served for ${name#DNS:}"; exit 1; }
left=$(($(date --date "$end" +%s) - $(date +%s)))
echo "the certificate that is served for ${name#DNS:} ends at $end, $left s from now"
test "$left" -le "$3"
"""


@dataclass(frozen=True)
class CertificateEnding(ScriptedFault):
    """The certificate that a load balancer serves ends in `left` seconds, or has ended; `authority` issues it anew.

    Everything else of it is as it was: its names, its key, and who signed it.
    """

    authority: Host
    certificate: str
    left: int

    HARM: ClassVar[str] = f"exec python3 - \"$@\" <<'{_END}'\n{_REISSUE}\n{_END}\n"
    LOOK: ClassVar[str] = _ENDS_SOON
    CURE: ClassVar[str] = "certificate_put_back"

    @property
    def targets(self) -> tuple[str, ...]:
        """The certificate on its host."""
        return (f"the certificate {self.certificate} on {self.host}",)

    @property
    def arguments(self) -> tuple[str, ...]:
        """Where the certificate is, who issues another, and how long that one lives."""
        management = f"https://{self.authority.ssh.address}:{MANAGEMENT_PORT}"
        return (f"{FOLDER}/{self.certificate}", management, str(self.left))

    @property
    def variables(self) -> Mapping[str, object]:
        """The certificate to put back."""
        return {"cure_certificate": self.certificate}
