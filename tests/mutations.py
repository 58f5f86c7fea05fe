"""Files of every format that is read, and what chance and malice make of them: seeded, so that each can be made again.

`outcome` reads one of them. As a script (`python tests/mutations.py FILE FIRST LAST`) it reads many in a process of its
own and prints what came of each: a parser that crashes ends that process only.
"""

import io
import json
import os
import re
import resource
import sys
import tempfile
import warnings
import zipfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io import write as ase_write
from molecules import WATER, rattled

from bpm_nb.core.files import InputError, check_array, errors_name_file
from bpm_nb.dashboards.uploads import read_upload
from bpm_nb.data.arrays import array_at, atomic_numbers_at
from bpm_nb.data.datasets import harmonic_record, load, read_lines
from bpm_nb.data.files import read_frames, read_trajectory, write
from bpm_nb.data.records import Trajectory
from bpm_nb.models.polarizability import BondPolarizability
from bpm_nb.spectra.files import read_polarizability
from bpm_nb.spectra.measured import read_spectrum

SLOW_S, MEMORY_MB = 5.0, 1024
STEPS = 12  # states of the runs


def upload(path):
    return read_upload(path.name, path.read_bytes())


def run(path):
    return read_trajectory(path, 1.0)


def with_topology(path):
    return read_trajectory(path, topology=path.with_name("top.gro"))


def as_topology(path):
    with errors_name_file(path):  # messages about the run name the file of the run
        return read_trajectory(path.with_name("run.xtc"), topology=path)


def derivatives(path):
    return harmonic_record(path)


READERS = {  # {file: the functions that read it}
    "frames.xyz": (read_frames, run, read_polarizability, upload),
    "moving.extxyz": (read_frames, run),
    "frames.npz": (read_frames, read_polarizability, upload),
    "run.npz": (read_trajectory, read_frames, upload),
    "minimum.npz": (derivatives, read_frames),
    "model.npz": (BondPolarizability.load,),
    "array.npy": (array_at, read_polarizability, atomic_numbers_at),
    "series.csv": (read_polarizability,),
    "lines.csv": (read_lines,),
    "measured.txt": (read_spectrum,),
    "instrument.txt": (read_spectrum,),
    "measured.jdx": (read_spectrum,),
    "lammps.dump": (run,),
    "run.traj": (run,),
    "run.json": (run,),
    "run.pdb": (run, as_topology),
    "run.gro": (run, as_topology),
    "run.xsf": (run,),
    "run.gen": (run,),
    "XDATCAR": (run,),
    "run.xtc": (with_topology,),
    "run.trr": (with_topology,),
    "run.dcd": (with_topology,),
    "run.nc": (with_topology,),
}
IN_OWN_PROCESS = {name for name, readers in READERS.items() if {with_topology, as_topology} & {*readers}}


def states():
    "A run of water as ASE has it, with velocities."
    frames = rattled([8, 1, 1], WATER, STEPS, 3)
    images = [Atoms(n, x, cell=[9, 9, 9], pbc=True) for n, x in zip(frames.numbers, frames.pos)]
    for k, atoms in enumerate(images):
        atoms.set_velocities(np.full((3, 3), 0.01 * k))
    return images


def lammps_dump(images):
    bounds = "ITEM: BOX BOUNDS pp pp pp\n0 9\n0 9\n0 9\n"
    frames = []
    for k, atoms in enumerate(images):
        rows = [
            f"{i + 1} {s} " + " ".join(f"{x:.6f}" for x in p) for i, (s, p) in enumerate(zip("OHH", atoms.positions))
        ]
        head = f"ITEM: TIMESTEP\n{k}\nITEM: NUMBER OF ATOMS\n{len(atoms)}\n{bounds}ITEM: ATOMS id element x y z\n"
        frames.append(head + "\n".join(rows) + "\n")
    return "".join(frames)


