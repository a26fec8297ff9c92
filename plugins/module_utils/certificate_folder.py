"""The versions of one certificate on the host that serves it: `current`, `pending` and `previous`, each a file.

current.pem is what is served, pending.pem was issued and checked and is not used yet, previous.pem was used before. So
what is there says where an interrupted renewal stopped.
"""

from __future__ import annotations

import os
import tempfile

from ansible.module_utils.certificate import Bundle, CertificateError, bundle, facts

CURRENT, PENDING, PREVIOUS = "current", "pending", "previous"
LABELS = (CURRENT, PENDING, PREVIOUS)
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

    def use_pending(self) -> None:
        """What was pending is current, and what was current is previous. At every moment there is a current one."""
        if os.path.exists(self.file(CURRENT)):
            self._copy(CURRENT, PREVIOUS)
        os.replace(self.file(PENDING), self.file(CURRENT))
        self._sync()

    def use_previous(self) -> None:
        """What was previous is current again, and what was current is pending: it was issued, and may be used yet."""
        self._copy(CURRENT, PENDING)
        os.replace(self.file(PREVIOUS), self.file(CURRENT))
        self._sync()

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
