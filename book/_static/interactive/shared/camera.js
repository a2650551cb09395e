// The event camera of pokersnn_helpers/simulation/camera.py. Without its random parts it sends the
// same events; those it draws for itself.
interactiveFigures.part(({ shared, clamp }) => {
  // The share of a change that a photoreceptor follows in a frame, by its log intensity from 0 to
  // −1 in STEPS steps; null for one that follows at once.
  const STEPS = 1024;
  function responses({ tau_bright, tau_dark }, interval) {
    if (!tau_bright && !tau_dark) return null;
    const tau = (step) =>
      Math.max(tau_bright + (tau_dark - tau_bright) * Math.min(step / STEPS, 1), 1e-9);
    return Float32Array.from(
      { length: STEPS + 2 },
      (_, step) => -Math.expm1(-interval / tau(step)),
    );
  }

  // Between two steps the share is a straight line, to within 1e-7.
  function at(response, light) {
    const place = STEPS * clamp(-light, 0, 1);
    const step = Math.trunc(place);
    return response[step] + (place - step) * (response[step + 1] - response[step]);
  }

  // Standard normal numbers from numbers between 0 and 1, by Box and Muller. Browsers may differ in
  // the last bit of a logarithm or a cosine: rounded, they are the same.
  shared.normalFrom = (random) => () =>
    Math.fround(Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()));

  shared.shuffle = (list, random) => {
    for (let last = list.length - 1; last > 0; last--) {
      const other = Math.floor((last + 1) * random());
      [list[last], list[other]] = [list[other], list[last]];
    }
    return list;
  };

  // random: numbers from 0 to 1, or null for a camera without mismatch, jitter and noise whose
  // references start in the middle between the thresholds. Ties of time stamps are left out: the
  // network's bins of 1 ms don't see them.
  shared.EventCamera = class {
    constructor(settings, width, height, random) {
      Object.assign(this, { settings, width, height, random });
      const size = width * height;
      const normal = shared.normalFrom(random);
      const share = () => (random ? Math.max(1 + settings.mismatch * normal(), 0.3) : 1);
      this.off = Float32Array.from({ length: size }, () => settings.off_threshold * share());
      this.on = Float32Array.from({ length: size }, () => settings.on_threshold * share());
      this.light = new Float32Array(size); // what the photoreceptors report
      this.reference = new Float32Array(size);
      this.refractoryUntil = new Float64Array(size); // µs
    }

    // Begin with a first frame at a time in µs: the camera has watched it for long.
    start(frame, time) {
      this.time = time;
      this.waiting = []; // events whose late time stamps lie in the next frame
      this.light.set(frame);
      this.refractoryUntil.fill(time);
      for (let pixel = 0; pixel < frame.length; pixel++) {
        const off = this.off[pixel];
        const on = this.on[pixel];
        this.reference[pixel] =
          frame[pixel] + off - (this.random ? this.random() : 0.5) * (off + on);
      }
    }

    // Film the next frame, after so many µs. Returns its events [t, x, y, p] in order of time.
    film(frame, interval) {
      const { light, reference, refractoryUntil, on, off, settings, width } = this;
      const { leak_rate, refractory_period_us: period } = settings;
      const response = (this.response ??= responses(settings, interval));
      const now = this.time;
      const end = this.time + interval;
      const leak = leak_rate * interval * 1e-6;
      const most = 1 + interval / Math.max(period, 1e-6);
      const events = this.waiting;
      for (let pixel = 0; pixel < frame.length; pixel++) {
        const before = light[pixel];
        let after = frame[pixel];
        if (response && after !== before)
          after = Math.fround(before + (after - before) * at(response, before));
        light[pixel] = after;
        reference[pixel] -= leak;
        if (refractoryUntil[pixel] >= end) reference[pixel] = after; // held in reset all the while
        const change = Math.fround(after - reference[pixel]);
        const threshold = change > 0 ? on[pixel] : off[pixel];
        if (change < threshold && change > -threshold) continue;
        const crossings = Math.floor(Math.min(Math.fround(Math.abs(change) / threshold), most));
        const sign = Math.sign(change);
        const start = reference[pixel];
        const speed = Math.max(sign * Math.fround(after - before), 1e-9);
        let time = 0;
        for (let nth = 0; nth < crossings; nth++) {
          const level = start + (nth + 1) * sign * threshold;
          const ahead = Math.max(sign * (level - before), 0);
          const crossed = now + interval * Math.min(ahead / speed, 1);
          const earliest = nth ? time + period : refractoryUntil[pixel];
          const next = period ? Math.max(crossed, earliest) : crossed;
          if (period && next > end) break; // it waits for the next frame
          time = next;
          reference[pixel] = level;
          refractoryUntil[pixel] = time + period;
          events.push([time, pixel % width, Math.floor(pixel / width), sign > 0 ? 1 : 0]);
        }
      }
      this.time = end;
      return this.readOut(events, interval);
    }

    // Add noise and late time stamps, and put events in order.
    readOut(events, interval) {
      const { random, settings, width, height } = this;
      if (random) {
        const expected = settings.noise_rate_hz * interval * 1e-6 * width * height;
        for (let sum = -Math.log(1 - random()); sum < expected; sum -= Math.log(1 - random())) {
          const place = [Math.floor(width * random()), Math.floor(height * random())];
          events.push([this.time - interval * random(), ...place, random() < 0.5 ? 0 : 1]);
        }
        for (const event of events) {
          if (!event.late) event[0] += settings.timestamp_jitter_us * random();
          event.late = true;
        }
      }
      for (const event of events) event[0] = Math.floor(event[0]);
      events.sort((one, other) => one[0] - other[0]);
      const passed = events.findIndex(([time]) => time >= this.time);
      this.waiting = passed < 0 ? [] : events.splice(passed);
      return events;
    }
  };
});
