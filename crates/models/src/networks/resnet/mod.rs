//! ResNet (He et al. 2015; torchvision's v1.5 layout and parameter names), for training.

mod block;
pub(crate) mod trunk;