def write_texts(folder, images):
    "Tables, spectra and other text."
    nu = np.linspace(200, 2000, 60)
    y = np.exp(-(((nu - 1000) / 30) ** 2)) + 0.01 * np.sin(nu)
    alpha = np.eye(3) * 9 + 0.1 * np.sin(np.arange(STEPS))[:, None, None]
    names = "time_fs,xx,xy,xz,yx,yy,yz,zx,zy,zz\n"
    rows = "\n".join(f"{k}," + ",".join(f"{v:.5f}" for v in a.ravel()) for k, a in enumerate(alpha))
    (folder / "series.csv").write_text(names + rows)
    line = "1003,strong,breathing,measured,Müller 1990\n"
    (folder / "lines.csv").write_text("wavenumber_cm1,strength,assignment,kind,source\n" + 3 * line, "utf-8")
    pairs = list(zip(nu, y))
    (folder / "measured.txt").write_text("# a sample\n" + "".join(f"{a:.2f}\t{b:.5f}\n" for a, b in pairs))
    head = "Laser wavelength;785\nPixel;Wavelength [nm];Raman Shift [cm-1];Dark;Intensity (counts)\n"
    table = "".join(f"{k};{800 + k};{a:.2f};3;{b:.5f}\n" for k, (a, b) in enumerate(pairs)).replace(".", ",")
    (folder / "instrument.txt").write_text(head + table)
    labels = dict(
        TITLE="x", **{"JCAMP-DX": 4.24, "DATA TYPE": "RAMAN SPECTRUM"}, XUNITS="1/CM", YUNITS="ARBITRARY UNITS"
    )
    labels |= dict(FIRSTX=nu[0], LASTX=nu[-1], NPOINTS=60, XFACTOR=1, YFACTOR=1e-4, XYDATA="(X++(Y..Y))")
    blocks = [f"{nu[k]:.4f} " + " ".join(f"{v * 1e4:.0f}" for v in y[k : k + 6]) for k in range(0, 60, 6)]
    (folder / "measured.jdx").write_text("\n".join([*(f"##{k}={v}" for k, v in labels.items()), *blocks, "##END=", ""]))
    (folder / "lammps.dump").write_text(lammps_dump(images))
    np.save(folder / "array.npy", alpha)


def write_records(folder, frames):
    "What the library writes itself."
    write(folder / "frames.npz", frames[:STEPS])
    write(folder / "frames.xyz", frames[:STEPS])
    write(folder / "run.npz", Trajectory([8, 1, 1], frames.pos[None, :STEPS], 0.5, frames.pos[None, :STEPS]))
    write(folder / "minimum.npz", replace(load("malonaldehyde-enol").harmonic_gfn2, provenance=dict(step_fs=0.5)))
    BondPolarizability(n_points=10, gamma=0.5, lam=1e-6).fit(frames).save(folder / "model.npz")


def write_foreign(folder, images):
    "What other programs write."
    for name in ("run.traj", "run.json", "run.pdb", "run.gro", "run.xsf", "run.gen", "XDATCAR"):
        ase_write(folder / name, images if name not in ("run.gro", "run.gen") else images[0])
    free = [Atoms(a.numbers, a.positions, momenta=a.get_momenta()) for a in images]
    ase_write(folder / "moving.extxyz", free)
    try:
        import MDAnalysis
    except ModuleNotFoundError:
        return
    ase_write(folder / "top.gro", images[0])
    universe = MDAnalysis.Universe(str(folder / "top.gro"))
    for name in ("run.xtc", "run.trr", "run.dcd", "run.nc"):
        with MDAnalysis.Writer(str(folder / name), 3, dt=0.001) as w:
            for k, atoms in enumerate(images):
                universe.atoms.positions = atoms.positions
                state = universe.trajectory.ts
                state.time, state.frame, state.data["dt"] = 0.001 * k, k, 0.001
                w.write(universe.atoms)


@cache
def originals():
    "{file: its content} of whole files of all formats that can be made here."
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings(action="ignore"):
        folder, images = Path(name), states()
        write_texts(folder, images)
        write_records(folder, rattled([8, 1, 1], WATER, 24, 0))
        write_foreign(folder, images)
        return {f.name: f.read_bytes() for f in sorted(folder.iterdir())}


