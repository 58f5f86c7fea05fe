"What the models of the ladder must do before their errors mean anything: limits that are known, tensors that turn."

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from bpm_nb.data import load
from bpm_nb.data.records import Frames

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
BOHR = 0.529177210903  # Å


@pytest.fixture(scope="module")
def models():
    import ladder_models

    return ladder_models


@pytest.fixture(scope="module")
def enol():
    return load("malonaldehyde-enol")


def turned(frames, seed=0):
    "The same frames in other directions, and the rotations."
    r = Rotation.random(len(frames), rng=np.random.default_rng(seed)).as_matrix()
    return Frames(frames.numbers, frames.pos @ r.swapaxes(1, 2), alpha=r @ frames.alpha @ r.swapaxes(1, 2)), r


def test_two_atoms_have_the_polarizability_of_silberstein(models):
    "L. Silberstein, Philos. Mag. 1917, 33, 521: along the axis and across it, without damping."
    a, b, r = 5.0, 3.0, 4.0  # bohr³, bohr³, bohr
    pair = Frames([[6, 8]], np.array([[[0, 0, 0], [0, 0, r * BOHR]]]))
    found = models.induced(pair, np.array([a, b]), 1e3)[0]
    along = (a + b + 4 * a * b / r**3) / (1 - 4 * a * b / r**6)
    across = (a + b - 2 * a * b / r**3) / (1 - a * b / r**6)
    np.testing.assert_allclose(found, np.diag([across, across, along]), atol=1e-9)
    assert 8 < models.induced(pair, np.array([a, b]), 1.0)[0, 2, 2] < along


@pytest.mark.parametrize("name", ["rigid", "published_form", "aligned"])
def test_predictions_turn_with_the_molecule(name, models, enol):
    if name == "published_form":
        pytest.importorskip("dscribe", reason="dscribe is not installed")
    predict, _ = getattr(models, name)(enol.train[:12])
    test = enol.test[:4]
    other, r = turned(test)
    np.testing.assert_allclose(predict(other), r @ predict(test) @ r.swapaxes(1, 2), atol=1e-5)


@pytest.mark.parametrize("name", ["Painn", "Eann", "E3nn"])
def test_networks_turn_with_the_molecule_and_know_no_numbering(name, enol):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    if name == "E3nn":
        pytest.importorskip("e3nn", reason="e3nn is not installed")
    import ladder_networks

    torch.manual_seed(0)
    test = enol.test[:3]
    other, r = turned(test)
    network = getattr(ladder_networks, name)(test.numbers[0])

    def of(pos):
        return network(torch.as_tensor(pos, dtype=torch.float32)).detach().numpy()

    size = np.abs(of(test.pos)).max()
    np.testing.assert_allclose(of(other.pos), r @ of(test.pos) @ r.swapaxes(1, 2), atol=1e-4 * size)
    np.testing.assert_allclose(of(test.pos[:, [0, 1, 2, 3, 4, 7, 6, 5, 8]]), of(test.pos), atol=1e-4 * size)


def test_a_network_is_marked_where_its_time_ends_first(enol):
    pytest.importorskip("torch", reason="torch is not installed")
    import ladder_networks

    predict, remark = ladder_networks.trained(ladder_networks.Painn, 1e-3)(enol.train[:20])
    assert "underfit" in remark and np.isfinite(predict(enol.test[:3])).all()


def test_what_was_measured_is_not_measured_again(tmp_path, monkeypatch):
    import ladder

    monkeypatch.setattr(ladder, "PARTS", tmp_path)
    assert len({*ladder.cells()}) == len(ladder.cells()) and ladder.cells()[0][1] <= 300
    cell = ladder.cells()[0]
    ladder.file_of(cell).write_text('{"iso_rmse_au": 1.0}', "utf-8")
    monkeypatch.setattr(ladder, "measured", None)
    assert ladder.finished(cell) == {"iso_rmse_au": 1.0}
