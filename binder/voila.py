"What voila.json cannot say: Voilà opens with its token, and starts no more kernels than memory has room for."

from pathlib import Path

import psutil
from jupyter_server.auth.identity import PasswordIdentityProvider
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.web import HTTPError
from traitlets import Integer, default

KERNEL_BYTES = 500 * 2**20  # a dashboard at work, with the processes that it starts


def free_bytes():
    "Memory that is free now, in this container if it has a limit of its own."
    group = Path("/sys/fs/cgroup")
    try:
        limit, used = (int((group / name).read_text()) for name in ("memory.max", "memory.current"))
    except (OSError, ValueError):  # no container, or no limit
        return psutil.virtual_memory().available
    return min(limit - used, psutil.virtual_memory().available)


class LimitedKernels(AsyncMappingKernelManager):
    "Kernels as Jupyter manages them, up to a number."

    max_kernels = Integer(config=True, help="Kernels at most; by default, as many as the free memory has room for.")
    n_starting = 0

    @default("max_kernels")
    def _max_kernels(self):
        return max(1, free_bytes() // KERNEL_BYTES)

    async def start_kernel(self, **options):
        "As Jupyter does it. Raises `HTTPError` where there are as many as may be."
        if len(self) + self.n_starting >= self.max_kernels:
            raise HTTPError(
                503,
                f"The memory of this machine has room for {self.max_kernels} open at a time: "
                "close a page of a dashboard that you do not need, and load this one again.",
                reason="No room for another dashboard",
            )
        self.n_starting += 1
        try:
            return await super().start_kernel(**options)
        finally:
            self.n_starting -= 1


class TokenOfTheBrowser(PasswordIdentityProvider):
    "Asks for the token as Voilà does, and gives it to the page that opens the browser (browser-open.html)."

    def get_handlers(self):
        "As Voilà has them."
        self.parent.app.settings["voila_jinja2_env"].globals["token"] = self.token
        return super().get_handlers()


c = get_config()  # noqa: F821
c.Voila.identity_provider_class = TokenOfTheBrowser
c.VoilaConfiguration.multi_kernel_manager_class = LimitedKernels
