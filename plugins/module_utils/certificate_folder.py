"""The versions of one certificate on the host that serves it: `current`, `pending` and `previous`, each a file.

current.pem is what is served, pending.pem was issued and checked and is not used yet, previous.pem was used before. So
what is there says where an interrupted renewal stopped. leaked-<serial>.pem is what is public of a certificate whose
key has leaked, and that is not known to be revoked.
"""

from __future__ import annotations

import glob
import os
import tempfile

from ansible.module_utils.certificate import Bundle, CertificateError, bundle, facts

CURRENT, PENDING, PREVIOUS = "current", "pending", "previous"
LABELS = (CURRENT, PENDING, PREVIOUS)
AFTERWARDS = {PENDING: PREVIOUS, PREVIOUS: PENDING}
"""What the current version is once another is used: what was issued and goes back may be used yet."""
KEY = "pending.key"
"""The key that a certificate is asked for. Where there is a pending certificate it is in there."""


class Folder:
    """One certificate's folder. Its files belong to the folder's owner and are for nobody else."""

    def __init__(self, path: str) -> None:
        self.path = path

    def file(self, label: str) -> str:
        """The path of a version."""
        return os.path.join(self.path, f"{label}.pem")

    def read(self, label: str) -> Bundle | None:
        """A version; None when there is none.

        Raises:
            CertificateError: The file is damaged.
        """
        try:
            with open(self.file(label), encoding="ascii", errors="replace") as file:
                found = bundle(file.read())
            facts(found.leaf)
        except FileNotFoundError:
            return None
        except CertificateError as error:
            raise CertificateError(f"{self.file(label)}: {error}") from None
        return found

    def pending_key(self) -> str:
        """The key that a certificate was asked for; empty when there is none."""
        try:
            with open(os.path.join(self.path, KEY), encoding="ascii") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def keep_pending(self, issued: Bundle) -> None:
        """What was issued is pending, with its key, which is nowhere else any more."""
        self._write(self.file(PENDING), issued.text)
        self._remove(os.path.join(self.path, KEY))

    def prepare(self, take: str) -> None:
        """Do all that `use` needs room and rights for, so that a rename is left. The current version stays as it is."""
        if take in AFTERWARDS and os.path.exists(self.file(CURRENT)):
            self._copy(CURRENT, AFTERWARDS[take])

    def use(self, take: str) -> None:
        """After `prepare`: it is current, and what was current is kept. At every moment there is a current one."""
        if take in AFTERWARDS:
            os.replace(self.file(take), self.file(CURRENT))
            self._sync()

    def keep_leaked(self) -> str:
        """The key of the current version has leaked: what is public of it is kept until it is revoked.

        Returns its serial number; empty when it is trusted by nobody, because no authority has signed it.

        Raises:
            CertificateError: There is no current version, or it is damaged.
        """
        current = self.read(CURRENT)
        if current is None:
            raise CertificateError(f"there is no {self.file(CURRENT)}")
        said = facts(current.leaf)
        serial = "" if said.self_signed else str(said.serial)
        if serial:
            self._write(self._leaked(serial), current.leaf)
        return serial

    def leaked(self) -> dict[str, str]:
        """What was kept of certificates whose keys have leaked, by its file."""
        found = {}
        for path in sorted(glob.glob(self._leaked("*"))):
            with open(path, encoding="ascii", errors="replace") as file:
                found[path] = file.read()
        return found

    def _leaked(self, serial: str) -> str:
        return self.file(f"leaked-{serial}")

    def _copy(self, label: str, to: str) -> None:
        with open(self.file(label), encoding="ascii") as file:
            self._write(self.file(to), file.read())

    def _write(self, path: str, text: str) -> None:
        """The file is the old one or the new one, whatever happens; nobody else may read it from its first byte on."""
        handle, beside = tempfile.mkstemp(prefix=".", dir=self.path)
        try:
            with open(handle, "w", encoding="ascii") as file:
                file.write(text)
                file.flush()
                owner = os.stat(self.path)
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
                os.fsync(file.fileno())
            os.replace(beside, path)
        except BaseException:
            self._remove(beside)
            raise
        self._sync()

    def _remove(self, path: str) -> None:
        if os.path.lexists(path):
            os.unlink(path)
            self._sync()

    def _sync(self) -> None:
        folder = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
