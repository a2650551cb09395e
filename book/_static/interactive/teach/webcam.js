// The webcam as an event camera: its pictures become log intensities of 35 × 35 pixels, in a mirror.
// What moves between two of them becomes events; a gesture is what happens from rest to rest.
(({ shared, teach, SIDE }) => {
  const DARKEST = 8; // of 255; darker pixels are too noisy for a logarithm
  const LEAST = 0.12; // threshold, in log intensity
  const ABOVE_NOISE = 6; // thresholds are as many times what pixels change by at rest
  const MOVING = 10; // pixels with events in a picture: something moves
  const REST = 300; // ms without that end a gesture
  const LONGEST = 4000; // ms
  const SHORTEST = 150;
  const GAP = 500; // ms between two pictures after which nothing is known
  const FINE = 4; // pixels, in width and height, that are averaged to one

  const median = (values) => values.sort()[values.length >> 1]; // of a typed array, whose order is lost

  // Sentences for what getUserMedia refuses.
  teach.whyNoCamera = (error) => {
    if (!window.isSecureContext || !navigator.mediaDevices) return "A browser lends its camera only to pages at an https address or on this computer; strokes work all the same.";
    const reasons = {
      NotAllowedError: "The browser wasn't allowed to use the camera; allow it in the address bar, or go on with strokes.",
      NotFoundError: "There is no camera; strokes work without one.",
      NotReadableError: "Another program uses the camera; close it, or go on with strokes.",
    };
    return reasons[error?.name] ?? `The camera can't be used (${error?.name ?? "it stopped"}); strokes work without it.`;
  };

  // Pictures of log intensities in, gestures out. slow: how many times slower the webcam's time is
  // than the scene's. began(gesture), moved(picture, µs) and ended(gesture) are called of each gesture,
  // whose pictures and intervals are a stroke's; seen(events, µs) of each picture.
  teach.MotionWatch = class {
    constructor({ slow, began, moved, ended, seen }) {
      Object.assign(this, { slow, began, moved, ended, seen, noise: 0.02, drift: 0, picture: null, gesture: null });
      this.camera = new shared.EventCamera(this.settings, SIDE, SIDE, null);
    }

    get settings() {
      const threshold = Math.max(LEAST, ABOVE_NOISE * this.noise);
      return {
        on_threshold: threshold, off_threshold: threshold, mismatch: 0, tau_bright: 0, tau_dark: 0, refractory_period_us: 0,
        timestamp_jitter_us: 0, noise_rate_hz: 0, leak_rate: 0,
      };
    }

    watch(raw, now) {
      const [last, elapsed] = [this.picture, now - this.time];
      this.time = now;
      if (!last || elapsed > GAP) return this.look(raw); // the first picture, or the tab was hidden
      const changes = raw.map((value, place) => value - this.drift - last[place]);
      const common = median(changes.slice()); // the light flickers, or the webcam has adapted to it
      this.drift += common;
      this.picture = raw.map((value) => value - this.drift);
      const interval = (1000 * elapsed) / this.slow;
      const events = this.camera.film(this.picture, interval);
      this.seen(events, interval);
      const moving = new Set(events.map(([, x, y]) => y * SIDE + x)).size >= MOVING;
      if (moving && !this.gesture) this.begin(last, now);
      if (this.gesture) this.goOn(interval, moving, now);
      else this.adapt(median(changes.map((change) => Math.abs(change - common))));
    }

    look(raw) {
      if (this.gesture) this.end();
      [this.drift, this.picture] = [0, raw.slice()];
      this.camera.start(raw, 0);
    }

    // At rest, what changes is noise.
    adapt(noise) {
      this.noise += 0.05 * (noise - this.noise);
      const { on_threshold: threshold } = this.settings;
      this.camera.on.fill(threshold);
      this.camera.off.fill(threshold);
    }

    begin(last, now) {
      this.gesture = { pictures: [last], intervals: [0], camera: this.settings, since: now };
      this.began(this.gesture);
    }

    goOn(interval, moving, now) {
      const { gesture } = this;
      gesture.pictures.push(this.picture);
      gesture.intervals.push(interval);
      this.moved(this.picture, interval);
      if (moving) [gesture.moved, gesture.length] = [now, gesture.pictures.length];
      if (now - gesture.moved > REST || now - gesture.since > LONGEST) this.end();
    }

    // End what goes on.
    cut() { if (this.gesture) this.end(); }

    end() {
      const { pictures, intervals, camera, length, since, moved } = this.gesture;
      this.gesture = null;
      const whole = { pictures: pictures.slice(0, length), intervals: intervals.slice(0, length), camera };
      this.ended(moved - since < SHORTEST ? null : whole);
    }
  };

  // A picture of a video: the square in its middle, in a mirror, as log intensities from 0 (white) down.
  function pictureOf(video, context) {
    const side = Math.min(video.videoWidth, video.videoHeight);
    context.setTransform(-1, 0, 0, 1, FINE * SIDE, 0);
    context.drawImage(video, (video.videoWidth - side) / 2, (video.videoHeight - side) / 2, side, side, 0, 0, FINE * SIDE, FINE * SIDE);
    const { data } = context.getImageData(0, 0, FINE * SIDE, FINE * SIDE);
    const grey = new Float32Array(SIDE ** 2);
    for (let place = 0; place < data.length; place += 4) {
      const [x, y] = [(place / 4) % (FINE * SIDE), Math.floor(place / 4 / (FINE * SIDE))];
      grey[Math.floor(y / FINE) * SIDE + Math.floor(x / FINE)] += (0.3 * data[place] + 0.59 * data[place + 1] + 0.11 * data[place + 2]) / FINE ** 2;
    }
    return grey.map((value) => Math.log((value + DARKEST) / (255 + DARKEST)));
  }

  // Give each picture of the webcam, and its time in ms, to deliver until stop is called. lost is
  // called where the camera goes away by itself.
  teach.openWebcam = async (deliver, lost) => {
    const stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 320 }, height: { ideal: 240 }, frameRate: { ideal: 60 } } });
    const video = Object.assign(document.createElement("video"), { srcObject: stream, muted: true, playsInline: true });
    await video.play();
    const canvas = Object.assign(document.createElement("canvas"), { width: FINE * SIDE, height: FINE * SIDE });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    let on = true;
    video.requestVideoFrameCallback(function take(now) {
      if (!on) return;
      deliver(pictureOf(video, context), now);
      video.requestVideoFrameCallback(take);
    });
    stream.getVideoTracks()[0].onended = () => { on = false; lost(); };
    return () => {
      on = false;
      for (const track of stream.getTracks()) track.stop();
    };
  };
})(window.interactiveFigures);
