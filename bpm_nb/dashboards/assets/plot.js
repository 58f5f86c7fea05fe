// A plotly figure that follows the trait `figure`, and writes the point that was clicked to the trait `clicked`.
// Python puts plotly.js before these lines, as a CommonJS module.
const Plotly = module.exports;
const CONFIG = {displaylogo: false, modeBarButtons: [["zoom2d", "pan2d", "autoScale2d", "toImage"]]};

function save(name, type, content) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], {type}));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function render({model, el}) {
  const div = el.appendChild(document.createElement("div"));
  const draw = () => {
    const {data, layout} = model.get("figure");
    return Plotly.react(div, data, layout, CONFIG);
  };
  const click = ({points: [p]}) => {
    model.set("clicked", {x: p.x, y: p.y, name: p.data.name ?? "", meta: p.data.meta ?? null, time: Date.now()});
    model.save_changes();
  };
  const redraw = () => draw();
  // messages from Python: {png: name} saves a picture, {name, type} with a buffer saves that as a file
  const receive = (message, buffers) => {
    if (message.png) Plotly.downloadImage(div, {format: "png", scale: 2, filename: message.png});
    else save(message.name, message.type, buffers[0]);
  };
  const resize = new ResizeObserver(() => div.clientWidth && Plotly.Plots.resize(div));
  draw().then(() => div.on("plotly_click", click));
  model.on("change:figure", redraw);
  model.on("msg:custom", receive);
  resize.observe(el);
  return () => {
    resize.disconnect();
    model.off("change:figure", redraw);
    model.off("msg:custom", receive);
    Plotly.purge(div);
  };
}

export default {render};
