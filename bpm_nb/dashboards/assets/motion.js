// Play one period of a motion over and over, and let the ellipsoid of the polarizability swing with it.
//   view    nglview's view, whose first component is the molecule
//   frames  one list of coordinates (x, y, z of each atom, Å) for each step of the period; one step stands still
//   body    mesh of the ellipsoid, {position, color, index, normal, change}, or null
function playMotion(view, {frames, body}) {
  clearInterval(view.bpm);
  const molecule = view.stage.compList[0];
  if (view.bpmBody) view.stage.removeComponent(view.bpmBody);
  view.bpmBody = null;
  let surface = null;
  if (body) {
    const shape = new NGL.Shape("polarizability");
    shape.addMesh(body.position, body.color, body.index, body.normal);
    surface = shape.bufferList[0];
    view.bpmBody = view.stage.addComponentFromObject(shape);
    view.bpmBody.addRepresentation("buffer", {opacity: 0.5, depthWrite: false, side: "front"});
  }
  let k = 0;
  const step = () => {
    const swing = Math.sin(2*Math.PI*k/frames.length);
    if (surface)
      surface.setAttributes({position: Float32Array.from(body.position, (x, i) => x + swing*body.change[i])});
    molecule.structure.updatePosition(new Float32Array(frames[k++ % frames.length]));
    molecule.updateRepresentations({position: true});
  };
  step();
  if (!molecule.bpm) {
    molecule.bpm = true;
    view.stage.setParameters({clipDist: 0});
    molecule.autoView();
  }
  if (frames.length > 1) view.bpm = setInterval(step, 50);
}
