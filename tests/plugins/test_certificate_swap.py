"""Another version of a certificate, in the running HAProxy and in its file. The answers are those of HAProxy 2.6."""

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from ansible.module_utils.certificate import Bundle, CertificateError, bundle, facts
from ansible.module_utils.certificate_folder import CURRENT, PENDING, PREVIOUS, Folder

from tests.plugins.issuer import Issuer

ISSUER = Issuer()


def made() -> Bundle:
    issued = ISSUER.issue("bookings.test")
    return bundle(ISSUER.chain(issued) + issued.key)


def serial(found: Bundle | None) -> str:
    assert found is not None
    return str(facts(found.leaf).serial)


class Balancer:
    """Answers as HAProxy does, for one certificate."""

    def __init__(self, path: Path, loaded: str, of: Bundle) -> None:
        self.loaded, self.serial, self.waiting = loaded, serial(of), ""
        self.refuses, self.commands = False, list[str]()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection:
                asked = connection.recv(65536).decode()
                while "<<\n" in asked and not asked.endswith("\n\n"):
                    asked += connection.recv(65536).decode()
                connection.sendall(self._answer(asked).encode())

    def _answer(self, asked: str) -> str:
        verb, _, _, path = asked.split(maxsplit=4)[:4]
        self.commands.append(verb)
        if path != self.loaded:
            return "Can't display the certificate: Not found or the certificate is a bundle!\n\n"
        if verb == "show":
            return f"Filename: {path}\nStatus: Used\nSerial: {self.serial}\nnotAfter: Nov 22 12:00:00 2027 GMT\n\n"
        if verb == "set":
            # A payload ends at its first empty line.
            self.waiting = serial(bundle(asked.partition("<<\n")[2].partition("\n\n")[0]))
            return f"Transaction created for certificate {path}!\n\n"
        if verb == "commit" and not self.refuses:
            self.serial, self.waiting = self.waiting, ""
            return f"Committing {path}.\nSuccess!\n\n"
        self.waiting = ""
        return "inconsistencies between private key and certificate loaded from PEM file.\n\n"


@pytest.fixture
def module(load_module: Callable[[str], ModuleType]) -> ModuleType:
    return load_module("certificate_swap")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    found = Folder(str(tmp_path))
    Path(found.file(CURRENT)).write_text(made().text)
    Path(found.file(PENDING)).write_text(made().text)
    return found


@pytest.fixture
def balancer(tmp_path: Path, folder: Folder) -> Balancer:
    current = folder.read(CURRENT)
    assert current is not None
    return Balancer(tmp_path / "admin.sock", folder.file(CURRENT), current)


def test_it_is_served_and_kept(module: ModuleType, folder: Folder, balancer: Balancer) -> None:
    socket_path = f"{folder.path}/admin.sock"
    before, after = serial(folder.read(CURRENT)), serial(folder.read(PENDING))
    assert module.swap(folder, PENDING, socket_path, only_look=False) == (True, after)
    assert (balancer.serial, serial(folder.read(CURRENT)), serial(folder.read(PREVIOUS))) == (after, after, before)
    assert module.swap(folder, PREVIOUS, socket_path, only_look=False) == (True, before)
    assert (balancer.serial, serial(folder.read(CURRENT)), serial(folder.read(PENDING))) == (before, before, after)


def test_what_haproxy_refuses_is_in_no_file_either(module: ModuleType, folder: Folder, balancer: Balancer) -> None:
    balancer.refuses = True
    before = serial(folder.read(CURRENT))
    with pytest.raises(CertificateError, match=r"HAProxy did not take .* inconsistencies between private key"):
        module.swap(folder, PENDING, f"{folder.path}/admin.sock", only_look=False)
    assert "abort" in balancer.commands
    assert (balancer.serial, serial(folder.read(CURRENT))) == (before, before)
    assert folder.read(PENDING) is not None


def full(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_without_room_for_the_file_haproxy_is_not_told(
    module: ModuleType, folder: Folder, balancer: Balancer, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = serial(folder.read(CURRENT))
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        module.swap(folder, PENDING, f"{folder.path}/admin.sock", only_look=False)
    assert "set" not in balancer.commands
    assert (balancer.serial, serial(folder.read(CURRENT))) == (before, before)


@pytest.mark.parametrize("take", [PENDING, PREVIOUS])
def test_when_the_file_cannot_be_replaced_haproxy_gets_what_it_holds_again(
    module: ModuleType, folder: Folder, balancer: Balancer, monkeypatch: pytest.MonkeyPatch, take: str
) -> None:
    Path(folder.file(PREVIOUS)).write_text(made().text)
    before = serial(folder.read(CURRENT))
    folder.prepare(take)
    monkeypatch.setattr(folder, "prepare", lambda _: None)
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(CertificateError, match=r"No space left on device; .*current\.pem is the one in use"):
        module.swap(folder, take, f"{folder.path}/admin.sock", only_look=False)
    assert balancer.commands.count("commit") == 2
    assert (balancer.serial, serial(folder.read(CURRENT))) == (before, before)


def test_when_haproxy_does_not_take_it_back_that_is_told(
    module: ModuleType, folder: Folder, balancer: Balancer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_and_refused(*_: object) -> None:
        balancer.refuses = True
        full()

    monkeypatch.setattr(folder, "use", full_and_refused)
    with pytest.raises(CertificateError, match=r"HAProxy may serve another one than .*current\.pem"):
        module.swap(folder, PENDING, f"{folder.path}/admin.sock", only_look=False)
    assert balancer.serial == serial(folder.read(PENDING))


def test_a_certificate_that_haproxy_does_not_know_is_told(
    module: ModuleType, folder: Folder, balancer: Balancer
) -> None:
    balancer.loaded = "/somewhere/else.pem"
    with pytest.raises(CertificateError, match="HINT: name the certificate in load_balancer_certificates"):
        module.swap(folder, PENDING, f"{folder.path}/admin.sock", only_look=False)
    assert folder.read(PREVIOUS) is None


def test_what_is_in_place_is_served_and_nothing_else_happens(
    module: ModuleType, folder: Folder, balancer: Balancer
) -> None:
    socket_path, current = f"{folder.path}/admin.sock", serial(folder.read(CURRENT))
    assert module.swap(folder, CURRENT, socket_path, only_look=False) == (False, current)
    balancer.serial = "AB"
    assert module.swap(folder, CURRENT, socket_path, only_look=True) == (True, current)
    assert balancer.serial == "AB"
    assert module.swap(folder, CURRENT, socket_path, only_look=False) == (True, current)
    assert balancer.serial == current
    assert folder.read(PREVIOUS) is None


def test_without_haproxy_only_files_change(module: ModuleType, folder: Folder) -> None:
    after = serial(folder.read(PENDING))
    assert module.swap(folder, PENDING, "", only_look=False) == (True, after)
    assert serial(folder.read(CURRENT)) == after
    with pytest.raises(CertificateError, match="there is no pending version"):
        module.swap(folder, PENDING, "", only_look=False)
