"""YuNet-s in numpy, which the face finder is tested against: writes reference.json beside it.

    python reference.py face_finder.safetensors DATASETS PIXELS

49 pictures are taken from the datasets, evenly over their names, and the portrait twice. PIXELS has each of them as a
PNG, written by the test in finder.rs where FACEKP_PIXELS names that folder: JPEG decoders differ by a level
here and there, which moves a box by up to 0.7 pixels. Pillow 13.0 shrinks them. Numbers are pixels of the file, counted
from its edge.
"""
import json, pathlib, struct, sys
import numpy as np
from PIL import Image

here = pathlib.Path(__file__).resolve().parent


def read(path):
    data = pathlib.Path(path).read_bytes()
    end = 8 + struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:end])
    header.pop("__metadata__", None)
    part = lambda t: data[end + t["data_offsets"][0] : end + t["data_offsets"][1]]
    return {n: np.frombuffer(part(t), np.float32).reshape(t["shape"]) for n, t in header.items()}


def conv3(x, weight, bias, stride):
    _, height, width = x.shape
    x = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    sums = 0
    for i in range(3):
        for j in range(3):
            tap, k = x[:, i : i + height : stride, j : j + width : stride], weight[:, :, i, j]
            sums = sums + (k[:, :, None] * tap if k.shape[1] == 1 else mixed(k, tap))
    return sums + bias[:, None, None]


def mixed(matrix, x):
    return (matrix @ x.reshape(len(x), -1)).reshape(-1, *x.shape[1:])


class Net:
    def __init__(self, path):
        self.t = read(path)

    def pair(self, x, name, relu=True):
        w, b = self.t[name + "_pw.weight"][:, :, 0, 0], self.t[name + "_pw.bias"]
        x = mixed(w, x) + b[:, None, None]
        x = conv3(x, self.t[name + "_dw.weight"], self.t[name + "_dw.bias"], 1)
        return np.maximum(x, 0) if relu else x

    def unit(self, x, i):
        return self.pair(self.pair(x, f"backbone.model{i}_dp1"), f"backbone.model{i}_dp2")

    def maps(self, x):
        pool = lambda x: x.reshape(len(x), x.shape[1] // 2, 2, x.shape[2] // 2, 2).max((2, 4))
        up = lambda x: x.repeat(2, 1).repeat(2, 2)
        x = np.maximum(conv3(x, self.t["backbone.model0_pw.weight"], self.t["backbone.model0_pw.bias"], 2), 0)
        x = pool(self.unit(self.unit(pool(self.pair(x, "backbone.model0_dp")), 1), 2))
        f8 = self.unit(x, 3)
        f16 = self.unit(pool(f8), 4)
        f32 = self.unit(pool(f16), 5)
        f32 = self.pair(f32, "neck.lateral_convs.2")
        f16 = self.pair(up(f32) + f16, "neck.lateral_convs.1")
        f8 = self.pair(up(f16) + f8, "neck.lateral_convs.0")
        for level, f in enumerate((f8, f16, f32)):
            yield [self.pair(f, f"bbox_head.multi_level_{n}.{level}", False) for n in ("cls", "obj", "bbox", "kps")]

    def faces(self, picture, side):
        scale = min(1, side / max(picture.size))
        if scale < 1:
            picture = picture.resize([round(s * scale) for s in picture.size], Image.BILINEAR)
        rgb = np.asarray(picture, np.float32)
        height, width = (-(-s // 32) * 32 for s in rgb.shape[:2])
        x = np.zeros((3, height, width), np.float32)
        x[:, : rgb.shape[0], : rgb.shape[1]] = rgb[..., ::-1].transpose(2, 0, 1)
        found = []
        for (cls, obj, box, points), stride in zip(self.maps(x), (8, 16, 32)):
            sigmoid = lambda x: 1 / (1 + np.exp(-x))
            score = np.sqrt(sigmoid(cls) * sigmoid(obj))[0]
            for r, c in zip(*np.where(score > 0.5)):
                at = lambda m, i: (m[i, r, c] * stride + c * stride, m[i + 1, r, c] * stride + r * stride)
                w, h = np.exp(box[2:, r, c]) * stride
                x, y = at(box, 0)
                found.append((score[r, c], (x - w / 2, y - h / 2, w, h), [at(points, i) for i in range(0, 10, 2)]))
        kept = []
        for face in sorted(found, key=lambda f: -f[0]):
            if all(overlap(face[1], k[1]) <= 0.45 for k in kept):
                kept.append(face)
        exact = lambda values: [round(float(v) / scale, 3) for v in values]
        return [
            {"score": round(float(s), 5), "box": exact(b), "points": [exact(p) for p in points]} for s, b, points in kept
        ]


def overlap(a, b):
    along = lambda i: max(0, min(a[i] + a[i + 2], b[i] + b[i + 2]) - max(a[i], b[i]))
    both = along(0) * along(1)
    return both / (a[2] * a[3] + b[2] * b[3] - both)


if __name__ == "__main__":
    net, data, pixels = Net(sys.argv[1]), pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    folders = {"ibug_300W/helen/testset": 8, "ibug_300W/lfpw/testset": 8, "ibug_300W/ibug": 9, "imm_face_db": 8}
    folders |= {"photos/crowd": 12, "photos/groups": 4}
    files = []
    for folder, count in folders.items():
        names = sorted((data / folder).glob("*.jpg"))
        files += [names[i * len(names) // count] for i in range(count)]
    pictures = [("astronaut.jpg", 320), ("astronaut.jpg", 512)] + [(str(f.relative_to(data)), 320) for f in files]
    lines = []
    for name, side in pictures:
        file = (pixels / name.replace("/", " ")).with_suffix(".png")
        faces = net.faces(Image.open(file).convert("RGB"), side)
        lines.append(json.dumps({"file": name, "side": side, "faces": faces}, separators=(",", ":")))
    (here / "reference.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")
