"Files against other readers, and bad tables."

import json

import jcamp
import numpy as np
import pytest
from oscillators import GOOD, MIXED, langevin, omega

from bpm_nb.core.files import InputError
from bpm_nb.spectra.files import read_polarizability, write_csv, write_jcamp
from bpm_nb.spectra.infrared import ir_spectrum
from bpm_nb.spectra.raman import instrument_intensity, raman_spectrum


def test_csv_holds_the_curves_and_all_settings(tmp_path):
    alpha, path = langevin(900, 10, MIXED), tmp_path / "raman.csv"
    s = raman_spectrum(alpha, 2.0, 8.0, "parzen", n_blocks=1)
    write_csv(s, path, notes=dict(molecule="malonaldehyde", frames=5))
    lines = path.read_text().splitlines()
    stated = json.loads(lines[1].removeprefix("# settings "))
    assert stated == s.settings and json.loads(lines[2].removeprefix("# notes "))["molecule"] == "malonaldehyde"
    table = np.genfromtxt(path, delimiter=",", names=True, skip_header=3)
    for name in ("isotropic", "anisotropic_error", "vv", "vh", "natural", "depolarization_ratio"):
        np.testing.assert_allclose(table[name], getattr(s, name), rtol=1e-6)
    again = raman_spectrum(
        alpha, **{k: stated[k] for k in ("dt_fs", "resolution_cm1", "window", "n_blocks", "points", "derivative")}
    )
    np.testing.assert_array_equal(again.natural, s.natural)


@pytest.mark.parametrize("place", ["no/such/folder/raman.csv", "."])
def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path, place):
    s = raman_spectrum(GOOD, 1.0)
    with pytest.raises(InputError, match="cannot be written"):
        write_csv(s, tmp_path / place)


@pytest.fixture(scope="module")
def line():
    t = np.arange(16_000)
    return raman_spectrum(
        np.cos(omega(900) * t)[:, None, None] * np.diag([1, 2, 3.0])
        + np.cos(omega(2950) * t)[:, None, None] * np.eye(3),
        1.0,
    )


@pytest.mark.parametrize("geometry", ["natural", "vv", 30])
def test_another_program_reads_the_jcamp_file(line, tmp_path, geometry):
    for kind, s in (
        ("RAMAN SPECTRUM", line),
        ("RAMAN SPECTRUM", instrument_intensity(line)),
        ("INFRARED SPECTRUM", ir_spectrum(np.random.default_rng(0).normal(size=(8000, 3)).cumsum(0), 1.0)),
    ):
        write_jcamp(s, tmp_path / "s.jdx", geometry, "a title", dict(model="model.npz"))
        read = jcamp.readfile(str(tmp_path / "s.jdx"))
        np.testing.assert_allclose(read["x"], s.wavenumber_cm1, atol=1e-4)
        np.testing.assert_allclose(read["y"], s.curve(geometry), atol=1e-7 * s.curve(geometry).max())
        assert read["data type"] == kind and read["title"] == "a title" and read["xunits"] == "1/CM"
        text = (tmp_path / "s.jdx").read_text("ascii")
        settings = json.loads(text.split("##$SETTINGS=")[1].split("\n##")[0])
        assert settings == s.settings | dict(geometry=geometry) and json.loads(
            text.split("##$NOTES=")[1].split("\n##")[0]
        ) == dict(model="model.npz")


def test_a_curve_is_written_as_csv(tmp_path):
    s = ir_spectrum(np.random.default_rng(0).normal(size=(4, 8000, 3)).cumsum(1), 1.0)
    write_csv(s, tmp_path / "ir.csv")
    table = np.genfromtxt(tmp_path / "ir.csv", delimiter=",", names=True, skip_header=2)
    np.testing.assert_allclose(table["density_error"], s.error(), rtol=1e-6)
    assert table.dtype.names == ("wavenumber_cm1", "density", "density_error")
    write_csv(s, tmp_path / "more.csv", more=dict(model_error=0.1 * s.curve()))
    np.testing.assert_allclose(
        np.genfromtxt(tmp_path / "more.csv", delimiter=",", names=True, skip_header=2)["model_error"],
        0.1 * s.curve(),
        rtol=1e-6,
    )


