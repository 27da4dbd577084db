"""Runs a function of JavaScript in a page, in headless Chromium without a network."""

import html
import json
import re
import shutil
import subprocess

import pytest

HARNESS = """<script>addEventListener("load", () => {
  let found;
  try { found = (%s)(%s); } catch (error) { found = {error: String(error), stack: error.stack}; }
  const result = document.createElement("pre");
  result.id = "result";
  result.textContent = JSON.stringify(found);
  document.body.replaceChildren(result);
});</script>"""


def evaluated(page, function, argument, folder, *, width=1280):
    """Return what `function`, JavaScript with one argument, gives once `page` is loaded.

    Skips the test where there is no browser. The function is defined before the page's policy, so
    that the policy stays as it is.
    """
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("no chromium on the PATH")
    given = json.dumps(argument).replace("<", r"\u003c")
    path = folder / "page.html"
    path.write_text(page.replace("<head>", f"<head>{HARNESS % (function, given)}", 1), "utf-8")
    done = subprocess.run(
        [
            *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"),
            *(f"--user-data-dir={folder / 'profile'}", "--disable-background-networking"),
            *(f"--window-size={width},900", path.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    found = re.search(r'<pre id="result">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stderr[-2000:]
    result = json.loads(html.unescape(found[1]))
    assert not (isinstance(result, dict) and "error" in result), result
    return result
