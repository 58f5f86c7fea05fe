"""The rungs of the ladder that are trained: short networks, as honest as a few dozen lines can be."""

import copy
import time

import numpy as np
import torch
from torch import nn

CUTOFF, BATCH, CHECK, PATIENCE, HALVINGS = 5.0, 20, 50, 8, 5  # Å; frames; steps; checks; of the length of a step


def mlp(*sizes):
    "Linear layers with silu between them."
    layers = []
    for a, b in zip(sizes, sizes[1:]):
        layers += [nn.Linear(a, b), nn.SiLU()]
    return nn.Sequential(*layers[:-1])


class Pairs(nn.Module):
    "What all three know of pairs: vectors (S, N, N, 3) to neighbours, directions, radial functions (S, N, N, K)."

    def __init__(self, n_radial=16):
        super().__init__()
        self.register_buffer("centres", torch.linspace(0.6, CUTOFF, n_radial))
        self.sharpness = (n_radial / CUTOFF) ** 2 / 2

    def forward(self, x):
        d = x[:, None] - x[:, :, None]
        own = torch.eye(x.shape[1], dtype=torch.bool)
        r = torch.sqrt((d**2).sum(-1) + own)
        fade = torch.where((r < CUTOFF) & ~own, 0.5 * (torch.cos(np.pi * r / CUTOFF) + 1), 0)
        return d, d / r[..., None], torch.exp(-self.sharpness * (r[..., None] - self.centres) ** 2) * fade[..., None]


class Painn(nn.Module):
    """Scalars and vectors of atoms that send each other messages, and α = Σ_i a_i 1 + ν_i x_iᵀ + x_i ν_iᵀ.

    K. T. Schütt, O. T. Unke and M. Gastegger, Proc. Mach. Learn. Res. 2021, 139, 9377 (PaiNN)."""

    rate = 1e-3

    def __init__(self, numbers, width=64, n_layers=3):
        super().__init__()
        self.numbers, self.pairs, self.embedding = torch.as_tensor(numbers), Pairs(), nn.Embedding(10, width)
        self.filters = nn.ModuleList(nn.Linear(16, 3 * width, bias=False) for _ in range(n_layers))
        self.senders = nn.ModuleList(mlp(width, width, 3 * width) for _ in range(n_layers))
        self.mixers = nn.ModuleList(nn.Linear(width, 2 * width, bias=False) for _ in range(n_layers))
        self.updates = nn.ModuleList(mlp(2 * width, width, 3 * width) for _ in range(n_layers))
        self.ends = nn.ModuleList([mlp(width, width, 2), nn.Linear(width, 1, bias=False)])

    def forward(self, x):
        x = x - x.mean(1, keepdim=True)
        _, u, radial = self.pairs(x)
        s = self.embedding(self.numbers).expand(len(x), -1, -1)
        v = torch.zeros(*s.shape[:2], 3, s.shape[2])
        for filtered, sender, mixer, update in zip(self.filters, self.senders, self.mixers, self.updates):
            scalar, along, passed = (sender(s)[:, None] * filtered(radial)).chunk(3, -1)
            s = s + scalar.sum(2)
            v = v + torch.einsum("sijf,sijc->sicf", along, u) + torch.einsum("sijf,sjcf->sicf", passed, v)
            a, b = mixer(v).chunk(2, -1)
            own, of_both, vector = update(torch.cat([s, torch.sqrt((a**2).sum(2) + 1e-8)], -1)).chunk(3, -1)
            s, v = s + own + of_both * (a * b).sum(2), v + vector[:, :, None] * b
        iso, gate = self.ends[0](s).unbind(-1)
        nu = self.ends[1](v)[..., 0] * gate[..., None]
        outer = torch.einsum("sni,snj->sij", nu, x)
        return outer + outer.mT + iso.sum(1)[:, None, None] * torch.eye(3)


