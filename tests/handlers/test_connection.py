"""Which authorities of a cluster the watches accept."""

import ssl

import pytest

from deadband.handlers.watching import Connection


def test_an_authority_without_key_identifiers_is_accepted_but_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    lenient = ssl.create_default_context

    def strict(*args: object, **options: object) -> ssl.SSLContext:
        """What Python 3.13 and later do."""
        context = lenient(*args, **options)  # type: ignore[arg-type]  # passed on as they came
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", strict)

    context = Connection(server="https://api.example").as_ssl_context()

    assert not context.verify_flags & ssl.VERIFY_X509_STRICT
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
