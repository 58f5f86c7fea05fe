// A molecule that stands still, shows by arrows how its atoms move, or moves: showMotion(view, scene).
//   view   nglview's view, whose first component is the molecule
//   scene  {how: "still" | "arrows" | "move",
//           positions, change: x, y, z of each atom at rest and what they move by, Å; arrows are `stretch` times as long
//           body: mesh of the ellipsoid, {position, color, index, normal, change}, or null}
// The viewer draws each step of a period once; what moves is a canvas above it that shows these pictures. It waits while
// anything else draws or is handled, while nobody sees it, and takes at most a quarter of what the machine gives.
const STEPS = 20, STEP_MS = 60, QUIET_MS = 600;
const SWING = Array.from({length: STEPS}, (_, k) => Math.round(1000*Math.sin(2*Math.PI*k/STEPS))/1000 || 0);
const LEVELS = [...new Set(SWING)];  // a period passes twice where it is not at its ends
const FIRST = [0, 1, -1];  // drawn first: with these it begins to move, and becomes smooth as the others come
const ARROW = [0.84, 0.37, 0], SHORTEST_ARROW = 0.1;  // colour; of the longest
const AROUND = 1.5;  // room for the outermost atoms, Å
const THEMES = {
  light: {background: "white", label: {color: "#222222", showBorder: false}},
  dark: {background: "#111111", label: {color: "#ffffff", showBorder: true, borderColor: "#000000", borderWidth: 0.2}},
};

function showMotion(view, scene) {
  view.bpm ??= createPlayer(view);
  view.bpm.show(scene);
}

const after = ms => new Promise(resolve => setTimeout(resolve, ms));
const themeNow = () => document.body.dataset.jpThemeLight === "false" ? "dark" : "light";
const moved = (at, change, level) => Float32Array.from(at, (x, i) => x + level*change[i]);

// When something else was at work last, for all players of a page.
function watchPage() {
  if (window.bpmBusyAt === undefined) {
    const note = () => window.bpmBusyAt = performance.now();
    note();
    ["bpm-draws", "pointerdown", "keydown", "input", "wheel"].forEach(
      sign => document.addEventListener(sign, note, {capture: true, passive: true}));
    document.addEventListener("pointermove", event => event.buttons && note(), {capture: true, passive: true});
  }
}

// The wheel belongs to the page until the molecule was clicked, and again when something else was.
function keepWheel(box) {
  let isClicked = false;
  document.addEventListener("pointerdown", event => {
    isClicked = box.contains(event.target);
    box.classList.toggle("bpm-clicked", isClicked);
    box.style.outline = isClicked ? "1px solid var(--jp-brand-color1, #2196f3)" : "";
  }, true);
  ["wheel", "mousewheel", "MozMousePixelScroll"].forEach(
    sign => box.addEventListener(sign, event => isClicked || event.stopPropagation(), {capture: true, passive: true}));
}

// NGL leaves room for the longest side in both directions of the window: come nearer to what is broad and low.
function comeNear(stage, molecule, box) {
  const ends = [[Infinity, -Infinity], [Infinity, -Infinity]];
  molecule.structure.eachAtom(atom => [atom.x, atom.y].forEach((x, k) => {
    ends[k] = [Math.min(ends[k][0], x), Math.max(ends[k][1], x)];
  }));
  const [width, height] = ends.map(([low, high]) => high - low + AROUND);
  const shape = box.clientWidth/box.clientHeight;
  const nearer = Math.max(width/shape, 1.3*height)/Math.max(width, height);
  if (nearer < 1) stage.viewerControls.zoom(1 - nearer);
}

function arrowShape({positions, change, stretch}) {
  const shape = new NGL.Shape("arrows"), atoms = positions.length/3;
  const of = (list, k) => list.slice(3*k, 3*k + 3);
  const lengths = Array.from({length: atoms}, (_, k) => Math.hypot(...of(change, k)));
  lengths.forEach((length, k) => {
    if (length <= SHORTEST_ARROW*Math.max(...lengths)) return;
    const start = of(positions, k);
    shape.addArrow(start, Array.from(moved(start, of(change, k), stretch)), ARROW, 0.09);
  });
  return shape;
}

