"Constants of spectra, measured on an oscillator whose spectrum is known."

import numpy as np

from bpm_nb.core.units import C_CM_FS
from bpm_nb.spectra.bands import peaks
from bpm_nb.spectra.infrared import ir_spectrum, power_spectrum


def test_the_area_of_the_density_of_states_counts_the_degrees_of_freedom():
    kT, t = 1.380649e-23 * 300 / (1.66053907e-27 * 1e10), np.arange(20_000)
    mass, omega = 12.011, 2 * np.pi * C_CM_FS * 1500
    along_x = np.array([[1.0, 0, 0]])
    x = np.sqrt(2 * kT / mass) / omega * np.cos(omega * t)[:, None, None] * along_x  # an oscillator in equilibrium
    v = np.sqrt(2 * kT / mass) * np.sin(omega * t)[:, None, None] * along_x
    for s in (power_spectrum(v, [mass], 1.0), power_spectrum(x, [mass], 1.0, positions=True)):
        np.testing.assert_allclose(np.trapezoid(s.curve(), s.wavenumber_cm1), 1, rtol=1e-3)
        assert abs(peaks(s)[0].wavenumber_cm1 - 1500) < 0.1
    ir = ir_spectrum(x[:, 0], 1.0)
    np.testing.assert_allclose(ir.curve()[ir.curve().argmax()] / s.curve().max(), kT / mass, rtol=1e-3)
