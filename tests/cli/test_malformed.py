"Calls with something wrong, of all verbs: refused in one line that names it, or done; nothing lost, nothing half."

import malformed
import pytest


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = tmp_path_factory.mktemp("malformed")
    malformed.make_files(found)
    return found


@pytest.mark.parametrize("n, seed", [(100, 0), pytest.param(1000, 1, marks=pytest.mark.slow)])
def test_no_call_ends_in_a_traceback_a_hang_or_half_a_file(folder, n, seed):
    outcomes = malformed.run(n, seed, folder)
    assert {o.words[0] for o in outcomes} == {verb for verb, _, _ in malformed.VALID}
    assert not [(o.words, o.problems) for o in outcomes if o.problems]


def test_what_must_not_be_is_seen(folder):
    "The judge itself."
    o = malformed.Outcome(["fit", "train.xyz"], 2, "\x1b[31m", "bpm-nb: something is wrong", 0.1, [])
    page = folder / "page.html"
    found = malformed.wrong(o, {page: b"old"}, {page: b"<p>"})
    assert len(found) == 3 and "terminal" in found[0] and "changed" in found[1] and "named" in found[2]
    done = malformed.Outcome(["fit", "train.xyz"], 0, "", "", 0.1, [])
    assert malformed.wrong(done, {page: b"old", folder / "a": b""}, {page: b"<p>"}) == ["half of page.html", "lost a"]