# ---- what happens to files

NUMBERS = (
    b"0 -1 1 2 3 7 1000000000 99999999999999999999 -2147483649 nan inf -inf 1e999 1e160 1e-300 1.0D+00 1_0 ,".split()
)
WORDS = [
    b"",
    b"\0",
    b"\xff\xfe",
    b"\xfc",
    b"[" * 5000,
    b'{"a":' * 3000,
    b'"',
    b"'",
    b"\n",
    b"\r",
    b"=",
    b":",
    b"X" * 3000,
    b"99 " * 2000,
]
JSONS = [
    "[]",
    "null",
    "5",
    "NaN",
    '"x"',
    "[" * 100_000,
    '{"run": 5}',
    '{"run": {"shape": [1e999, 2], "dt_fs": 0.5}}',
    "{",
]
JSONS += [
    '{"step_fs": "x"}',
    '{"run": {"shape": [-3, -4], "dt_fs": null}}',
    '{"temperature_K": [[1], 2]}',
    "",
    "\ud800",
]
SHAPES = [(), (0,), (1,), (0, 0, 0), (10**12,), (2**62, 4), (-1, 3), (3, 3), (10**5, 0), (2, 10**9), (1, 1, 1, 1, 1)]
TYPES = [
    "<f8",
    ">f4",
    "<i8",
    "u1",
    "?",
    "<c16",
    "<U5",
    "<M8[s]",
    "O",
    "V8",
    "<U0",
    "<f2",
    "|S9",
    [("a", "<f8")],
    "S0",
    "<U400000000",
]


