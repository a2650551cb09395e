// What leaves the page: strokes as a zip of CSV files, and the trained network as a checkpoint that
// load_checkpoint of pokersnn_helpers reads.
(() => {
  const teach = (window.interactiveFigures.teach ??= {});
  const utf8 = new TextEncoder();

  // Bytes of numbers: each [value, its size in bytes], little endian.
  function bytesOf(...numbers) {
    return numbers.flatMap(([value, size]) => Array.from({ length: size }, (_, byte) => Math.floor(value / 2 ** (8 * byte)) & 255));
  }

  const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
    for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
    return byte;
  });

  // A zip archive of { name: text or bytes }, not compressed (APPNOTE.TXT of PKWARE, 4.3).
  teach.zip = (files) => {
    const [bodies, directory] = [[], []];
    let [place, listed] = [0, 0];
    for (const [name, content] of Object.entries(files)) {
      const data = typeof content === "string" ? utf8.encode(content) : content;
      const title = utf8.encode(name);
      let crc = -1;
      for (const byte of data) crc = CRC[(crc ^ byte) & 255] ^ (crc >>> 8);
      const about = bytesOf([20, 2], [0x800, 2], [0, 2], [0, 2], [0x21, 2], [~crc >>> 0, 4], [data.length, 4], [data.length, 4], [title.length, 2], [0, 2]);
      bodies.push(Uint8Array.from([...bytesOf([0x04034b50, 4]), ...about, ...title]), data);
      directory.push(Uint8Array.from([...bytesOf([0x02014b50, 4], [20, 2]), ...about, ...bytesOf([0, 2], [0, 2], [0, 2], [0, 4], [place, 4]), ...title]));
      place += 30 + title.length + data.length;
      listed += 46 + title.length;
    }
    const count = directory.length;
    const end = bytesOf([0x06054b50, 4], [0, 2], [0, 2], [count, 2], [count, 2], [listed, 4], [place, 4], [0, 2]);
    return new Blob([...bodies, ...directory, Uint8Array.from(end)], { type: "application/zip" });
  };

  // ---- PyTorch's file: a zip with a pickle that refers to tensors' numbers in other files ----

  const global = (module, name) => [...utf8.encode(`c${module}\n${name}\n`)];
  const text = (value) => ["X".charCodeAt(0), ...bytesOf([utf8.encode(value).length, 4]), ...utf8.encode(value)];
  const whole = (value) => ["J".charCodeAt(0), ...bytesOf([value, 4])];
  const among = (begin, items, end) => [...utf8.encode(begin), ...items.flat(), ...utf8.encode(end)];
  const tuple = (items) => among("(", items, "t");

  // A number that isn't an integer, or an object { real: number } for one that is: as float.
  function real(value) {
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, value);
    return ["G".charCodeAt(0), ...new Uint8Array(view.buffer)];
  }

  function pickled(value) {
    if (value instanceof Tensor) return value.pickled();
    if (typeof value === "string") return text(value);
    if (typeof value === "boolean") return [value ? 0x88 : 0x89];
    if (typeof value === "number") return Number.isInteger(value) ? whole(value) : real(value);
    if (Array.isArray(value)) return tuple(value.map(pickled));
    return among("}(", Object.entries(value).flatMap(([key, item]) => [text(key), pickled(item)]), "u");
  }

  // Rows of a matrix in single precision; a vector has one row and no second dimension.
  class Tensor {
    constructor(numbers, ...shape) {
      Object.assign(this, { numbers: Float32Array.from(numbers), shape });
    }

    pickled() {
      const { shape, key, numbers } = this;
      const strides = shape.length > 1 ? [shape[1], 1] : [1];
      const storage = tuple([text("storage"), global("torch", "FloatStorage"), text(`${key}`), text("cpu"), whole(numbers.length)]);
      const empty = [...global("collections", "OrderedDict"), ...utf8.encode(")R")];
      return [...global("torch._utils", "_rebuild_tensor_v2"), ...tuple([[...storage, "Q".charCodeAt(0)], whole(0), tuple(shape.map(whole)), tuple(strides.map(whole)), [0x89], empty]), "R".charCodeAt(0)];
    }
  }

  // Weights of a row per input, as they are here, to a row per output, as PyTorch has them.
  function transposed(weights, inputs, outputs) {
    return new Tensor(Float64Array.from(weights, (_, place) => weights[(place % inputs) * outputs + Math.floor(place / inputs)]), outputs, inputs);
  }

  // The checkpoint of a SpikingNetwork: pokersnn_helpers/checkpoints.py.
  teach.checkpoint = (network, classes) => {
    const { weights, pixels, features, hidden, outputs, delays, recurrence } = network;
    const { timeWindow, settle } = teach.NETWORK;
    const recurrent = recurrence ? weights.recurrent : weights.recurrent.map(() => 0);
    const tensors = {
      "snn.inputs.weight": transposed(weights.layer, pixels, features),
      "snn.inputs.bias": new Tensor(weights.bias, features),
      "snn.snn.lif0.input_weights": transposed(weights.input, delays.length * features, hidden),
      "snn.snn.lif0.recurrent_weights": transposed(recurrent, hidden, hidden),
      "snn.snn.linear.weight": transposed(weights.readout, hidden, outputs),
    };
    Object.values(tensors).forEach((tensor, key) => { tensor.key = key; });
    const sensor = [35, 35, 1];
    const content = {
      format: "pokersnn_helpers checkpoint 2", network: "LayerThenSNN",
      arguments: { sensor_size: sensor, output_size: outputs, dt: timeWindow / 1e6, features, delays: delays.map((steps) => (steps * timeWindow) / 1e6), hidden_size: hidden },
      classes, sensor_size: sensor, settle: settle / 1e6, default_decode: true, frozen: [], weights: tensors,
    };
    const files = { "archive/data.pkl": Uint8Array.from([0x80, 2, ...pickled(content), ".".charCodeAt(0)]), "archive/byteorder": "little", "archive/version": "3\n" };
    for (const { key, numbers } of Object.values(tensors)) files[`archive/data/${key}`] = new Uint8Array(numbers.buffer);
    return teach.zip(files);
  };

  // ---- Strokes ----

  const README = `Strokes from the page "Teach it yours": a folder per gesture, a CSV file per stroke.
Times are in microseconds, polarities are merged, and the camera has 35 x 35 pixels.
  pip install git+https://github.com/OWNER/poker-dvs-book
  python -m pokersnn_helpers inspect gestures/*/1.csv
  python -m pokersnn_helpers train --data gestures --network layer --delays 0,4,8
`;

  // gestures: { name, strokes: { events } }.
  teach.strokeFiles = (gestures) => {
    const files = { "README.txt": README };
    for (const { name, strokes } of gestures) {
      const folder = name.replaceAll(/[^\p{L}\p{N}]+/gu, "_");
      strokes.forEach(({ events }, number) => {
        const rows = events.map(([t, x, y]) => `${t},${x},${y},0\n`);
        files[`gestures/${folder}/${number + 1}.csv`] = `t,x,y,p\n${rows.join("")}`;
      });
    }
    return teach.zip(files);
  };

  teach.save = (blob, name) => {
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };
})();
