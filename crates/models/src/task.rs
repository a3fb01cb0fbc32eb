//! What a network does, complete enough to run it: scheme, view, codec, architecture. Travels in the weights file.

use crate::codec::{Codec, CodecConfig, heatmap::HeatmapCodec, regression::RegressionCodec};
use crate::error::{Error, Result};
use crate::found_box::BoxFit;
use crate::networks::{KeypointModel, ModelConfig, heatmap_net::HeatmapNet, plain::Plain, regressor::Regressor};
use crate::params::Params;
use candle_core::Tensor;
use candle_vision_helpers::{Point, Wrong, wrong::ensure};
use facekp_data::{Scheme, ViewSpec};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Scheme, view, codec and network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// The points: the name of a built-in scheme, or a scheme with all its keys.
    #[serde(with = "facekp_data::scheme::named")]
    pub scheme: Arc<Scheme>,
    /// The view that the network sees.
    pub view: ViewSpec,
    /// The codec that reads its output.
    pub codec: CodecConfig,
    /// The network.
    pub model: ModelConfig,
    /// How a face that the face finder finds becomes the box of these points, for schemes that the finder's own file
    /// does not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found_box: Option<BoxFit>,
}

impl Task {
    /// Checks that view, codec and network fit each other and every size is possible: whatever passes can be built and
    /// run.
    ///
    /// # Errors
    /// The key that does not fit.
    pub fn validate(&self) -> Result<(), Wrong> {
        self.view.validate().map_err(|w| w.below("view"))?;
        let (size, channels, outputs) = (self.view.size(), self.view.channels(), 2 * self.scheme.len());
        if let CodecConfig::Heatmap(config) = &self.codec {
            config.validate(size).map_err(|w| w.below("codec"))?;
        }
        if let Some(fit) = &self.found_box {
            let (rows, expected) = (fit.coefficients.len(), format!("{} rows", BoxFit::ROWS));
            ensure("found_box.coefficients", rows, expected, |rows| *rows == BoxFit::ROWS)?;
        }
        match (&self.model, &self.codec) {
            (ModelConfig::Plain(c), CodecConfig::Regression) => c.validate(channels, size, outputs),
            (ModelConfig::Resnet(c), CodecConfig::Regression) => c.sizes().validate(size, outputs),
            (ModelConfig::MobilenetV2(c), CodecConfig::Regression) => c.sizes().validate(size, outputs),
            (ModelConfig::HeatmapNet(c), CodecConfig::Heatmap(codec)) => c.validate(size, codec.stride),
            (ModelConfig::HeatmapNet(_), CodecConfig::Regression) => {
                Err(Wrong::new("codec.kind", "heatmap for a heatmap_net", "regression"))
            }
            (_, CodecConfig::Heatmap(_)) => {
                Err(Wrong::new("codec.kind", "regression for a network without maps", "heatmap"))
            }
        }
    }

    /// The codec, for this view and scheme.
    ///
    /// # Errors
    /// As [`Task::validate`].
    pub fn codec(&self) -> Result<Box<dyn Codec>> {
        self.validate()?;
        let points = self.scheme.len();
        Ok(match &self.codec {
            CodecConfig::Regression => Box::new(RegressionCodec::new(points, self.view.size())),
            CodecConfig::Heatmap(config) => Box::new(HeatmapCodec::new(config, points, self.view.size())?),
        })
    }

    /// The network, its variables made in (or taken from) `params`.
    ///
    /// # Errors
    /// As [`Task::validate`].
    pub fn build(&self, params: &Params) -> Result<Box<dyn KeypointModel>> {
        self.validate()?;
        let (root, channels, view) = (params.root(), self.view.channels(), self.view.size());
        let outputs = 2 * self.scheme.len();
        Ok(match &self.model {
            ModelConfig::Plain(c) => Box::new(Plain::new(&root, c, channels, view, outputs)?),
            ModelConfig::Resnet(c) => Box::new(Regressor::new(&root, c.sizes(), channels, view, outputs)?),
            ModelConfig::MobilenetV2(c) => Box::new(Regressor::new(&root, c.sizes(), channels, view, outputs)?),
            ModelConfig::HeatmapNet(c) => {
                let (maps, bias) = self.first_maps()?;
                Box::new(HeatmapNet::new(&root, c, channels, maps, bias)?)
            }
        })
    }

    /// How many maps, and the bias that lets training start at what is true on average: the logit of a sigmoid, else 0.
    fn first_maps(&self) -> Result<(usize, f64)> {
        use crate::codec::heatmap::Target;
        let CodecConfig::Heatmap(config) = &self.codec else {
            return Err(Error::config("codec.kind", "heatmap for a heatmap_net", "regression"));
        };
        let codec = HeatmapCodec::new(config, self.scheme.len(), self.view.size())?;
        let bias = match config.target {
            Target::Sigmoid | Target::Summed => (codec.prior() / (1.0 - codec.prior())).ln(),
            Target::Gaussian | Target::Softmax => 0.0,
        };
        Ok((codec.output_shape().first().copied().unwrap_or(0), bias))
    }

    /// Sets the last bias to a mean shape given in view pixels (regression networks; others keep theirs).
    ///
    /// # Errors
    /// When the number of points differs, or `params` are another network's.
    pub fn set_mean_shape(&self, params: &Params, mean: &[Point]) -> Result<()> {
        let expected = self.scheme.len();
        if mean.len() != expected {
            return Err(Error::config("mean shape", format_args!("{expected} points"), mean.len()));
        }
        let bias = match self.model {
            ModelConfig::Plain(_) => "fc2.bias",
            ModelConfig::Resnet(_) | ModelConfig::MobilenetV2(_) => "fc.bias",
            ModelConfig::HeatmapNet(_) => return Ok(()),
        };
        let flat: Vec<f32> = mean.iter().flat_map(|p| [p.x as f32, p.y as f32]).collect();
        let points = Tensor::from_vec(flat, (1, expected, 2), params.device())?;
        if params.set(bias, &self.codec()?.encode(&points)?.squeeze(0)?)? {
            Ok(())
        } else {
            let expected = format!("a network with {bias} of {} values", 2 * expected);
            Err(Error::config("mean shape", expected, "another"))
        }
    }
}
