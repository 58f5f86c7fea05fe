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
