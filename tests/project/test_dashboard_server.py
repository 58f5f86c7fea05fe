"What `make dashboard` serves: to whom, how many at a time, and for how long."

import re
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from http.cookiejar import CookieJar
from importlib.util import find_spec

import pytest
from browser import ROOT, server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("voila") is None, reason="the extra [widgets] is not installed"),
]
NOTEBOOK = """{"cells": [{"cell_type": "code", "execution_count": null, "id": "a", "metadata": {}, "outputs": [],
"source": "print(6 * 7)"}], "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python",
"name": "python3"}}, "nbformat": 4, "nbformat_minor": 5}"""


@pytest.fixture(scope="module")
def dashboards(tmp_path_factory):
    "Address and token of Voila, with its configuration of this project, for two kernels and short lives."
    folder = tmp_path_factory.mktemp("served")
    (folder / "apps").mkdir()
    (folder / "apps/small.ipynb").write_text(NOTEBOOK)
    short = ["--LimitedKernels.max_kernels=2", "--MappingKernelManager.cull_idle_timeout=8"]
    (folder / "browser").write_text(f'#!/bin/sh\ncp "${{1#file://}}" {folder}/opened.html\n')
    (folder / "browser").chmod(0o755)
    options = [*short, "--MappingKernelManager.cull_interval=2"]
    options.append(f"--Voila.browser={folder}/browser %s")
    with server("voila", folder / "apps", folder, options=options) as address:
        found = re.search(r"\?token=(\w+)", (folder / "server.log").read_text())
        yield address, found and found[1], folder / "server.log"


def fetched(address, path="/", **headers):
    "Status and text of a page; where a page sends the reader elsewhere, that of the other one."
    request = urllib.request.Request(address + path, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.url, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.url, error.read().decode()


def test_the_address_that_is_opened_holds_a_token_and_another_one_is_asked_for_it(dashboards):
    address, token, _ = dashboards
    assert token and fetched(address, f"/?token={token}")[:2] == (200, f"{address}/?token={token}")
    for path in ("/", "/voila/render/small.ipynb", "/?token=wrong"):
        assert "/login" in fetched(address, path)[1], path


def test_the_page_that_opens_in_a_browser_works_at_once(dashboards):
    "And the pages behind it, which know the browser again."
    address, token, log = dashboards
    for _ in range(50):
        if (log.parent / "opened.html").exists():
            break
        time.sleep(0.2)
    opened = re.search(r"refresh\" content=\"1;url=(\S+)\"", (log.parent / "opened.html").read_text())[1]
    assert opened.endswith(f"/?token={token}")
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    assert browser.open(opened, timeout=60).url == opened
    for path in ("/", "/voila/tree"):
        assert "/login" not in browser.open(opened.partition("/?")[0] + path, timeout=60).url


def test_a_name_that_is_not_of_this_machine_is_refused(dashboards):
    "As DNS rebinding would send it, with the token or without."
    address, token, _ = dashboards
    for path in (f"/?token={token}", f"/voila/render/small.ipynb?token={token}", "/login"):
        assert fetched(address, path, Host="attacker.example")[0] == 403, path
    assert fetched(address, f"/?token={token}", Host="localhost:8866")[0] == 200


def test_there_are_as_many_kernels_as_may_be_and_a_page_says_so_until_idle_ones_are_gone(dashboards):
    address, token, log = dashboards
    path = f"/voila/render/small.ipynb?token={token}"
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: fetched(address, path), range(6)))
    assert sorted(status for status, _, _ in answers) == [200, 200, 503, 503, 503, 503]
    assert all("42" in text for status, _, text in answers if status == 200)
    refused = next(text for status, _, text in answers if status == 503)
    assert "room for 2 open at a time: close a page" in " ".join(refused.split())
    for _ in range(60):
        time.sleep(1)
        if fetched(address, path)[0] == 200:
            break
    assert "Culling" in log.read_text() and fetched(address, path)[0] in (200, 503)


def test_the_settings_are_those_of_the_server_of_the_dashboards_alone():
    "JupyterLab and Binder read the same file, and only what it says of how pages look."
    import json

    settings = json.loads((ROOT / "binder/voila.json").read_text())
    assert set(settings) == {"Voila", "MappingKernelManager", "RegexRemovePreprocessor", "VoilaConfiguration"}
    assert not {"token", "multi_kernel_manager_class"} & set(settings["VoilaConfiguration"])
    assert "voila.py" not in (ROOT / "binder/postBuild").read_text()