ALPHA = np.random.default_rng(0).normal(size=(50, 3, 3))


ALPHA = ALPHA + ALPHA.swapaxes(1, 2)


NAMES = "xx,xy,xz,yx,yy,yz,zx,zy,zz"


def table(rows, header=NAMES, sep=","):
    return (header + "\n" if header else "") + "\n".join(sep.join(f"{v:.17g}" for v in r) for r in rows) + "\n"


@pytest.mark.parametrize(
    "text,dt",
    [
        (table(ALPHA.reshape(-1, 9)), None),
        (table(ALPHA.reshape(-1, 9), "", " "), None),
        ("# a remark\n" + table(ALPHA.reshape(-1, 9), "", " "), None),
        (table(np.column_stack([0.5 * np.arange(50), ALPHA.reshape(-1, 9)]), "time_fs," + NAMES), 0.5),
        (table(ALPHA.reshape(-1, 9)[:, [8, 4, 0, 1, 2, 5]], "ZZ,YY,XX,XY,XZ,YZ"), None),
        (table(np.column_stack([0.0005 * np.arange(50), ALPHA.reshape(-1, 9)]), "time_ps," + NAMES), 0.5),
        (table(np.column_stack([0.5 * np.arange(50), ALPHA.reshape(-1, 9)]), "t/fs," + NAMES), 0.5),
        (table(np.column_stack([0.5 * np.arange(50), ALPHA.reshape(-1, 9)]), "time," + NAMES), 0.5),
        (table(ALPHA.reshape(-1, 9), "", " ").replace("e-", "D-"), None),
    ],
)
def test_a_series_from_a_table(tmp_path, text, dt):
    (tmp_path / "a.csv").write_text(text)
    alpha, step = read_polarizability(tmp_path / "a.csv")
    np.testing.assert_allclose(alpha, ALPHA, rtol=1e-14)
    assert step == dt
    np.testing.assert_allclose(
        read_polarizability(tmp_path / "a.csv", "angstrom3")[0], ALPHA / 0.529177210903**3, rtol=1e-8
    )


def test_the_time_step_of_a_table_is_a_fact(tmp_path):
    table_ps = table(np.column_stack([0.002 * np.arange(50), ALPHA.reshape(-1, 9)]), "time_ps," + NAMES)
    (tmp_path / "a.csv").write_text(table_ps)
    with pytest.raises(InputError, match="its frames are 2 fs apart, not 1"):
        read_polarizability(tmp_path / "a.csv", dt_fs=1.0)
    (tmp_path / "a.csv").write_text(table_ps.replace("time_ps", "time"))
    assert np.isclose(read_polarizability(tmp_path / "a.csv")[1], 2.0)  # no vibration is seen in steps of 0.002 fs
    with pytest.raises(InputError, match="its frames are 2 fs apart, not 1"):
        read_polarizability(tmp_path / "a.csv", dt_fs=1.0)
    (tmp_path / "a.csv").write_text(table(np.insert(ALPHA, 9, ALPHA[9], 0).reshape(-1, 9)))
    with pytest.raises(InputError, match="frames 9 and 10 are the same"):
        read_polarizability(tmp_path / "a.csv", dt_fs=1.0)


@pytest.mark.parametrize("name", ["Time (fs)", "time [fs]", "t / fs", '"time_fs"'])
def test_names_of_columns_may_hold_blanks_and_the_first_none(tmp_path, name):
    timed, at = np.column_stack([2.0 * np.arange(50), ALPHA.reshape(-1, 9)]), tmp_path / "a.csv"
    for text in (table(timed, f"{name},{NAMES}"), table(timed, f"{name}, {NAMES}").replace(",", ";")):
        at.write_text(text)
        alpha, dt_fs = read_polarizability(at)
        np.testing.assert_array_equal(alpha, ALPHA)
        assert dt_fs == 2.0
    at.write_text(table(timed, f",{NAMES}"))  # an index without a name, as pandas writes it
    np.testing.assert_array_equal(read_polarizability(at)[0], ALPHA)


