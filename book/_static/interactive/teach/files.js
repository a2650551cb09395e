// What leaves the page: strokes as a zip of CSV files, and the trained network as a checkpoint that
// load_checkpoint of pokersnn_helpers reads.
(({ element, teach }) => {
  const utf8 = new TextEncoder();
  teach.KEPT = "for_the_page.json"; // in the zip: what the page opens again
  const LARGEST = 3e7; // bytes of it

  // CRC-32 of bytes: of a gzip file (RFC 1952) the fourth to last word but one.
  teach.crcOf = (data) => {
    const { buffer, byteOffset, length } = fflate.gzipSync(data, { level: 0 });
    return new DataView(buffer, byteOffset).getUint32(length - 8, true);
  };

  // A zip archive of { name: text or bytes }, not compressed.
  teach.zip = (files) => {
    const contents = {};
    for (const [name, content] of Object.entries(files))
      contents[name] = typeof content === "string" ? utf8.encode(content) : content;
    const archive = fflate.zipSync(contents, { level: 0, mtime: "1980-01-02" });
    return new Blob([archive], { type: "application/zip" });
  };

  // The text of a file in a zip archive (an ArrayBuffer), in whatever folder it lies. Throws an
  // error if it isn't there once, is too large, or isn't what was packed: fflate doesn't look at the
  // checksum, which stands in the directory at the archive's end (APPNOTE.TXT of PKWARE, 4.3.12).
  teach.unzip = (archive, wanted) => {
    let found = 0;
    const filter = ({ name, originalSize }) => {
      const isIt = name.split("/").at(-1) === wanted && originalSize < LARGEST;
      return isIt && (found += 1) === 1; // nothing else is unpacked
    };
    const [content] = Object.values(fflate.unzipSync(new Uint8Array(archive), { filter }));
    const text = new TextDecoder("latin1").decode(archive);
    const entry = text.lastIndexOf("PK\x01\x02", text.lastIndexOf(wanted));
    const sum = new DataView(archive).getUint32(entry + 16, true);
    if (found !== 1 || teach.crcOf(content) !== sum) throw new RangeError("damaged");
    return new TextDecoder().decode(content);
  };

  // ---- PyTorch's file: a zip with a pickle that refers to numbers in another file ----

  // A number of four bytes, little endian.
  const four = (number) => new Uint8Array(Int32Array.of(number).buffer);

  // A pickle is made as a string of a character per byte.
  const asText = (bytes) => String.fromCharCode(...bytes);
  const tuple = (...items) => `(${items.map(pickled).join("")}t`;
  const made = (code) => ({ code });

  function pickled(value) {
    if (value.code) return value.code;
    if (typeof value === "string")
      return `X${asText(four(utf8.encode(value).length))}${asText(utf8.encode(value))}`;
    if (typeof value === "boolean") return value ? "\x88" : "\x89";
    if (Number.isInteger(value)) return `J${asText(four(value))}`;
    if (typeof value === "number")
      return `G${asText(new Uint8Array(Float64Array.of(value).buffer).reverse())}`;
    if (Array.isArray(value)) return tuple(...value);
    return `}(${Object.entries(value).flat().map(pickled).join("")}u`;
  }

  // A tensor in a storage of all weights: a row per input there, which here becomes a column.
  function tensor(weights, ...shape) {
    const { buffer, byteOffset, BYTES_PER_ELEMENT: size } = weights;
    const count = buffer.byteLength / size;
    const storage = made(`${tuple("storage", made("ctorch\nFloatStorage\n"), "0", "cpu", count)}Q`);
    const strides = [1, shape[0]].slice(0, shape.length);
    const hooks = made("ccollections\nOrderedDict\n)R"); // none
    const parts = tuple(storage, byteOffset / size, shape, strides, false, hooks);
    return made(`ctorch._utils\n_rebuild_tensor_v2\n${parts}R`);
  }

  // The checkpoint of a SpikingNetwork: pokersnn_helpers/training/checkpoints.py.
  teach.checkpoint = (network, classes) => {
    const { features, hidden, outputs, delays, recurrence, constants } = network;
    const { pixels, timeWindow, settle } = teach.NETWORK;
    const weights = network.byPixel();
    const numbers = Float32Array.from(weights.all);
    if (!recurrence)
      numbers.fill(0, weights.recurrent.byteOffset / 8, weights.readout.byteOffset / 8);
    const sensor = [35, 35, 1];
    const seconds = (share) => timeWindow / 1e6 / share; // a time constant
    const content = {
      format: "pokersnn_helpers checkpoint 2",
      network: "LayerThenSNN",
      arguments: {
        sensor_size: sensor,
        output_size: outputs,
        dt: timeWindow / 1e6,
        features,
        delays: delays.map((steps) => (steps * timeWindow) / 1e6),
        hidden_size: hidden,
        tau_mem: seconds(constants.dt_over_tau_mem),
        tau_syn: seconds(constants.dt_over_tau_syn),
      },
      classes,
      sensor_size: sensor,
      settle: settle / 1e6,
      default_decode: true,
      frozen: [],
      weights: {
        "snn.inputs.weight": tensor(weights.layer, features, pixels),
        "snn.inputs.bias": tensor(weights.bias, features),
        "snn.snn.lif0.input_weights": tensor(weights.input, hidden, delays.length * features),
        "snn.snn.lif0.recurrent_weights": tensor(weights.recurrent, hidden, hidden),
        "snn.snn.linear.weight": tensor(weights.readout, outputs, hidden),
      },
    };
    const pickle = `\x80\x02${pickled(content)}.`;
    return teach.zip({
      "archive/data.pkl": Uint8Array.from(pickle, (letter) => letter.charCodeAt(0)),
      "archive/byteorder": "little",
      "archive/version": "3\n",
      "archive/data/0": new Uint8Array(numbers.buffer),
    });
  };

  // ---- Strokes ----

  const README = `Strokes from the page "Teach it yours": a folder per gesture, a CSV file per
stroke. Times are in microseconds, polarities are merged, and the camera has 35 x 35 pixels.
  pip install git+https://github.com/OWNER/poker-dvs-book
  eventdesk inspect gestures
  eventdesk train --data gestures
`;

  // A folder of its own for each name: its number, letters and digits.
  const folderOf = (name, place) => `${place + 1}_${name.replaceAll(/[^\p{L}\p{N}]+/gu, "_")}`;

  // gestures: { name, strokes: { events } }. kept: of teach.packed, for the page itself.
  teach.strokeFiles = (gestures, kept) => {
    const files = { "README.txt": README, [teach.KEPT]: JSON.stringify(kept) };
    gestures.forEach((gesture, place) =>
      teach.used(gesture).forEach(({ events }, number) => {
        const head = `# class: ${gesture.name}\n# sensor_size: 35, 35, 1\nt,x,y,p\n`;
        const rows = events.map(([t, x, y]) => `${t},${x},${y},0\n`);
        files[`gestures/${folderOf(gesture.name, place)}/${number + 1}.csv`] = head + rows.join("");
      }),
    );
    return teach.zip(files);
  };

  teach.save = (blob, name) => {
    const link = element("a", { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };
})(interactiveFigures);
