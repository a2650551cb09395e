// The webcam as an event camera: its pictures become log intensities of 35 × 35 pixels, in a
// mirror. What moves between two of them becomes events; a gesture is what happens from rest to
// rest.
(({ element, shared, teach, SIDE }) => {
  const DARKEST = 8; // of 255; darker pixels are too noisy for a logarithm
  const MOVING = 10; // pixels: how fast a picture changes is what so many of them exceed
  const ABOVE_USUAL = 2; // as many times as fast as usual: something moves
  const FORGETS = { rest: 0.05, gesture: 0.01 }; // shares of what is usual that a picture changes
  const REST = 300; // ms without that end a gesture
  const LONGEST = 4000; // ms
  const PIECE = 1200; // ms of what isn't a gesture
  const SHORTEST = 150;
  const GAP = 500; // ms between two pictures after which nothing is known
  const SETTLES = 1000; // ms in which it learns what is usual
  const EDGE = 2; // rows at the lower edge
  const EDGE_SHARE = 0.2; // of events, that tells an arm
  const FINE = 4; // pixels, in width and height, that are averaged to one
  const WHOLE = FINE * SIDE;

  // Of a typed array, whose order is lost.
  const median = (values) => values.sort()[values.length >> 1];

  // Sentences for what getUserMedia refuses.
  teach.whyNoCamera = (error) => {
    if (!navigator.mediaDevices)
      return (
        "A browser lends its camera only to pages at an https address or on this " +
        "computer; strokes work all the same."
      );
    const reasons = {
      NotAllowedError:
        "The browser wasn't allowed to use the camera; allow it in the address bar, or " +
        "go on with strokes.",
      NotFoundError: "There is no camera; strokes work without one.",
      NotReadableError: "Another program uses the camera; close it, or go on with strokes.",
    };
    return (
      reasons[error?.name] ??
      `The camera can't be used (${error?.name ?? "it stopped"}); strokes work without it.`
    );
  };

  // Whether an arm has come from below and stays, or goes there: of the events of each picture, how
  // many lie at the lower edge, and how many there are.
  function isArm(counts) {
    const all = counts.reduce((sum, [, number]) => sum + number, 0);
    let gone = 0;
    let first = 0;
    let last = 0;
    for (const [low, number] of counts) {
      if (gone < all / 6) first += low;
      gone += number;
      if (gone > (5 * all) / 6) last += low;
    }
    const arm = (EDGE_SHARE * all) / 6;
    return first > arm !== last > arm;
  }

  // Pictures of log intensities in, gestures out. told: { slow, began, moved, ended, seen }. slow: how
  // many times slower the webcam's time is than the scene's. began(gesture), moved(picture, µs) and
  // ended(gesture, whether it is an arm) are called of each gesture, whose pictures and intervals are
  // a stroke's; seen(events, µs) of each picture.
  teach.MotionWatch = class {
    last = null;
    gesture = null;
    usual = 0.1;
    all = false; // whether everything is cut into pieces, be it a gesture or not
    ready = false; // what moves first, after it was switched on, isn't a gesture
    camera = new shared.EventCamera(teach.WEBCAM, SIDE, SIDE, null);

    constructor(told) {
      Object.assign(this, told);
    }

    watch(raw, now) {
      const { last } = this;
      const elapsed = now - this.time;
      this.time = now;
      this.last = raw.slice();
      this.started ??= this.rested ??= now;
      if (!last || elapsed > GAP) return this.look(raw); // the first one, or the tab was hidden
      const changes = raw.map((value, place) => value - last[place]);
      const common = median(changes.slice()); // the light flickers, or the webcam has adapted to it
      const sizes = changes.map((change) => Math.abs(change - common));
      const fast = sizes.sort().at(-MOVING);
      const moving =
        this.all || fast > Math.max(teach.WEBCAM.on_threshold, ABOVE_USUAL * this.usual);
      if (moving) this.rested = now;
      this.ready ||= now - this.started > SETTLES && now - this.rested > REST;
      const before = this.picture;
      this.picture = before.map((value, place) =>
        this.shown(value, changes[place] - common, raw[place]),
      );
      this.usual += FORGETS[this.gesture ? "gesture" : "rest"] * (fast - this.usual);
      const interval = (1000 * elapsed) / this.slow;
      const events = this.camera.film(this.picture, interval);
      this.seen(events, interval);
      const goesOn = moving && (this.ready || this.all);
      if (goesOn && !this.gesture) this.begin(before, now);
      if (this.gesture) this.goOn(events, interval, goesOn, now);
    }

    // What a pixel shows after a change: noise, and whoever moves behind, change it no more than
    // usual.
    shown(value, change, raw) {
      const seen = Math.sign(change) * Math.max(Math.abs(change) - this.usual, 0);
      return value + seen + (this.gesture ? 0 : FORGETS.rest * (raw - value));
    }

    look(raw) {
      this.cut();
      this.picture = raw.slice();
      this.camera.start(raw, 0);
    }

    begin(last, now) {
      this.gesture = { pictures: [last], intervals: [0], counts: [], since: now, moved: now };
      this.began(this.gesture);
    }

    goOn(events, interval, goesOn, now) {
      const { gesture } = this;
      gesture.pictures.push(this.picture);
      gesture.intervals.push(interval);
      const low = events.filter(([, , y]) => y >= SIDE - EDGE).length;
      gesture.counts.push([low, events.length]);
      this.moved(this.picture, interval);
      if (goesOn) [gesture.moved, gesture.length] = [now, gesture.pictures.length];
      const rests = now - gesture.moved > REST;
      const long = now - gesture.since > (this.all ? PIECE : LONGEST);
      if (rests || long || gesture.pictures.length === teach.MOST.pictures) this.end();
    }

    // End what goes on.
    cut() {
      if (this.gesture) this.end();
    }

    end() {
      const { pictures, intervals, counts, length, since, moved } = this.gesture;
      this.gesture = null;
      for (const list of [pictures, intervals, counts]) list.length = length; // without the rest
      const arm = !this.all && isArm(counts);
      this.ended(moved - since < SHORTEST || arm ? null : { pictures, intervals }, arm);
    }
  };

  // A picture of a video: the square in its middle, in a mirror, as log intensities from 0 (white)
  // down.
  function pictureOf(video, context) {
    const { videoWidth, videoHeight } = video;
    const side = Math.min(videoWidth, videoHeight);
    const left = (videoWidth - side) / 2;
    const top = (videoHeight - side) / 2;
    context.setTransform(-1, 0, 0, 1, WHOLE, 0);
    context.drawImage(video, left, top, side, side, 0, 0, WHOLE, WHOLE);
    const { data } = context.getImageData(0, 0, WHOLE, WHOLE);
    const grey = new Float32Array(SIDE ** 2);
    for (let place = 0; place < data.length; place += 4) {
      const x = (place / 4) % WHOLE;
      const y = Math.floor(place / 4 / WHOLE);
      grey[Math.floor(y / FINE) * SIDE + Math.floor(x / FINE)] +=
        (0.3 * data[place] + 0.59 * data[place + 1] + 0.11 * data[place + 2]) / FINE ** 2;
    }
    return grey.map((value) => Math.log((value + DARKEST) / (255 + DARKEST)));
  }

  // Give each picture of the webcam, and its time in ms, to deliver until stop is called; lost is
  // called where the camera goes away by itself. Returns { stop, opened, picture }, of which opened
  // is fulfilled when the first picture may come.
  teach.openWebcam = (deliver, lost) => {
    let on = true;
    let tracks = [];
    const stop = () => {
      on = false;
      for (const track of tracks) track.stop();
    };
    const open = async () => {
      const stream = await navigator.mediaDevices.getUserMedia({
        video: { width: { ideal: 320 }, height: { ideal: 240 }, frameRate: { ideal: 60 } },
      });
      tracks = stream.getTracks();
      if (!on) return stop();
      const video = element("video", { srcObject: stream, muted: true, playsInline: true });
      const canvas = element("canvas", { width: WHOLE, height: WHOLE });
      const context = canvas.getContext("2d", { willReadFrequently: true });
      tracks[0].onended = () => {
        stop();
        lost();
      };
      await video.play();
      video.requestVideoFrameCallback(function take(now) {
        if (!on) return;
        deliver(pictureOf(video, context), now);
        video.requestVideoFrameCallback(take);
      });
    };
    const opened = open().catch((error) => {
      stop();
      throw error;
    });
    return { stop, opened, picture: null };
  };
})(interactiveFigures);
