"From measured files to fractions: what `compare --mixture` says of spectra of which the truth is known."

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import call

from bpm_nb.assignment.mixtures import mixture
from bpm_nb.data.datasets import load
from bpm_nb.data.files import write
from bpm_nb.models.polarizability import BondPolarizability
from bpm_nb.spectra.measured import read_spectrum
from bpm_nb.spectra.raman import instrument_intensity, raman_spectrum

CASES = Path(__file__).parents[3] / "shared" / "cases" / "measured"
FORMS = ("malonaldehyde-enol", "malonaldehyde-keto")
pytestmark = pytest.mark.slow


def part(run, segments, n=1500):
    "The first states of some segments of a run."
    vel = energy = None
    return replace(run, pos=run.pos[segments, :n], vel=vel, energy=energy)


@pytest.fixture(scope="module")
def forms(tmp_path_factory):
    "A folder with a model and a run of each form, and a mixture of other segments: 30 % enol."
    folder, spectra = tmp_path_factory.mktemp("forms"), []
    for name in FORMS:
        data = load(name, "gfn2")  # as the made-up measurements have it
        model = BondPolarizability(n_points=300).fit(data.train[:200])
        model.save(folder / f"{name}_model.npz")
        write(folder / f"{name}.npz", part(data.trajectory, slice(2, 8)))
        rest = part(data.trajectory, slice(0, 2))
        spectra.append(
            instrument_intensity(raman_spectrum(model.predict_trajectory(rest), rest.dt_fs, 12.0), 532.0, 300.0)
        )
    nu = np.arange(100.0, 3500.0, 1.7)
    blend = sum(f * np.interp(nu, s.wavenumber_cm1, s.natural) for f, s in zip((0.3, 0.7), spectra))
    return folder, nu, 5000 * blend / blend.max()


def compared(forms, capsys, file, *options):
    "What `compare` says of a file."
    models = [forms[0] / f"{name}_model.npz" for name in FORMS]
    runs, page = [forms[0] / f"{name}.npz" for name in FORMS], forms[0] / "page.html"
    words = [models[0], *runs, "--second-model", models[1], "--mixture", file, "--resolution", "12", "-o", page]
    code, out, err = call(capsys, "compare", *words, "--json", *options)
    warnings = [line for line in err.splitlines() if "warning: " in line and str(file.name) in line]
    return code, json.loads(out) if code == 0 else err, warnings, page


def test_a_table_of_an_instrument_with_background_and_spikes(forms, capsys):
    "In nanometres, with decimal commas."
    folder, nu, y = forms
    rng, wavelength = np.random.default_rng(0), 1 / (1 / 785.0 - nu * 1e-7)
    y = y + 20_000 * np.exp(-(((nu - 1800) / 1500) ** 2)) + 30 * rng.normal(size=len(nu)) + 800
    y[[300, 301, 1200]] += 60_000
    rows = [f"{k};{a:.5f};{b:.3f};" for k, (a, b) in enumerate(zip(wavelength, y))]
    text = "\n".join(["Laser;785.0 nm", "Pixel;Wellenlänge [nm];Intensität;", *rows]).replace(".", ",")
    (folder / "nm.txt").write_text(text, "latin-1")
    code, said, warnings, page = compared(forms, capsys, folder / "nm.txt")
    assert code == 0 and not warnings, (said, warnings)
    assert abs(said["fractions"][0] - 0.3) < 2 * said["fraction_errors"][0] < 0.4 and said["unexplained"] < 0.4
    assert "What nm.txt is made of" in page.read_text()


def test_another_substance_is_warned_of_in_terminal_and_page(forms, capsys):
    folder, nu, _ = forms
    bands = zip((1062, 1129, 1295, 1416, 1440, 1460, 2848, 2881), (0.5, 0.5, 0.7, 0.2, 0.5, 0.3, 0.8, 1.0))
    y = sum(height / (1 + ((nu - centre) / 6) ** 2) for centre, height in bands)
    np.savetxt(folder / "polyethylene.csv", np.c_[nu, y], delimiter=",", header="Raman shift,Intensity", comments="")
    code, said, warnings, page = compared(forms, capsys, folder / "polyethylene.csv")
    assert code == 0 and said["unexplained"] > 0.5 and "not explained" in warnings[0], (said, warnings)
    assert "may be of something else" in page.read_text()


@pytest.fixture(scope="module")
def intensities():
    "Raman intensities of the pure forms, from the whole runs."
    found = []
    for name in FORMS:
        data = load(name, "gfn2")  # as the made-up measurements have it
        alpha = BondPolarizability().fit(data.train).predict_trajectory(data.trajectory)
        found.append(instrument_intensity(raman_spectrum(alpha, data.trajectory.dt_fs, 5.0), 532.0, 300.0))
    return found


@pytest.mark.skipif(not CASES.is_dir(), reason="the cases are not at ../shared/cases")
def test_files_from_the_field_hold_thirty_percent_enol(intensities):
    for name in ("true.csv", "rruff_like.txt", "bwtek_like.txt", "xpp_8.jdx"):
        found = mixture(read_spectrum(CASES / name), intensities)
        assert abs(found.fractions[0] - 0.3) < 2 * found.fraction_errors[0] < 0.2 and found.unexplained < 0.2, name
    x, y = read_spectrum(CASES / "true.csv")
    sixth = mixture((x[::6], y[::6]), intensities)
    assert abs(sixth.fractions[0] - 0.3) < 2 * sixth.fraction_errors[0]
    for wrong in ((np.arange(len(y)) + 17.0, y), (x[: len(y[::6])], y[::6])):  # pixels, and ordinates that went missing
        found = mixture(wrong, intensities)
        assert found.unexplained > 0.5 or found.fraction_errors[0] > 0.25
