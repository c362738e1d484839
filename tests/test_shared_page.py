"""The page behind a link, and what a copy on the chat page leaves, on the real pages."""

import re

import httpx

from tests.history import History
from tests.pages_server import running

EVIL = "<script>alert(1)</script> & 'quoted' <img src=x onerror=alert(2)>"


def test_anybody_with_the_link_reads_the_conversation_and_nothing_in_it_runs(tmp_path):
    with running(tmp_path / "home") as served, httpx.Client(base_url=served.url, trust_env=False) as stranger:
        turn = History(served.services.store).answer("ann", f"**Answer** {EVIL}", prompt=EVIL)
        archive = served.services.archive
        share = archive.share("ann", "conversation-ann")
        page = stranger.get(f"/shared/{share.share_id}")
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "<script" not in page.text
        assert "<img" not in page.text
        assert "**Answer** &lt;script&gt;" in page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert ("noindex" in page.headers["x-robots-tag"], "noindex" in page.text) == (True, True)
        for secret in ("conversation-ann", turn, "turn-", "person", "gradio_api"):
            assert secret not in re.sub(r"<style>.*?</style>", "", page.text, flags=re.DOTALL), secret
        archive.revoke("ann", "conversation-ann", share.share_id)
        other = archive.share("ann", "conversation-ann")
        assert other.share_id != share.share_id
        for gone in (share.share_id, "none", "%00", "a" * 3000):
            page = stranger.get(f"/shared/{gone}")
            assert (page.status_code, "Nothing here" in page.text) == (404, True)
        archive.delete("ann", "conversation-ann")
        assert stranger.get(f"/shared/{other.share_id}").status_code == 404
