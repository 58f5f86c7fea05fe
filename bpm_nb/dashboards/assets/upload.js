// A button for a file, which goes to Python in pieces: first a message {name, size}, then one buffer a message.
const PIECE = 1 << 20;  // bytes

function render({model, el}) {
  const label = el.appendChild(document.createElement("label"));
  label.className = "jupyter-button widget-button bpm-upload";
  label.style.cssText = "width: 100%; margin: 2px 0; box-sizing: border-box";
  label.append(model.get("label"));
  const input = label.appendChild(document.createElement("input"));
  input.type = "file";
  input.style.display = "none";
  input.addEventListener("change", async () => {
    const file = input.files[0];
    if (!file) return;
    model.send({name: file.name, size: file.size});
    for (let at = 0; at < file.size && file.size <= model.get("limit"); at += PIECE)
      model.send({}, undefined, [await file.slice(at, at + PIECE).arrayBuffer()]);
    input.value = "";
  });
}

export default {render};
