"Means of correlated series with errors that count only what is independent."

import numpy as np


def correlation_length(values):
    """Integrated autocorrelation time of a series (T,) in its steps, in a window of five times its own length
    (A. Sokal, in Functional Integration, 1997; U. Wolff, Comput. Phys. Commun. 156, 143, 2004)."""
    away = np.asarray(values) - np.mean(values)
    power = np.abs(np.fft.rfft(away, 2 * len(away))) ** 2
    correlation = np.fft.irfft(power)[: len(away)] / np.arange(len(away), 0, -1)
    lengths = 2 * np.cumsum(correlation / correlation[0]) - 1
    enough = np.arange(len(lengths)) >= 5 * lengths
    return max(lengths[enough.argmax()], 1.0)


def mean_and_error(values):
    "Mean of a series (T,) and its standard error."
    return np.mean(values), np.std(values) * (correlation_length(values) / len(values)) ** 0.5
