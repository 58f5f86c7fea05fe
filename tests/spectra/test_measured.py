"Measured spectra as people have them."

from pathlib import Path

import numpy as np
import pytest

from bpm_nb.core.files import InputError
from bpm_nb.spectra.measured import read_spectrum

CASES = Path(__file__).parents[3] / "shared" / "cases" / "measured"


@pytest.mark.skipif(not CASES.is_dir(), reason="the cases are not at ../shared/cases")
@pytest.mark.parametrize("name", ["rruff_like.txt", "bwtek_like.txt", "xpp_8.jdx"])
def test_forms_of_one_spectrum_agree(name):
    x, y = read_spectrum(CASES / "true.csv")
    shift, intensity = read_spectrum(CASES / name)
    assert abs(shift[-1] - x[-1]) < 2 and len(shift) > 1000
    np.testing.assert_allclose(intensity, np.interp(shift, x, y), atol=0.1)


def table(names, rows, separator=";"):
    return "\n".join(separator.join(map(str, row)) for row in [names, *rows])


def test_the_raman_shift_goes_before_absolute_wavenumbers_and_wavelengths(tmp_path):
    rows = [(k, 534 + k, 18700 - k, 100.5 + 2 * k, k % 7) for k in range(40)]
    file = tmp_path / "instrument.txt"
    file.write_text(table(["Pixel", "Wavelength", "Wavenumber", "Raman Shift", "Counts"], rows))
    assert read_spectrum(file)[0][0] == 100.5
    np.testing.assert_allclose(read_spectrum(file, ("Raman Shift", "Counts")), read_spectrum(file, (4, 5)))
    with pytest.raises(InputError, match="absolute wavenumber"):
        read_spectrum(file, ("Wavenumber", "Counts"))
    with pytest.raises(InputError, match="laser"):
        read_spectrum(file, ("Wavelength", "Counts"))
    assert abs(read_spectrum(file, ("Wavelength", "Counts"), 532.0)[0][0] - 70.4) < 0.1


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_letters_of_other_encodings(tmp_path, encoding):
    file = tmp_path / "µ.txt"
    rows = [(100 + 2 * k, k % 5) for k in range(40)]
    file.write_text(table(["Verschiebung (Raman shift)", "Intensität (intensity)"], rows), encoding)
    assert len(read_spectrum(file)[0]) == 40


def test_a_binary_file_and_a_link_to_nowhere_are_refused(tmp_path):
    (tmp_path / "x.spc").write_bytes(bytes(range(256)) * 20)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name, why in (("x.spc", "no text"), ("loop", "no such file"), (".", "no such file")):
        with pytest.raises(InputError, match=why):
            read_spectrum(tmp_path / name)


def jcamp_text(points, last):
    head = "##TITLE=x\n##JCAMP-DX=4.24\n##XUNITS=1/CM\n##FIRSTX=200\n##LASTX=2000\n##XFACTOR=1\n##YFACTOR=1\n"
    return f"{head}##NPOINTS={points}\n##XYDATA=(X++(Y..Y))\n200 @5 87 92\n{last}\n##END=\n"


@pytest.mark.parametrize(
    "points, last", [("1000000000", "300 1 2 3"), ("1e300", "3 1 2"), ("6", "3@1J" + "s" * 30_000)]
)
def test_a_small_jcamp_does_not_fill_the_memory(points, last, tmp_path):
    (tmp_path / "x.jdx").write_text(jcamp_text(points, last))
    with pytest.raises(InputError, match="claims|repeats a repetition"):
        read_spectrum(tmp_path / "x.jdx")


