"""Documents signed with the home's key."""

from __future__ import annotations

import stat

import pytest

from analytics.signing import BadKey, BadSignature, Signer, verify


def test_a_document_holds_until_something_in_it_is_changed(tmp_path):
    signer = Signer.open(tmp_path)
    document = signer.sign({"erasure_id": "e1", "removed": {"turns": 2}})
    public = (tmp_path / "signing" / "public.pem").read_text()
    verify(document, public)
    verify(Signer.open(tmp_path).sign({"b": 1}), public)  # the key is kept
    for changed in ({**document, "erasure_id": "e2"}, {**document, "more": 1}, {**document, "signature": {}}):
        with pytest.raises(BadSignature):
            verify(changed, public)
    with pytest.raises(BadSignature, match="signed with the key"):
        verify(document, Signer.open(tmp_path / "other").public_key)
    with pytest.raises(BadKey):
        verify(document, "no key")
    assert stat.S_IMODE((tmp_path / "signing" / "private.pem").stat().st_mode) == 0o600
