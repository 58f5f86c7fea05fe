"""The ladder of models

Every model learns from the same frames and says α of the same test frames: the published malonaldehyde, at random with
seed 0, and the shipped molecules, the first frames of each set. Errors are root mean squares over the elements of the
tensor (bohr³), in brackets as a share of the spread of the test frames. Nothing is chosen on test frames: widths, λ
and cutoffs by frames left out of the training set, settings of the library by its evidence. Time is that of the
processor for the training alone, memory the growth of the peak of a process that trains and predicts. *Slopes*: whether
the code that was run has ∂α/∂x (networks: by automatic differentiation); *σ*: whether it says how wrong it may be. The
last columns are of the code here, not of what could be built.

*Rigid* turns the mean tensor onto each frame. *Published form*: Sowa and Rossky 2024 at its settings, with matrix
products for its loops. *Aligned*: components in the frame of a reference, by Gaussian kernels. *Applequist*, *Thole*:
induced dipoles that see each other; the last column has the polarizability of each element (bohr³). *Over Thole*, *over
GFN2-xTB*: our kernel for what is missing there. *λ-SOAP*: symmetry-adapted Gaussian processes (Grisafi and others 2018,
featomic), where the kernels of all components take minutes. *PaiNN*, *EANN*, *e3nn*: one short network each
(`ladder_networks.py`), trained until the error on a fifth of the training frames, which was kept out, falls no more, or
marked as underfit. *BondNetwork*: four networks, as many passes as its settings say.

Networks take `torch`, *e3nn* its package, which are in no extra of the benchmarks; a line says what is not installed.
Each finished line is kept in the folder `ladder.parts`; a run that was stopped goes on there, `--anew` begins again,
`--finished` prints what is there.
"""

import json
import shutil
import sys
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from measure import SMALL, measured, published_split, table

PARTS = Path(__file__).with_suffix(".parts")
PUBLISHED, MINUTES = "published malonaldehyde", 0.02 if SMALL else 5
SHIPPED = {"malonaldehyde-enol": 300, "malonaldehyde-keto": 300, "biphenyl": 250}


@dataclass(frozen=True)
class Rung:
    "A model: where it is, what it needs, what it offers, and the most frames that its cost allows."

    where: str  # module and what makes its `fit`, as an expression
    slopes: bool = False
    std: bool = False
    needs: tuple = ()  # packages
    most: int = 2000  # frames


def network(name, *needs):
    return Rung(f"ladder_networks.trained(ladder_networks.{name}, {MINUTES})", True, needs=("torch", *needs))


RUNGS = {
    "rigid": Rung("ladder_models.rigid"),
    "Applequist": Rung("ladder_models.thole(False)"),
    "Thole": Rung("ladder_models.thole()"),
    "published form": Rung("ladder_models.published_form", needs=("dscribe",)),
    "aligned components": Rung("ladder_models.aligned"),
    "tensor kernel": Rung("ladder_models.library()", True, True),
    "tensor kernel over Thole": Rung("ladder_models.over_thole", std=True, most=300),
    "tensor kernel over GFN2-xTB": Rung('ladder_models.library(baseline="gfn2")', True, True, ("tblite",)),
    "λ-SOAP": Rung("ladder_models.lambda_soap", needs=("featomic",), most=300),
    "BondNetwork": Rung(f"ladder_models.bond_network({20 if SMALL else 1500})", True, True, ("torch",)),
    "PaiNN": network("Painn"),
    "EANN": network("Eann"),
    "e3nn": network("E3nn", "e3nn"),
}
SIZES = (300, 100, 30, 1000, 2000)  # in the order in which they are run
TRAINED = {"λ-SOAP", "BondNetwork", "PaiNN", "EANN", "e3nn"}  # minutes each


def frames_of(name, n):
    "Training and test frames."
    if name == PUBLISHED:
        return published_split(n)
    from bpm_nb.data import load

    data = load(name)
    return data.train[:n], data.test[:: 15 if SMALL else 1]


def work(name, n, method):
    "Trains and predicts: errors, seconds of the training, what the method says of itself."
    from importlib import import_module

    from bpm_nb.core.tensors import errors

    train, test = frames_of(name, n)
    where = RUNGS[method].where
    module = where.partition(".")[0]
    fit = eval(where, {module: import_module(module)})
    start = time.process_time()
    predict, remark = fit(train)
    seconds = time.process_time() - start
    return dict(errors(test.alpha, predict(test)), seconds=seconds, remark=remark)


def order(cell):
    "Cheap models first, then what trains for minutes on 300 published frames, then the rest."
    place, n, method = cell
    here, cheap = place == PUBLISHED, method not in TRAINED
    stages = here and cheap and n <= 300, here and n == 300, cheap and n <= 300, cheap, True
    return stages.index(True), n


def cells():
    "(set, frames, method) in the order in which they are run."
    if SMALL:
        return [("malonaldehyde-enol", 20, method) for method in RUNGS]
    sets = [*((PUBLISHED, n) for n in SIZES), *SHIPPED.items()]
    every = [(*s, method) for s in sets for method in RUNGS if s[1] <= RUNGS[method].most]
    return sorted(every, key=order)


def file_of(cell):
    return PARTS / ("_".join(map(str, cell)).replace(" ", "-") + ".json")


def finished(cell):
    "What was measured of a line, now or before."
    file = file_of(cell)
    if file.exists():
        return json.loads(file.read_text("utf-8"))
    done = measured(work, *cell)
    found = done["found"] | dict(mib=done["mib"])
    if not SMALL:
        PARTS.mkdir(exist_ok=True)
        half = file.with_suffix(".half")
        half.write_text(json.dumps(found), "utf-8")
        half.rename(file)
        print(*cell, found, file=sys.stderr, flush=True)
    return found


def row(cell):
    name, n, method = cell
    rung = RUNGS[method]
    offered = ["yes" if x else "no" for x in (rung.slopes, rung.std)]
    missing = [x for x in rung.needs if find_spec(x) is None]
    if missing and not file_of(cell).exists():
        return [name, n, method, "", "", "", "", *offered, f"{', '.join(missing)} is not installed"]
    found = finished(cell)
    shares = [float(f"{100 * found[k + '_relative']:.2g}") for k in ("iso", "beta")]
    both = [f"{found[k + '_rmse_au']:.4f} ({share:g} %)" for k, share in zip(("iso", "beta"), shares)]
    return [name, n, method, *both, f"{found['seconds']:.1f}", f"{found['mib']:.0f}", *offered, found["remark"]]


def main():
    if "--anew" in sys.argv:
        shutil.rmtree(PARTS, ignore_errors=True)
    wanted = [c for c in cells() if "--finished" not in sys.argv or file_of(c).exists()]
    rows = [row(c) for c in wanted]
    places, methods = [PUBLISHED, *SHIPPED], [*RUNGS]
    rows.sort(key=lambda r: (places.index(r[0]), r[1], methods.index(r[2])))
    head = ["set", "frames", "model", "isotropic", "anisotropic", "training (s)", "memory (MiB)", "slopes", "σ", ""]
    print(table(head, rows))


if __name__ == "__main__":
    main()