@pytest.mark.parametrize(
    "names",
    [
        ("Raman-Verschiebung", "Intensität"),
        ("Wellenzahl", "Intensität (w.E.)"),
        ("Décalage Raman", "Intensité"),
        ("Desplazamiento Raman", "Intensidad"),
        ("Сдвиг", "Интенсивность"),
        ("波数", "強度"),
        ("拉曼位移", "强度"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_names_in_other_languages(tmp_path, names, encoding):
    rows = [(100.5 + 2 * k, k % 5) for k in range(40)]
    (tmp_path / "x.txt").write_text(table(names, rows, "\t").replace(".", ","), encoding)
    assert read_spectrum(tmp_path / "x.txt")[0][0] == 100.5


def test_an_axis_without_a_unit_is_a_wavelength_where_a_laser_is_given(tmp_path):
    rows = [(f"{1e7 / (1e7 / 785 - 200 - 2 * k):.6f}", k % 5) for k in range(40)]
    for names in ([], ["x", "Counts"]):
        (tmp_path / "x.txt").write_text(table(names, rows, "\t").strip())
        columns = (1, 2) if names else None
        np.testing.assert_allclose(
            read_spectrum(tmp_path / "x.txt", columns, 785.0)[0], 200 + 2 * np.arange(40), atol=1e-3
        )
    (tmp_path / "x.txt").write_text(table(["Raman shift", "Counts"], [(300 + 2 * k, k % 5) for k in range(40)]))
    assert read_spectrum(tmp_path / "x.txt", None, 785.0)[0][0] == 300


@pytest.mark.parametrize("laser", [514.5, 532, 785, 1064])
def test_an_axis_that_may_be_in_nm_is_asked_about(tmp_path, laser):
    "And taken as what it is as soon as a line, a laser or the columns say so."
    shifts = np.linspace(200, 3600, 60)
    wavelengths = 1e7 / (1e7 / laser - shifts)
    rows = "\n".join(f"{x:.6f} {k % 5}" for k, x in enumerate(wavelengths))
    path = tmp_path / "x.txt"
    path.write_text(rows)
    with pytest.raises(InputError, match="has no unit: in nm .* `laser_nm`"):
        read_spectrum(path)
    np.testing.assert_allclose(read_spectrum(path, laser_nm=laser)[0], shifts, atol=0.02)
    np.testing.assert_allclose(read_spectrum(path, (1, 2))[0], wavelengths, atol=1e-6)
    path.write_text("# x: Raman shift in cm-1\n" + rows)
    np.testing.assert_allclose(read_spectrum(path)[0], wavelengths, atol=1e-6)


def test_a_remark_above_two_columns_names_the_axis(tmp_path):
    rows = "\n".join(f"{1e7 / (1e7 / 532 - 100 - 50 * k):.6f} {k % 5}" for k in range(60))
    (tmp_path / "x.txt").write_text("# laser = 532 nm\n# axis: Wavelength in nm, then counts\n" + rows)
    assert read_spectrum(tmp_path / "x.txt")[0][0] == pytest.approx(100, abs=0.01)


@pytest.mark.parametrize("start, end", [(100, 3500), (400, 1800), (50, 500), (2500, 3800), (200, 1200)])
def test_usual_ranges_of_shifts_need_no_name(tmp_path, start, end):
    (tmp_path / "x.txt").write_text("\n".join(f"{x:.3f} {k % 5}" for k, x in enumerate(np.linspace(start, end, 60))))
    assert read_spectrum(tmp_path / "x.txt")[0][0] == start


@pytest.mark.parametrize("row", ["300.5", "300.5;", "300.5;--", "300.5;-1.#IND", "saturated", "300.5;7;8"])
@pytest.mark.parametrize("place", [5, 35])
def test_a_table_that_breaks_off_is_refused_at_its_place(tmp_path, row, place):
    "Whichever part is longer."
    rows = [f"{100 + 2 * k};{k % 5}" for k in range(40)]
    rows[place] = row
    (tmp_path / "x.txt").write_text("\n".join(["shift;counts", *rows]))
    with pytest.raises(InputError, match=f"line {place + 2} has another number of columns"):
        read_spectrum(tmp_path / "x.txt")


def test_a_long_list_of_columns_is_cut(tmp_path):
    (tmp_path / "x.txt").write_text("\n".join(" ".join(str(k + j) for k in range(900)) for j in range(30)))
    with pytest.raises(InputError, match=r"900 columns have no names.* … 900$") as refused:
        read_spectrum(tmp_path / "x.txt")
    assert len(str(refused.value)) < 500
