// What the page of gestures draws: pictures of strokes, the pad and voltages.
(({ colour, fontFamily, shared, teach, SIDE }) => {
  // The sum of a stroke's events, in the colour of its gesture: earlier ones lighter.
  teach.drawPicture = (canvas, events, ink) => {
    const { context, width } = shared.begin(canvas);
    const side = width / SIDE;
    const first = events[0][0];
    const last = events.at(-1)[0];
    context.fillStyle = colour(ink);
    for (const [t, x, y] of events) {
      context.globalAlpha = 0.08 + (0.5 * (t - first)) / (last - first + 1);
      context.fillRect(x * side, y * side, side + 0.3, side + 0.3);
    }
    context.globalAlpha = 1;
  };

  // The course of an example over the events of a stroke, both from their middles.
  teach.drawCourse = (canvas, course, stroke, ink) => {
    const context = canvas.getContext("2d");
    const [x, y] = teach.middleOf(stroke).map((place) => place + (stroke.path ? 17 : 0));
    const side = canvas.clientWidth / SIDE;
    const at = (pixels) => side * (pixels + 0.5);
    const places = course.map(([right, down]) => [at(x + right), at(y + down)]);
    shared.drawLine(context, places, colour(ink), 3);
  };

  // What the webcam sees, as grey values.
  teach.drawWebcam = (canvas, picture) => {
    const { context, width } = shared.begin(canvas);
    const side = width / SIDE;
    picture.forEach((value, place) => {
      const grey = Math.round(255 * Math.exp(Math.min(value, 0)));
      context.fillStyle = `rgb(${grey} ${grey} ${grey})`;
      shared.fillPixel(context, place, side, -0.5);
    });
  };

  teach.drawVoltages = (canvas, classes, inks, steps, leader, span) => {
    const lines = classes.map((name, output) => {
      const leads = output === leader;
      return { name, output, leads, ink: inks[output] };
    });
    const { context } = shared.begin(canvas);
    context.font = `600 12px ${fontFamily()}`;
    const margin = 12 + Math.max(0, ...classes.map((name) => context.measureText(name).width));
    shared.drawVoltages(canvas, lines, steps, { span, margin }, (_, { name, leads, ink }, x, y) =>
      shared.write(context, name, x + 6, y, leads ? { fill: ink, weight: 600 } : {}),
    );
  };
})(interactiveFigures);
