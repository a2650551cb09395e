// What is kept: in this browser, in the zip that the page opens again, and in a link. All of them
// hold what teach.packed makes, and whatever is opened is checked before any of it is used.
(({ teach, SIDE }) => {
  const MOST = { gestures: 7, strokes: 60, name: 24, code: 600, pictures: 250, link: 30_000 };
  const LINK = (teach.LINK = "#strokes=");
  const STORE = "teach it yours";

  // settings: { seed, without, knobs }.
  teach.packed = (gestures, settings) => ({
    version: 1,
    ...settings,
    gestures: gestures.map(({ name, nothing, strokes }) => ({
      name: name.trim(),
      nothing: Boolean(nothing),
      strokes: strokes.map(({ code, light, intervals, dropped }) => ({
        ...(code ? { code } : { light, intervals }),
        dropped: Boolean(dropped),
      })),
    })),
  });

  function check(whether) {
    if (!whether) throw new RangeError("not of this page");
  }

  const isNumber = (value, lowest, highest) =>
    Number.isFinite(value) && value >= lowest && value <= highest;
  const isText = (text, most) => typeof text === "string" && text.length <= most;

  function checkStroke({ code, light, intervals }) {
    if (code !== undefined) return check(isText(code, MOST.code) && /^([\w-]{2})+$/.test(code));
    const pictures = intervals.length;
    check(pictures > 1 && pictures <= MOST.pictures && atob(light).length === pictures * SIDE ** 2);
    check(intervals.every((interval) => isNumber(interval, 0, 1e6)));
  }

  // Throws an error unless it is what teach.packed makes. Returns it, with strokes that can be
  // filmed.
  teach.unpacked = (content) => {
    const { version, seed, without, knobs, gestures } = content;
    check(
      version === 1 &&
        Number.isInteger(seed) &&
        isNumber(seed, 0, 1e9) &&
        without.every((name) => name in teach.WITHOUT),
    );
    check(
      Object.entries(teach.KNOBS).every(
        ([name, { lowest, highest, step }]) =>
          isNumber(knobs[name], lowest, highest) && (step < 1 || knobs[name] % step === 0),
      ),
    );
    check(gestures.length > 0 && gestures.length <= MOST.gestures);
    return {
      seed,
      without,
      knobs,
      gestures: gestures.map(({ name, nothing, strokes }) => {
        check(isText(name, MOST.name) && !/\p{Cc}/u.test(name) && strokes.length <= MOST.strokes);
        strokes.forEach(checkStroke);
        return {
          name,
          nothing: Boolean(nothing),
          strokes: strokes.map(({ dropped, ...record }) => ({
            ...teach.toStroke(record),
            dropped: Boolean(dropped),
          })),
        };
      }),
    };
  };

  // ---- A link: everything behind the #, which a browser doesn't send ----

  const toLetters = (text) =>
    btoa(String.fromCharCode(...new TextEncoder().encode(text)))
      .replaceAll("+", "-")
      .replaceAll("/", "_")
      .replaceAll("=", "");
  const fromLetters = (letters) =>
    new TextDecoder().decode(
      Uint8Array.from(atob(letters.replaceAll("-", "+").replaceAll("_", "/")), (byte) =>
        byte.charCodeAt(0),
      ),
    );
  const sumOf = (text) => teach.crcOf(new TextEncoder().encode(text)).toString(16).padStart(8, "0");

  // Strokes of the pad that haven't been thrown away, as texts; gestures without any stay away.
  // Null for too many.
  teach.toHash = ({ gestures, ...settings }) => {
    const drawn = gestures
      .map((gesture) => ({
        ...gesture,
        codes: gesture.strokes.flatMap(({ code, dropped }) => (code && !dropped ? [code] : [])),
      }))
      .filter(({ codes }) => codes.length);
    const about = JSON.stringify({
      ...settings,
      gestures: drawn.map(({ name, nothing }) => [name, nothing]),
    });
    const text = [toLetters(about), ...drawn.map(({ codes }) => codes.join("~"))].join(".");
    const hash = `${LINK}${sumOf(text)}.${text}`;
    return hash.length <= MOST.link ? hash : null;
  };

  // What a link has brought; null for an address without any.
  teach.fromHash = (hash) => {
    if (!hash.startsWith(LINK)) return null;
    check(hash.length <= MOST.link);
    const [sum, ...parts] = hash.slice(LINK.length).split(".");
    check(sum === sumOf(parts.join(".")));
    const about = JSON.parse(fromLetters(parts[0]));
    check(about.gestures.length === parts.length - 1);
    const gestures = about.gestures.map(([name, nothing], number) => ({
      name,
      nothing,
      strokes: parts[number + 1].split("~").map((code) => ({ code })),
    }));
    return teach.unpacked({ ...about, gestures });
  };

  // ---- In this browser: what one has done oneself, and what one has done to the last link ----

  const store = window.idbKeyval.createStore(STORE, STORE);
  const placeOf = (hash) => (hash.startsWith(LINK) ? "of a link" : "own");
  teach.keep = (content, hash) => window.idbKeyval.set(placeOf(hash), { ...content, hash }, store);

  // What was kept of the page at this address; undefined where nothing was.
  teach.restore = async (hash) => {
    const content = await window.idbKeyval.get(placeOf(hash), store);
    return content && (placeOf(hash) === "own" || content.hash === hash)
      ? { ...content, ...teach.unpacked(content.packed) }
      : undefined;
  };

  const ALTERED = "This link is cut or altered, so nothing of it was opened.";

  // What the page begins with: what was kept at this address, or what its link has brought. Returns
  // { hash, message } and, if there is any, what teach.unpacked returns.
  teach.opening = async (hash) => {
    let linked = null;
    try {
      linked = teach.fromHash(hash);
    } catch {
      return { ...(await teach.opening("")), message: ALTERED };
    }
    // Without a store, or with one of another version, the page begins anew.
    const stored = await teach.restore(hash).catch(() => null);
    const about =
      "These strokes came by a link: press “train” for the same network, or change " +
      "them; your own are kept.";
    return stored ? { ...stored, hash } : { ...linked, hash, message: linked && about };
  };
})(window.interactiveFigures);
