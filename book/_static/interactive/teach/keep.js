// What is kept: in this browser, in the zip that the page opens again, and in a link. All of them
// hold what teach.packed makes, and whatever is opened is checked before any of it is used.
(({ bytesOf, teach, SIDE }) => {
  // The most there may be. Drawing and recording keep to it, so that everything can be read again.
  const MOST = (teach.MOST = {
    gestures: 8,
    strokes: 60, // of a gesture, thrown away or not
    name: 24,
    code: 600,
    pictures: 250, // of a film
    films: 6000, // pictures of all films
    events: 1_000_000, // of all strokes
    link: 30_000,
  });
  const LINK = (teach.LINK = "#strokes=");
  const STORE = "teach it yours";
  const PATIENCE = 8000; // ms for the browser to show what it has

  // settings: { seed, without, score }.
  teach.packed = (gestures, settings) => ({
    version: 1,
    ...settings,
    gestures: gestures.map(({ name, nothing, strokes }) => ({
      name,
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

  function readStroke({ code, light, intervals, dropped }) {
    if (code !== undefined) {
      check(isText(code, MOST.code) && /^([\w-]{2})+$/.test(code));
      return { code, dropped: Boolean(dropped) };
    }
    const pictures = intervals.length;
    check(pictures > 1 && pictures <= MOST.pictures);
    check(isText(light, 2 * pictures * SIDE ** 2) && atob(light).length === pictures * SIDE ** 2);
    check(intervals.every((interval) => isNumber(interval, 0, 1e6)));
    return { light, intervals, dropped: Boolean(dropped) };
  }

  // How many pictures films have.
  teach.picturesOf = (gestures) =>
    gestures.flatMap(({ strokes }) => strokes.flatMap(({ intervals }) => intervals ?? [])).length;

  // Throws an error unless it is what teach.packed makes. Returns it, without anything more; of two
  // gestures with one name the second one has a number.
  teach.unpacked = ({ version, seed, without, gestures, score = null }) => {
    check(version === 1 && Number.isInteger(seed) && isNumber(seed, 0, 1e9));
    check(without.every((name) => Object.keys(teach.WITHOUT).includes(name)));
    check(score === null || (Number.isInteger(score) && isNumber(score, 0, 10)));
    for (const { name, strokes } of gestures)
      check(isText(name, MOST.name) && !/\p{Cc}/u.test(name) && strokes.length <= MOST.strokes);
    const names = teach.ownNames(gestures);
    const read = gestures.map(({ nothing, strokes }, place) => ({
      name: names[place],
      nothing: Boolean(nothing),
      strokes: strokes.map(readStroke),
    }));
    const wanted = teach.wanted(read).length;
    check(read.length && read.length - wanted <= 1 && wanted <= MOST.gestures);
    check(teach.picturesOf(read) <= MOST.films);
    return { seed, without, score, gestures: read };
  };

  // Whether a stroke has caused enough events, and no more than there is room for.
  teach.isClear = ({ length }, room = Infinity) =>
    length >= teach.MIN_EVENTS && length <= Math.min(teach.MOST_EVENTS, room);

  // A name that none of some others is, with a number where it has to be.
  teach.ownName = (name, others) => {
    const plain = name.trim() || "gesture";
    let own = plain;
    for (let number = 2; others.includes(own); number++)
      own = `${plain.slice(0, MOST.name - 3)} ${number}`;
    return own;
  };

  teach.ownNames = (gestures) =>
    gestures.reduce((names, { name }) => [...names, teach.ownName(name, names)], []);

  // ---- A link: everything behind the #, which a browser doesn't send ----

  const toLetters = (text) =>
    btoa(String.fromCharCode(...new TextEncoder().encode(text)))
      .replaceAll("+", "-")
      .replaceAll("/", "_")
      .replaceAll("=", "");
  const fromLetters = (letters) =>
    new TextDecoder().decode(bytesOf(letters.replaceAll("-", "+").replaceAll("_", "/")));
  const sumOf = (text) => teach.crcOf(new TextEncoder().encode(text)).toString(16).padStart(8, "0");

  // Strokes of the pad that haven't been thrown away, as texts; gestures without any stay away.
  // Null for too many.
  teach.toHash = ({ gestures, ...settings }) => {
    const codesOf = (gesture) => teach.used(gesture).flatMap(({ code }) => code ?? []);
    const drawn = gestures.filter((gesture) => codesOf(gesture).length);
    const names = drawn.map(({ name, nothing }) => [name, nothing]);
    const about = JSON.stringify({ ...settings, gestures: names });
    const codes = drawn.map((gesture) => codesOf(gesture).join("~"));
    const text = [toLetters(about), ...codes].join(".");
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

  // ---- In this browser: a place for what one has done oneself, and one for each link ----

  const store = idbKeyval.createStore(STORE, STORE);
  const placeOf = (hash) => (hash.startsWith(LINK) ? hash : "own");
  const ASIDE = "set aside ";

  const inTime = (promise) =>
    new Promise((done, failed) => {
      promise.then(done, failed);
      setTimeout(() => failed(new DOMException("no answer", "TimeoutError")), PATIENCE);
    });

  const tabs = window.BroadcastChannel && new BroadcastChannel(STORE);

  // Call act when another tab has kept something at the place of an address.
  teach.whenOtherTabKeeps = (hash, act) =>
    tabs?.addEventListener("message", ({ data }) => data === placeOf(hash) && act());

  // Keep content at the place of an address, unless another tab has since its turn, and return what
  // that one has kept, or null.
  teach.keep = async (content, hash, turn) => {
    let other = null;
    const next = (stored) => {
      other = stored && (stored.turn ?? 0) !== turn ? stored : null;
      return other ?? { ...content, version: 2, hash, turn: turn + 1 };
    };
    await idbKeyval.update(placeOf(hash), next, store);
    if (!other) tabs?.postMessage(placeOf(hash));
    return other;
  };

  // What was kept at the place of an address, as it is.
  teach.kept = (hash) => inTime(idbKeyval.get(placeOf(hash), store));

  // What can't be read, or lost against another tab, stays in this browser for a download.
  teach.setAside = (content) =>
    idbKeyval.set(`${ASIDE}${new Date().toISOString()}`, content, store);

  teach.forget = (place) => idbKeyval.del(place, store);

  // All of that: pairs of its place and content.
  teach.allAside = async () => {
    const entries = await inTime(idbKeyval.entries(store));
    return entries.filter(([place]) => String(place).startsWith(ASIDE));
  };

  const ALTERED = "This link is cut or altered, so nothing of it was opened.";
  const UNREADABLE =
    "What this browser kept can’t be read by this version of the page. It is set aside, and the " +
    "button “download what was set aside” gives it to you.";
  const CLOSED =
    "This browser doesn’t let the page see what was kept, so it begins anew; what is kept stays.";

  // What the page begins with: what was kept at this address, or what its link has brought. Returns
  // { hash, turn, message } and, if there is any, what teach.unpacked returns, and the lesson.
  // closed: why nothing may be kept, since nobody knows what it would replace.
  teach.opening = async (hash) => {
    let linked = null;
    try {
      linked = teach.fromHash(hash);
    } catch {
      return { ...(await teach.opening("")), message: ALTERED };
    }
    const begin = { ...linked, hash, turn: 0, challenge: Boolean(linked) };
    try {
      const stored = await teach.kept(hash);
      return stored ? await begun(begin, stored) : begin;
    } catch (error) {
      return { ...begin, message: CLOSED, closed: error?.name ?? "refused" };
    }
  };

  async function begun(begin, stored) {
    const { packed, turn = 0, lesson, mine, older } = stored;
    try {
      const challenge = begin.challenge && !mine;
      return { ...begin, ...teach.unpacked(packed), turn, lesson, mine, older, challenge };
    } catch {
      await teach.setAside(stored);
      return { ...begin, turn, message: UNREADABLE };
    }
  }
})(interactiveFigures);
