"""Prints the numbers that networks.rs compares with: `python pytorch_reference.py` (made with torch 2.15.0, torchvision 0.29.2)."""
import numpy as np, torch, torchvision
from torch import nn

def noise(name, n):
    k = np.uint64(sum(name.encode()) * 1000003)
    h = (np.arange(n, dtype=np.uint64) + k) * np.uint64(0x9E3779B97F4A7C15)
    h = (h ^ (h >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    return torch.tensor(((h ^ (h >> np.uint64(32))) >> np.uint64(40)).astype(np.float64) / 2**24 - 0.5)

def fill(net):
    for name, p in net.named_parameters():
        v = noise(name, p.numel())
        if p.dim() > 1: v = v * (24 / (p.numel() // p.shape[0])) ** 0.5
        elif name.endswith("bias") or "head" in name: v = v * 0.2
        else: v = v * 0.2 + 1
        p.data = v.reshape(p.shape).float()

def show(net, x):
    x = noise("picture", x.numel()).reshape(x.shape).float()
    net.train(); y = net(x); (y * y).mean().backward()
    grads = [(n, float(p.grad.double().norm())) for n, p in net.named_parameters()]
    net.eval(); e = net(x)
    pick = lambda t: [round(v.item(), 5) for v in t.detach().flatten()[:: max(1, t.numel() // 5)][:5]]
    print("train", pick(y), "norm", y.double().norm().item()); print("eval", pick(e), "norm", e.double().norm().item())
    print("grad", [(n, g) for n, g in grads if n in SHOW])

SHOW = {"conv1.weight", "layer2.0.downsample.0.weight", "layer4.1.bn2.weight", "fc.bias", "fc2.bias", "trunk.conv1.weight", "up.1.skip.weight", "head.bias", "up.0.conv.weight"}
for depth in (18, 34, 50):
    n = getattr(torchvision.models, f"resnet{depth}")(num_classes=136)
    print(depth, sum(p.numel() for p in n.parameters()))

net = torchvision.models.resnet18(num_classes=116); fill(net); print("resnet18"); show(net, torch.empty(2, 3, 64, 64))
net = torchvision.models.resnet50(num_classes=116); fill(net); print("resnet50"); show(net, torch.empty(2, 3, 64, 64))

class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 20, 7, padding=3); self.conv2 = nn.Conv2d(20, 20, 5, padding=2); self.conv3 = nn.Conv2d(20, 20, 3, padding=1)
        self.fc1 = nn.Linear(20 * 7 * 10, 128); self.fc2 = nn.Linear(128, 2)
    def forward(self, x):
        for c in (self.conv1, self.conv2, self.conv3): x = torch.max_pool2d(c(x).relu(), 2)
        return self.fc2(self.fc1(x.flatten(1)).relu())
net = Plain(); fill(net); print("nose", sum(p.numel() for p in net.parameters())); show(net, torch.empty(2, 1, 60, 80))

class Up(nn.Module):
    def __init__(self, i, o, s):
        super().__init__()
        self.conv = nn.Conv2d(i, o, 3, padding=1, bias=False); self.bn = nn.BatchNorm2d(o); self.skip = nn.Conv2d(s, o, 1)
    def forward(self, x, s): return (self.bn(self.conv(nn.functional.interpolate(x, scale_factor=2))) + self.skip(s)).relu()
class Maps(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = torchvision.models.resnet18(); del self.trunk.fc
        self.up = nn.ModuleList([Up(512, 32, 256), Up(32, 24, 128), Up(24, 16, 64)]); self.head = nn.Conv2d(16, 58, 1)
    def forward(self, x):
        t = self.trunk; x = t.maxpool(t.bn1(t.conv1(x)).relu()); maps = []
        for layer in (t.layer1, t.layer2, t.layer3, t.layer4): x = layer(x); maps.append(x)
        for up, s in zip(self.up, maps[2::-1]): x = up(x, s)
        return self.head(x)
net = Maps(); fill(net); print("maps", sum(p.numel() for p in net.parameters())); show(net, torch.empty(2, 3, 64, 96))

class MobileMaps(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Module(); self.trunk.features = torchvision.models.mobilenet_v2().features[:18]
        self.up = nn.ModuleList([Up(320, 24, 96), Up(24, 16, 32)]); self.head = nn.Conv2d(16, 58, 1)
    def forward(self, x):
        maps = []
        for layer in self.trunk.features: x = layer(x); maps.append(x)
        for up, s in zip(self.up, (maps[13], maps[6])): x = up(x, s)
        return self.head(x)
SHOW |= {"trunk.features.0.0.weight", "trunk.features.1.conv.1.weight", "trunk.features.4.conv.1.0.weight", "trunk.features.17.conv.3.weight"}
net = MobileMaps(); fill(net); print("mobile", sum(p.numel() for p in net.parameters())); show(net, torch.empty(2, 3, 64, 96))
print("mobile regressor", 116 * 321 + sum(p.numel() for p in torchvision.models.mobilenet_v2().features[:18].parameters()))