class Eann(nn.Module):
    """Atomic networks of squared densities; α of slopes: (D₁ + x)ᵀ D₂ + its transpose + 1 Σ NN₃, D_k = ∂ Σ NN_k / ∂x.

    Y. Zhang, S. Ye, J. Zhang, C. Hu, J. Jiang and B. Jiang, J. Phys. Chem. B 2020, 124, 7284."""

    rate = 2e-3

    def __init__(self, numbers, n_density=24, width=64):
        super().__init__()
        self.numbers, self.pairs = torch.as_tensor(numbers), Pairs()
        self.weights = nn.Parameter(1 + 0.3 * torch.randn(10, 16))
        self.mix = nn.Parameter(torch.randn(3, 16, n_density) / 4)
        self.species = [int(z) for z in np.unique(numbers)]
        self.networks = nn.ModuleList(mlp(3 * n_density, width, width, 3) for _ in self.species)

    def forward(self, x):
        with torch.enable_grad():
            x = x.detach() - x.mean(1, keepdim=True).detach()
            x.requires_grad_()
            _, u, radial = self.pairs(x)
            radial = radial * self.weights[self.numbers]
            densities = [
                torch.einsum(f"sijk,kd{''.join(f',sij{a}' for a in axes)}->sid{axes}", radial, self.mix[l], *[u] * l)
                for l, axes in enumerate(("", "a", "ab"))
            ]
            rho = torch.cat([(p.flatten(3) ** 2).sum(3) if p.ndim > 3 else p**2 for p in densities], -1)
            values = torch.zeros(*rho.shape[:2], 3)
            for z, network in zip(self.species, self.networks):
                values = values + network(rho) * (self.numbers == z)[:, None]
            first, second, iso = values.sum(1).unbind(-1)
            d1, d2 = (torch.autograd.grad(y.sum(), x, create_graph=True)[0] for y in (first, second))
            outer = torch.einsum("sni,snj->sij", d1 + x, d2)
            return outer + outer.mT + iso[:, None, None] * torch.eye(3)


class E3nn(nn.Module):
    """Scalars, vectors and tensors of atoms, coupled by Clebsch-Gordan products (e3nn), two rounds of messages.

    M. Geiger and T. Smidt, arXiv 2207.09453; the rounds as in S. Batzner and others, Nat. Commun. 2022, 13, 2453."""

    rate = 5e-3

    def __init__(self, numbers, hidden="24x0e+12x1o+12x2e", n_layers=2):
        from e3nn import o3
        from e3nn.nn import Gate

        super().__init__()
        self.numbers, self.pairs = torch.as_tensor(numbers), Pairs()
        self.sphere, hidden = o3.Irreps("1x0e+1x1o+1x2e"), o3.Irreps(hidden)
        self.embedding = nn.Embedding(10, 24)
        self.products, self.filters, self.mixers, self.own, self.gates = (nn.ModuleList() for _ in range(5))
        now, turning = o3.Irreps("24x0e"), o3.Irreps([(m, i) for m, i in hidden if i.l > 0])
        for _ in range(n_layers):
            gate = Gate("24x0e", [nn.functional.silu], f"{turning.num_irreps}x0e", [torch.sigmoid], turning)
            product = channels(o3, now, self.sphere, hidden)
            self.products.append(product)
            self.filters.append(mlp(16, 32, product.weight_numel))
            self.mixers.append(o3.Linear(product.irreps_out, gate.irreps_in))
            self.own.append(o3.Linear(now, gate.irreps_in))
            self.gates.append(gate)
            now = gate.irreps_out
        self.end = o3.Linear(now, "1x0e+1x2e")
        self.register_buffer("basis", o3.wigner_3j(2, 1, 1))

    def forward(self, x):
        from e3nn import o3

        n = x.shape[1]
        d, _, radial = self.pairs(x)
        i, j = np.nonzero(~np.eye(n, dtype=bool))
        sphere = o3.spherical_harmonics(self.sphere, d[:, i, j], True, "component")
        s = self.embedding(self.numbers).expand(len(x), -1, -1)
        for product, filtered, mixer, own, gate in zip(self.products, self.filters, self.mixers, self.own, self.gates):
            fade = radial[:, i, j].sum(-1, keepdim=True)
            messages = product(s[:, j], sphere, filtered(radial[:, i, j]) * fade)
            gathered = messages.reshape(len(x), n, n - 1, -1).sum(2) / n**0.5
            s = gate(mixer(gathered) + own(s))
        end = self.end(s).sum(1)
        cartesian = torch.einsum("sc,cij->sij", end[:, 1:], self.basis)
        return cartesian + end[:, :1, None] * torch.eye(3)


