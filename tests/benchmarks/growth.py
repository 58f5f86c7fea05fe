"""Growth with the number of frames

Frames with random displacements of 0.05 Å and a made-up polarizability, made anew in each pass and read in chunks of
500, so that they are never all there; 300 points, γ and λ given, so that every size does the same work for a frame.
Memory is the growth of the process's peak.
"""

from measure import SMALL, measured, rattled, table

from bpm_nb.models.polarizability import BondPolarizability

SIZES = {"water": (100, 1000, 10_000, 100_000), "malonaldehyde-enol": (100, 1000, 10_000, 100_000)}


class Stream:
    "n frames in chunks, made anew in each pass."

    def __init__(self, name, n):
        self.name, self.n = name, n

    def __iter__(self):
        return (rattled(self.name, min(500, self.n - i), seed=i) for i in range(0, self.n, 500))


def fit(name, n):
    return BondPolarizability(n_points=300, gamma=0.5, lam=1e-8).fit(Stream(name, n)).info_["sweeps"]


def made(name, n):
    return sum(len(x) for x in Stream(name, n))


def main():
    rows = []
    for name, n in ((name, n) for name, sizes in SIZES.items() for n in ((20, 40) if SMALL else sizes)):
        work, making = measured(fit, name, n), measured(made, name, n)
        rows.append(
            (
                name,
                n,
                f"{work['seconds']:.1f}",
                f"{work['cpu']:.1f}",
                f"{1000 * work['cpu'] / n:.2f}",
                f"{making['cpu']:.1f}",
                work["found"],
                f"{work['mib']:.0f}",
            )
        )
    print(
        table(
            [
                "molecule",
                "frames",
                "time (s)",
                "processor time (s)",
                "ms per frame",
                "making the frames once (s)",
                "refining sweeps",
                "memory (MiB)",
            ],
            rows,
        )
    )


if __name__ == "__main__":
    main()
