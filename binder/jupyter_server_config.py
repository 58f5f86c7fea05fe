"What is run in JupyterLab stays out of the files: notebooks are saved as they are kept, without outputs."

import json
from pathlib import Path


def without_outputs(model, path, contents_manager, **_):
    "Clear outputs, counters and what JupyterLab notes in a notebook that is about to be saved."
    if model["type"] != "notebook" or model.get("format", "json") != "json":
        return
    notebook, file = model["content"], Path(contents_manager.root_dir, path)
    for cell in notebook["cells"]:
        cell["metadata"] = cell["metadata"] if "solution" in cell["metadata"].get("tags", []) else {}
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    if file.exists():
        before = json.loads(file.read_text("utf-8"))
        notebook |= {name: before[name] for name in ("metadata", "nbformat", "nbformat_minor")}


c = get_config()  # noqa: F821
c.FileContentsManager.pre_save_hook = without_outputs