def channels(o3, first, second, hidden):
    "Product of features and directions, channel by channel, with weights from outside, of all that `hidden` has."
    out, paths = [], []
    for a, (m, i) in enumerate(first):
        for b, (_, j) in enumerate(second):
            for k in i * j:
                if k in hidden:
                    paths.append((a, b, len(out), "uvu", True))
                    out.append((m, k))
    return o3.TensorProduct(first, second, o3.Irreps(out), paths, shared_weights=False, internal_weights=False)


class Course:
    """Follows the error on frames set aside, and says when to take smaller steps and when to stop.

    In the last third of the time steps become shorter until the end, as an underfit network gains most by that."""

    def __init__(self, adam, seconds):
        self.adam, self.longest, self.seconds, self.start = adam, adam.defaults["lr"], seconds, time.process_time()
        self.best, self.state, self.since, self.halvings = np.inf, None, 0, 0

    @property
    def left(self):
        "Share of the time that is left."
        return 1 - (time.process_time() - self.start) / self.seconds

    def going_on(self, error, mean):
        self.since += self.left > 1 / 3
        if error < self.best:
            self.since = 0 if error < 0.99 * self.best else self.since
            self.best, self.state = error, copy.deepcopy(mean.state_dict())
        if self.since >= PATIENCE:
            self.since, self.halvings = 0, self.halvings + 1
        for group in self.adam.param_groups:
            group["lr"] = self.longest / 2**self.halvings * min(1, 3 * max(0, self.left))
        return self.halvings <= HALVINGS


def trained(network, minutes):
    """A network, trained on four fifths of the frames until its error on the last fifth falls no more.

    Then the steps are halved, five times; the weights, means along the way, of the smallest error are kept. What is
    not there after so many minutes of the processor is called underfit. The fifth is taken from the training frames.
    """

    def fit(train):
        torch.manual_seed(0)
        torch.set_num_threads(1)
        order = np.random.default_rng(1).permutation(len(train))
        x = torch.as_tensor(train.pos[order], dtype=torch.float32)
        iso = np.trace(train.alpha, 0, 1, 2) / 3
        scale = np.sqrt((train.alpha - iso[:, None, None] * np.eye(3)).var(0).mean() + iso.var())
        y = (train.alpha[order] - iso.mean() * np.eye(3)) / scale
        y = torch.as_tensor(y, dtype=torch.float32)
        n = len(x) - len(x) // 5
        held = slice(n, min(n + 100, len(x)))
        model = network(train.numbers[0])
        mean = copy.deepcopy(model)
        adam = torch.optim.AdamW(model.parameters(), lr=network.rate, weight_decay=1e-4)
        course, step, ended = Course(adam, 60 * minutes), 0, False

        def loss(a, b):
            trace = (a - b).diagonal(dim1=1, dim2=2).mean(1)
            return ((a - b) ** 2).mean() + 2 * (trace**2).mean()

        while not ended and course.left > 0:
            for chosen in torch.randperm(n).split(BATCH):
                adam.zero_grad()
                loss(model(x[chosen]), y[chosen]).backward()
                nn.utils.clip_grad_norm_(model.parameters(), 10.0)
                adam.step()
                step += 1
                with torch.no_grad():
                    for a, b in zip(mean.parameters(), model.parameters()):
                        a.lerp_(b, max(0.01, 1 / (1 + step)))
                if step % CHECK == 0:
                    with torch.no_grad():
                        error = float(loss(mean(x[held]), y[held]))
                    ended = not course.going_on(error, mean)
                    if ended:
                        break
        mean.load_state_dict(course.state or mean.state_dict())

        def predict(frames):
            with torch.no_grad():
                found = [
                    mean(torch.as_tensor(p, dtype=torch.float32))
                    for p in np.split(frames.pos, range(50, len(frames), 50))
                ]
            alpha = torch.cat([f.detach() for f in found]).numpy().astype(float)
            return alpha * scale + iso.mean() * np.eye(3)

        return predict, f"{step} steps" if ended else f"**underfit at {60 * minutes:g} s**, {step} steps"

    return fit
