"""Writes the small files that mobilenet.rs reads: `python make.py` (made with torch 2.15.0)."""
import torch

def numbers(*shape, start=0):
    n = torch.Size(shape).numel()
    return ((torch.arange(n) + start) / 8).reshape(shape)

state = {
    "bn1.weight": numbers(64),
    "bn1.running_mean": numbers(64, start=100),
    "bn1.num_batches_tracked": torch.tensor(5),
    "layer1.0.bn1.bias": numbers(64, start=7).half(),
    "fc.weight": numbers(10, 4),
}
view = numbers(3, 64)
state["layer1.0.bn2.weight"] = view[1]  # shares a storage, from its middle on
torch.save(state, "zip.pth")
torch.save(state, "old.pth", _use_new_zipfile_serialization=False)
# as programs save their training: an optimizer's numbers and others beside the weights
checkpoint = {
    "best": torch.tensor(0.5),
    "optimizer": {"state": {0: {"step": torch.tensor(7), "exp_avg": numbers(64)}}, "mask": torch.tensor([True, False])},
    "state_dict": state,
}
torch.save(checkpoint, "nested.pth")
torch.save(checkpoint, "old_nested.pth", _use_new_zipfile_serialization=False)
