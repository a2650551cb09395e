// The cloud of events, drawn by Plotly: a mouse turns it, and so do two sliders.
(({
  kinds,
  load,
  element,
  colour,
  fontFamily,
  whenThemeChanges,
  oncePerImage,
  addSliders,
  addRow,
}) => {
  const SLIDERS = {
    turn: { label: "turn", unit: "°", lowest: -180, highest: 180, step: 5, start: -65 },
    tilt: { label: "tilt", unit: "°", lowest: -85, highest: 85, step: 5, start: 20 },
  };
  const DEGREE = Math.PI / 180;

  function unpack({ t, x, y }) {
    const numbers = (text) => {
      const bytes = new DataView(
        Uint8Array.from(atob(text), (character) => character.charCodeAt(0)).buffer,
      );
      return Array.from({ length: bytes.byteLength / 2 }, (_, event) =>
        bytes.getUint16(2 * event, true),
      );
    };
    return { t: numbers(t).map((time) => time / 1000), x: numbers(x), y: numbers(y) }; // t in ms
  }

  function points(name, symbol, events) {
    return {
      type: "scatter3d",
      mode: "markers",
      name: `${name}: ${events.t.length} events`,
      x: events.t,
      y: events.x,
      z: events.y,
      marker: { size: 1.2, symbol, color: colour(name), opacity: 0.8, line: { width: 0 } },
      hovertemplate: `${name}<br>%{x:.2f} ms<br>x %{y}, y %{z}<extra></extra>`,
    };
  }

  function eye({ turn, tilt }, distance) {
    const across = distance * Math.cos(tilt * DEGREE);
    return {
      x: across * Math.cos(turn * DEGREE),
      y: across * Math.sin(turn * DEGREE),
      z: distance * Math.sin(tilt * DEGREE),
    };
  }

  function angles({ x, y, z }) {
    return { turn: Math.atan2(y, x) / DEGREE, tilt: Math.atan2(z, Math.hypot(x, y)) / DEGREE };
  }

  function cloudLayout([width, height], view) {
    const axis = (title, more) => ({
      title: { text: title },
      gridcolor: colour("grid"),
      zerolinecolor: colour("grid"),
      showspikes: false,
      nticks: 5,
      ...more,
    });
    const font = { color: colour("text"), size: 13, family: fontFamily() };
    return {
      margin: { l: 0, r: 0, t: 0, b: 0 },
      paper_bgcolor: "rgba(0,0,0,0)",
      font,
      legend: { x: 0, y: 1, itemsizing: "constant", bgcolor: "rgba(0,0,0,0)" },
      hoverlabel: { bgcolor: colour("background"), font },
      scene: {
        xaxis: axis("time (ms)", { rangemode: "tozero" }),
        yaxis: axis("x (pixel)", { range: [0, width] }),
        zaxis: axis("y (pixel)", { range: [height, 0] }),
        aspectmode: "manual",
        aspectratio: { x: 1.7, y: 1, z: height / width },
        camera: { eye: view, center: { x: 0, y: 0, z: -0.12 } },
      },
    };
  }

  kinds["event-cloud"] = async ({ recordings, sensor_size }, controls, drawing) => {
    if (!document.createElement("canvas").getContext("webgl")) return null;
    const classes = Object.keys(recordings);
    await load("vendor/plotly-gl3d.min.js");
    const { Plotly } = window;
    const chosen = element("select", {}, ...classes.map((name) => new Option(name)));
    const number = element("select");
    chosen.value = classes.at(-1);
    addRow(
      controls,
      element("label", {}, "Class ", chosen),
      element("label", {}, "Recording ", number),
    );

    const distance = drawing.clientWidth < 500 ? 3.9 : 2.45; // the whole box and its labels fit
    let view; // where the eye is, as the sliders or the mouse have put it
    let awake = true;
    const draw = async () => {
      if (!awake) return;
      const { ON, OFF } = recordings[chosen.value][number.value - 1];
      const traces = [points("ON", "circle", unpack(ON)), points("OFF", "square", unpack(OFF))];
      const options = { displayModeBar: false, responsive: true, scrollZoom: false };
      await Plotly.react(drawing, traces, cloudLayout(sensor_size, view), options);
      drawing.removeAllListeners("plotly_relayout");
      drawing.on("plotly_relayout", follow);
    };
    const turn = oncePerImage(
      () => awake && Plotly.relayout(drawing, { "scene.camera.eye": view }),
    );
    function follow(change) {
      const camera = change["scene.camera"]; // there only if the mouse has moved it
      if (!camera) return;
      view = camera.eye;
      for (const [name, angle] of Object.entries(angles(view))) set(name, angle);
    }
    const { values, set } = addSliders(controls, SLIDERS, () => {
      view = eye(values(), Math.hypot(view.x, view.y, view.z));
      turn();
    });
    view = eye(values(), distance);
    chosen.onchange = () => {
      number.replaceChildren(...recordings[chosen.value].map((_, index) => new Option(index + 1)));
      return draw();
    };
    number.onchange = draw;
    whenThemeChanges(draw);
    // The wheel and a finger scroll the page. Plotly would keep both for itself.
    for (const type of ["wheel", "touchstart", "touchmove", "touchend"]) {
      drawing.addEventListener(type, (event) => event.stopPropagation(), {
        capture: true,
        passive: true,
      });
    }
    await chosen.onchange();
    // Plotly draws sixty images per second, so it lives only as long as its drawing is in sight.
    new IntersectionObserver(([entry]) => {
      if (awake && !entry.isIntersecting) Plotly.purge(drawing);
      const wakes = entry.isIntersecting && !awake;
      awake = entry.isIntersecting;
      if (wakes) draw();
    }).observe(drawing);
    return {};
  };
})(window.interactiveFigures);
