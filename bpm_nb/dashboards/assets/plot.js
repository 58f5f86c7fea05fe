// A plotly figure, and what passes between it and Python over its feed, a model of ipywidgets' own.
//   feed  figure {data, layout} and its number; library, plotly.js as a CommonJS module, packed by gzip
// Messages to Python: {holds: number of the figure that is here}, which it answers, first with the figure if that is
// another; {clicked: point}. From Python: {holds}, {png: name} and {name, type} with the content of a file as buffer.
const CONFIG = {displaylogo: false, modeBarButtons: [["zoom2d", "pan2d", "autoScale2d", "toImage"]]};
const PATIENCE = 10000;  // ms until the page says that no answer comes
const SETTLED = 1500;  // ms after the last sign of life until the page asks whether it holds the last figure

function save(name, type, content) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], {type}));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// JupyterLab's dark theme, by colour: what plots have on white, and what takes its place on black.
const DARK = {
  "white": "#111111", "#222": "#dddddd", "#222222": "#dddddd", "#444": "#aaaaaa", "#666": "#aaaaaa", "#ececec": "#333333",
  "#0072b2": "#4ba3e3", "rgba(0,114,178,0.25)": "rgba(75,163,227,0.35)", "rgba(255,255,255,0.8)": "rgba(17,17,17,0.8)",
};
const isDark = () => document.body.dataset.jpThemeLight === "false";

function darkened(value) {
  if (typeof value === "string") return DARK[value.toLowerCase()] ?? value;
  if (Array.isArray(value)) return value.some(x => typeof x === "object") ? value.map(darkened) : value;
  if (value === null || typeof value !== "object" || ArrayBuffer.isView(value)) return value;
  const {bdata} = value;
  if (bdata) return value;  // an array that plotly packed
  return Object.fromEntries(Object.entries(value).map(([name, x]) => [name, darkened(x)]));
}

// plotly.js, once for a page: it takes seconds where the machine is busy
async function library(feed) {
  window.bpmPlotly ??= (async () => {
    const unpacked = new Blob([feed.get("library")]).stream().pipeThrough(new DecompressionStream("gzip"));
    const text = await new Response(unpacked).blob();
    const lines = ["const module = {exports: {}};\n", text, "\nexport default module.exports;"];
    const url = URL.createObjectURL(new Blob(lines, {type: "text/javascript"}));
    return (await import(url)).default;
  })();
  return window.bpmPlotly;
}

// Draws the last figure, however many came meanwhile, when the page has a moment; what moves waits for it.
function drawing(Plotly, div, feed, isGone) {
  let waits = false;
  return () => {
    if (waits) return;
    waits = true;
    setTimeout(async () => {
      waits = false;
      if (isGone()) return;
      document.dispatchEvent(new CustomEvent("bpm-draws"));
      const {data, layout} = isDark() ? darkened(feed.get("figure")) : feed.get("figure");
      await Plotly.react(div, data, layout, CONFIG);
      if (!div.matches(":hover")) Plotly.Fx.unhover(div);  // plotly brings a tip back, wherever the mouse is by now
    });
  };
}

// Asks, some time after each sign of life, whether the figure here is the last; says so where no answer comes.
function asking(feed, line) {
  let soon = null, late = null;
  const answered = last => {
    clearTimeout(late);
    late = null;
    line.textContent = "";
    if (last !== feed.get("number")) askSoon();  // the figure itself may still be lost
  };
  const ask = () => {
    feed.send({holds: feed.get("number")});
    late ??= setTimeout(() => {
      line.textContent = "Python is busy or gone: what you see may not be the last. If this stays, load the page again.";
    }, PATIENCE);
  };
  const askSoon = () => {
    clearTimeout(soon);
    soon = setTimeout(ask, SETTLED);
  };
  const stop = () => [soon, late].forEach(clearTimeout);
  return {ask, askSoon, answered, stop};
}

async function render({model, el}) {
  const feed = await model.widget_manager.get_model(model.get("feed").replace("IPY_MODEL_", ""));
  const line = el.appendChild(document.createElement("div"));
  line.className = "bpm-lost";
  line.style.color = "var(--jp-error-color1, #B00020)";
  const div = el.appendChild(document.createElement("div"));
  const Plotly = await library(feed);
  let gone = false;
  const draw = drawing(Plotly, div, feed, () => gone), question = asking(feed, line);
  const changed = () => {
    draw();
    question.askSoon();
  };
  const receive = (message, buffers) => {
    if ("holds" in message) question.answered(message.holds);
    else if (message.png) {  // light, as for paper
      const {width, height} = div.getBoundingClientRect();
      Plotly.downloadImage(feed.get("figure"), {format: "png", scale: 2, filename: message.png, width, height});
    }
    else save(message.name, message.type, buffers[0]);
  };
  const click = ({points: [p]}) => {
    feed.send({clicked: {x: p.x, y: p.y, name: p.data.name ?? "", meta: p.data.meta ?? null, time: Date.now()}});
  };
  const resize = new ResizeObserver(() => div.clientWidth && div.data && Plotly.Plots.resize(div));
  const theme = new MutationObserver(draw);
  const forget = () => Plotly.Fx.unhover(div);  // a tip goes when the mouse does
  const signs = ["pointerup", "keyup", "visibilitychange"];
  const listeners = [["change:number", changed], ["msg:custom", receive]];
  listeners.forEach(([event, then]) => feed.on(event, then));
  signs.forEach(sign => document.addEventListener(sign, question.askSoon, true));
  await Plotly.newPlot(div, [], {}, CONFIG);
  div.on("plotly_click", click);
  draw();
  question.ask();
  resize.observe(el);
  theme.observe(document.body, {attributeFilter: ["data-jp-theme-light"]});
  div.addEventListener("mouseleave", forget);
  return () => {
    gone = true;
    question.stop();
    resize.disconnect();
    theme.disconnect();
    listeners.forEach(([event, then]) => feed.off(event, then));
    signs.forEach(sign => document.removeEventListener(sign, question.askSoon, true));
    Plotly.purge(div);
  };
}

export default {render};
