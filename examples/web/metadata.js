// What an ONNX file says of itself. Sessions of onnxruntime-web do not tell, so the file's bytes are read.

const PROPERTIES = 14; // ModelProto.metadata_props
const [KEY, VALUE] = [1, 2]; // of its entries
const [VARINT, EIGHT, BYTES, FOUR] = [0, 1, 2, 5]; // how the values of fields are written

/** The texts in a file's `metadata_props`, by key. */
export function metadata(bytes) {
  const texts = {};
  for (const [field, entry] of fields(bytes)) {
    if (field === PROPERTIES) {
      const parts = new Map(fields(entry));
      const text = (part) => new TextDecoder().decode(parts.get(part) ?? new Uint8Array());
      texts[text(KEY)] = text(VALUE);
    }
  }
  return texts;
}

/** The number and the bytes of each field of a protobuf message that holds bytes; numbers are passed by. */
function* fields(bytes) {
  let at = 0;
  const end = (to) => {
    if (to > bytes.length) {
      throw new Error(`expected an ONNX file, got one that is cut off after ${bytes.length} bytes`);
    }
    return to;
  };
  const varint = () => {
    for (let [value, unit] = [0, 1]; ; unit *= 128) {
      const byte = bytes[end(at + 1) - 1];
      at += 1;
      value += (byte % 128) * unit;
      if (byte < 128) {
        return value;
      }
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const [field, kind] = [Math.floor(tag / 8), tag % 8];
    if (kind === VARINT) {
      varint();
    } else if (kind === BYTES) {
      const length = varint();
      const start = at;
      at = end(start + length);
      yield [field, bytes.subarray(start, at)];
    } else if (kind === EIGHT || kind === FOUR) {
      at = end(at + (kind === EIGHT ? 8 : 4));
    } else {
      throw new Error("expected an ONNX file, got something else");
    }
  }
}