def test_six_columns_need_their_order(tmp_path):
    six = ALPHA.reshape(-1, 9)[:, [0, 4, 8, 1, 2, 5]]
    (tmp_path / "a.csv").write_text(table(six, ""))
    with pytest.raises(InputError, match="6 columns"):
        read_polarizability(tmp_path / "a.csv")
    np.save(tmp_path / "a.npy", six)
    for name in ("a.csv", "a.npy"):
        np.testing.assert_allclose(read_polarizability(tmp_path / name, order="xx,yy,zz,xy,xz,yz")[0], ALPHA)


@pytest.mark.parametrize("shape", [(50, 3, 3), (50, 9), (2, 25, 3, 3)])
def test_a_series_from_npy(tmp_path, shape):
    np.save(tmp_path / "a.npy", ALPHA.reshape(shape))
    alpha, dt = read_polarizability(tmp_path / "a.npy")
    np.testing.assert_array_equal(alpha, ALPHA.reshape((50, 3, 3) if shape == (50, 9) else shape))
    assert dt is None


GAP = np.delete(np.column_stack([0.5 * np.arange(50), ALPHA.reshape(-1, 9)]), 20, 0)


@pytest.mark.parametrize(
    "text,message",
    [
        ("", "no row"),
        ("a,b\n", "no row|columns"),
        (table(ALPHA.reshape(-1, 9)) + "1,2\n", "number of columns"),
        (table(ALPHA.reshape(-1, 9)[:, :8], ""), "8 columns"),
        (table(ALPHA.reshape(-1, 9), NAMES.replace("xx", "qq")), "no column xx"),
        (table(GAP, "time_fs," + NAMES), "step between frames 19 and 20 is 1 fs"),
        (table(np.column_stack([np.zeros(50), ALPHA.reshape(-1, 9)]), "time_fs," + NAMES), "do not grow"),
        (table(ALPHA.reshape(-1, 9)).replace(f"{ALPHA[3, 0, 0]:.17g}", "nan"), "frame 3.*not finite"),
        (table(ALPHA.reshape(-1, 9) * np.arange(1, 10)), "not symmetric"),
    ],
)
def test_a_bad_table_is_one_sentence(tmp_path, text, message):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError, match=message) as e:
        read_polarizability(tmp_path / "a.csv")
    assert str(tmp_path / "a.csv") in str(e.value)


def test_other_bad_series_are_refused(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([{}, None]), allow_pickle=True)
    (tmp_path / "cut.npy").write_bytes(b"\x93NUMPY\x01\x00v")
    np.save(tmp_path / "flat.npy", np.zeros(9))
    for name, message in (
        ("objects.npy", "pickled"),
        ("cut.npy", "npy"),
        ("flat.npy", "shape"),
        ("no.npy", "no such file"),
        ("no.csv", "no such"),
        ("a.pkl", "ending|no such"),
    ):
        with pytest.raises(InputError, match=message):
            read_polarizability(tmp_path / name)
    with pytest.raises(InputError, match="unit"):
        read_polarizability(tmp_path / "flat.npy", "nm3")


@pytest.mark.parametrize(
    "header",
    [
        "time_fs xx yy zz xy xz yz",
        "time_fs,xx,yy,zz,xy,xz,yz",
        "  Time [fs]   xx [a.u.]  yy [a.u.]  zz [a.u.]  xy [a.u.]  xz [a.u.]  yz [a.u.]",
    ],
)
def test_names_behind_a_hash_name_the_columns(header, tmp_path):
    "As NumPy and simulation programs write them; remarks with another number of words are none."
    alpha = langevin(900, 10, MIXED)[0, :40]
    table = np.column_stack(
        [np.arange(40) * 0.5, *(alpha[:, i, j] for i, j in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)))]
    )
    np.savetxt(tmp_path / "a.dat", table, header="polarizability of a run\n" + header)
    again, dt_fs = read_polarizability(tmp_path / "a.dat")
    np.testing.assert_allclose(again, alpha)
    assert dt_fs == 0.5