function createPlayer(view) {
  const {stage} = view, {viewer} = stage, box = viewer.container, molecule = stage.compList[0];
  const drawn = viewer.renderer.domElement, screen = box.appendChild(document.createElement("canvas"));
  let scene = null, surface = null, extra = [], turn = 0, frames = null, isSeen = true, dressed = null, placed = null;
  screen.className = "bpm-frames";
  screen.style.cssText = "position: absolute; left: 0; top: 0; width: 100%; height: 100%; pointer-events: none";
  box.style.position = "relative";
  screen.hidden = true;

  const place = level => {
    placed = level;
    molecule.structure.updatePosition(moved(scene.positions, scene.change, level));
    molecule.updateRepresentations({position: true});
    if (surface) surface.setAttributes({position: moved(scene.body.position, scene.body.change, level)});
  };
  const add = shape => {
    const component = stage.addComponentFromObject(shape);
    extra.push(component);
    return component;
  };
  const dress = () => {
    if (dressed === themeNow()) return;
    const theme = THEMES[dressed = themeNow()];
    stage.setParameters({backgroundColor: theme.background});
    molecule.reprList.filter(r => r.name === "label").forEach(r => r.setParameters(theme.label));
  };
  const isQuiet = () => isSeen && !document.hidden && performance.now() - window.bpmBusyAt > QUIET_MS;
  const picture = () => {
    viewer.render();
    const copy = document.createElement("canvas"), pen = copy.getContext("2d");
    Object.assign(copy, {width: drawn.width, height: drawn.height});
    pen.fillStyle = THEMES[themeNow()].background;
    pen.fillRect(0, 0, copy.width, copy.height);
    pen.drawImage(drawn, 0, 0);
    return copy;
  };
  const show = frame => {
    if (screen.width !== frame.width || screen.height !== frame.height)
      Object.assign(screen, {width: frame.width, height: frame.height});
    screen.getContext("2d").drawImage(frame, 0, 0);
  };

  // pictures of all levels, {level: canvas}, one at a time; null if something changes meanwhile
  const prepared = async (mine, begin) => {
    const made = new Map();
    viewer.setSampling(-1);
    for (const level of [...FIRST, ...LEVELS.filter(level => !FIRST.includes(level))]) {
      while (mine === turn && !isQuiet()) await after(100);
      if (mine !== turn || !box.isConnected) return null;
      place(level);
      made.set(level, picture());
      if (level === 0) {
        show(made.get(0));
        screen.hidden = false;
      }
      if (made.size === FIRST.length) begin(made);
      await after(0);
    }
    if (mine !== turn) return null;
    place(0);
    return made;
  };
  const nearest = (made, level) => {
    let best = 0;
    for (const other of made.keys()) if (Math.abs(other - level) < Math.abs(best - level)) best = other;
    return made.get(best);
  };
  const play = async (mine, made) => {
    while (mine === turn && box.isConnected) {
      let late = 0;
      if (isQuiet()) {
        const asked = performance.now();
        const now = await new Promise(requestAnimationFrame);
        if (mine !== turn) return;
        show(nearest(made, SWING[Math.floor(now/STEP_MS) % STEPS]));
        late = performance.now() - asked;
      }
      await after(isQuiet() ? Math.max(STEP_MS - late, 3*late) : 200);
    }
  };
  const restart = async () => {
    const mine = ++turn;
    frames = null;
    screen.hidden = true;
    if (placed !== 0) place(0);
    viewer.setSampling(0);
    if (scene.how !== "move") return;
    await after(300);
    if (mine !== turn) return;
    const made = await prepared(mine, made => play(mine, made));
    if (!made) return;
    frames = made;
    screen.dataset.ready = mine;
  };
  const repaint = () => {
    if (scene) {
      dress();
      restart();
    }
  };

  const start = next => {
    extra.splice(0).forEach(component => stage.removeComponent(component));
    [scene, surface, placed] = [next, null, null];
    if (scene.body) {
      const shape = new NGL.Shape("polarizability"), {position, color, index, normal} = scene.body;
      shape.addMesh(position, color, index, normal);
      surface = shape.bufferList[0];
      add(shape).addRepresentation("buffer", {opacity: 0.5, depthWrite: false, side: "front"});
    }
    if (scene.how === "arrows") add(arrowShape(scene)).addRepresentation("buffer");
    repaint();
  };
  // the pictures of a period, as a message {type, frames: data URLs, order, ms}
  const send = async () => {
    let made = frames;
    if (!made) {
      const mine = ++turn;
      made = await prepared(mine, () => {});
      if (made) restart();
    }
    if (!made) return view.send({type: "bpm-frames", frames: []});
    const urls = LEVELS.map(level => made.get(level).toDataURL("image/png"));
    view.send({type: "bpm-frames", frames: urls, order: SWING.map(level => LEVELS.indexOf(level)), ms: STEP_MS});
  };

  watchPage();
  keepWheel(box);
  stage.setParameters({clipDist: 0, tooltip: false, hoverTimeout: -1});
  stage.viewerControls.signals.changed.add(() => scene?.how === "move" && restart());
  molecule.signals.representationAdded.add(repaint);
  molecule.signals.representationRemoved.add(repaint);
  new ResizeObserver(repaint).observe(box);
  new IntersectionObserver(([entry]) => isSeen = entry.isIntersecting).observe(box);
  new MutationObserver(repaint).observe(document.body, {attributeFilter: ["data-jp-theme-light"]});
  molecule.autoView();
  comeNear(stage, molecule, box);
  return {show: start, send};
}