def changed_bytes(rng, content):
    "A few bytes are others; a piece is lost, doubled or filled; the end is missing."
    data, n = bytearray(content), len(content)
    at, length = int(rng.integers(n)), int(rng.integers(1, 200))
    what = rng.integers(7)
    if what < 2:
        for k in rng.integers(n, size=rng.integers(1, 9)):
            data[k] = rng.integers(256)
    elif what == 2:
        del data[at:]
    elif what == 3:
        del data[at : at + length]
    elif what == 4:
        data[at:at] = data[at : at + length] * int(rng.integers(1, 20))
    elif what == 5:
        data[at:at] = rng.bytes(length)
    else:
        k = 4 * int(rng.integers(max(n // 4, 1)))
        data[k : k + 4] = rng.choice(
            [b"\xff\xff\xff\x7f", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\x80", b"\x7f\xff\xff\xff"]
        )
    return bytes(data)


def changed_text(rng, content):
    "A number or a word is another; lines are lost, doubled or change places."
    what = rng.integers(4)
    if what < 2:
        places = [m.span() for m in re.finditer(rb"[-+.\w]+", content[:200_000])]
        odd = NUMBERS if what == 0 else WORDS
        head = rng.random() < 0.5  # where formats say what follows
        start, end = places[int(rng.integers(min(len(places), 20) if head else len(places)))] if places else (0, 0)
        return content[:start] + odd[int(rng.integers(len(odd)))] + content[end:]
    lines = content.split(b"\n")
    at = int(rng.integers(len(lines)))
    if what == 2:
        return b"\n".join(lines[:at] + lines[at + 1 :])
    other = int(rng.integers(len(lines)))
    return b"\n".join(lines[:at] + [lines[other]] * int(rng.integers(1, 4)) + lines[at:])


def odd_member(rng, content):
    "A member of an npz that numpy would not have written."
    what = rng.integers(6)
    if what == 0:
        return changed_bytes(rng, content)
    if what == 1:
        head = content[: content.find(b"\n") + 1]
        return changed_text(rng, head) + content[len(head) :]
    check_array(io.BytesIO(content), len(content))  # what is odd already is left to others
    array = np.load(io.BytesIO(content))
    if what == 2 and array.dtype.kind in "iuf" and array.size:
        array = array.copy()
        with np.errstate(all="ignore"):
            array.flat[int(rng.integers(array.size))] = np.asarray(
                rng.choice([np.nan, np.inf, -1, 0, 1e160, 119, 3e9])
            ).astype(array.dtype)
    elif what == 3 and array.ndim:
        array = array[tuple(slice(int(rng.integers(0, 3)), None) for _ in range(int(rng.integers(1, array.ndim + 1))))]
    elif what == 4:
        odd = (array.ravel(), array[None], array.astype("U"), np.array("x"), np.array(5), np.zeros((0, 3)))
        array = odd[int(rng.integers(len(odd)))]
    else:
        return odd_header(rng) + content[128:]
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def odd_header(rng):
    "Header of an npy file with any type and shape."
    described = repr(
        dict(
            descr=TYPES[rng.integers(len(TYPES))],
            fortran_order=bool(rng.integers(2)),
            shape=SHAPES[rng.integers(len(SHAPES))],
        )
    )
    return b"\x93NUMPY\x01\x00v\x00" + described.encode().ljust(117) + b"\n"


def changed_npz(rng, content):
    "A member is odd, missing, there twice or has another name; or it is packed in another way."
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name, what = list(members)[int(rng.integers(len(members)))], rng.integers(8)
    packing = zipfile.ZIP_DEFLATED
    if what < 4:
        members[name] = odd_member(rng, members[name])
    elif what == 4 and "provenance.npy" in members:
        out = io.BytesIO()
        np.save(out, np.array(JSONS[int(rng.integers(len(JSONS)))]))
        members["provenance.npy"] = out.getvalue()
    elif what == 5:
        del members[name]
    elif what == 6:
        members[list(members)[int(rng.integers(len(members)))]] = members[name]
    else:
        packing = int(rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", packing) as archive:
        for key, value in members.items():
            archive.writestr(key, value)
    return out.getvalue()


def mutation(name, k):
    "Content number k of a file: the same whenever it is asked for."
    rng, content = np.random.default_rng([sum(name.encode()), k]), originals()[name]
    for _ in range(int(rng.integers(1, 4))):
        if name.endswith(".npz") and zipfile.is_zipfile(io.BytesIO(content)) and rng.random() < 0.8:
            try:
                content = changed_npz(rng, content)
                continue
            except Exception:  # what is broken already is changed as bytes
                pass
        binary = name.endswith((".npz", ".npy", ".traj", ".xtc", ".trr", ".dcd", ".nc"))
        content = (changed_bytes if binary or rng.random() < 0.4 else changed_text)(rng, content or b"\n")
    return content


# ---- reading them


def outcome(name, k, folder):
    "(what came of reading number k: `read`, `refused`, or the fault; seconds)"
    file = Path(folder, name)
    file.write_bytes(mutation(name, k))
    readers = READERS[name]
    reader, start = readers[k % len(readers)], processor_s()
    try:
        reader(file)
        came = "read"
    except InputError as e:
        came = (
            "refused"
            if name in str(e) and "\n" not in str(e)
            else f"a message without the file, or of many lines: {e!r}"
        )
    except Exception as e:
        came = f"{reader.__name__}: {type(e).__name__}: {str(e)[:200]}"
    return came, processor_s() - start


def processor_s():
    "Processor time of this process and of those that it has waited for: what a busy machine does not lengthen."
    return sum(os.times()[:4])


def prepared(folder):
    "The folder with the whole files that others need beside them."
    for name, content in originals().items():
        Path(folder, name).write_bytes(content)


def memory_mb():
    "Largest memory until now of this process, or of one that it has started and that has ended."
    return max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024


def report(name, first, last):
    "Print a line of JSON for each number from `first` to `last`: [number, what came of it, seconds, MB]."
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(action="ignore"):
        prepared(folder)
        for k in range(first, last):
            print(json.dumps([k]), flush=True)  # before: a crash leaves it as the last line
            came, seconds = outcome(name, k, folder)
            print(json.dumps([k, came, round(seconds, 3), round(memory_mb())]), flush=True)


if __name__ == "__main__":
    report(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
