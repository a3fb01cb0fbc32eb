//! The pictures of the page: each goes into the page and into a file next to it.

use super::{
    FIGURES,
    html::{Html, What},
};
use crate::error::{Error, Result};
use crate::plot::{self, Axes, Bar, Series};
use crate::visualize;
use base64::{Engine, engine::general_purpose::STANDARD};
use image::RgbImage;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// How a picture is stored.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum As {
    /// Photographs.
    Jpeg,
    /// Drawings and whatever has hard edges.
    Png,
}

/// Writes the files and makes the figures.
pub(crate) struct Album {
    dir: PathBuf,
    prefix: String,
}

impl Album {
    /// Pictures of `dir` whose names start with `prefix`.
    pub(super) fn new(dir: &Path, prefix: &str) -> Result<Self> {
        fs::create_dir_all(dir).map_err(|e| Error::io(dir, e))?;
        Ok(Self { dir: dir.to_owned(), prefix: plain(prefix) })
    }

    /// The part of file names that tells runs apart; an anchor on the page, too.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    fn file(&self, name: &str, end: &str) -> PathBuf {
        self.dir.join(format!("{}-{}.{end}", self.prefix, plain(name)))
    }

    /// A picture with what it shows (`alt`, for those who do not see it) and what to look for (`caption`).
    pub(super) fn picture(
        &self,
        h: &mut Html,
        name: &str,
        picture: &RgbImage,
        store: As,
        alt: &str,
        caption: &str,
    ) -> Result<()> {
        let (bytes, end, class) = match store {
            As::Jpeg => (visualize::jpeg(picture)?, "jpg", "photo"),
            As::Png => (visualize::png(picture)?, "png", "pixels"),
        };
        let path = self.file(name, end);
        fs::write(&path, &bytes).map_err(|e| Error::io(&path, e))?;
        let (w, height) = (picture.width().to_string(), picture.height().to_string());
        let mut full = Html::default();
        full.el("figure", &[("class", class)], |h| {
            let shown: [(&str, &str); 3] = [("alt", alt), ("width", &w), ("height", &height)];
            match store {
                As::Jpeg => h.jpeg(bytes, &shown),
                As::Png => {
                    let source = format!("data:image/png;base64,{}", STANDARD.encode(&bytes));
                    h.void("img", &[&[("src", source.as_str())][..], &shown[..]].concat());
                }
            }
            h.leaf("figcaption", &[], caption);
        });
        h.optional(full, named(&path, caption), What::Figure);
        Ok(())
    }

    /// A line plot.
    pub(super) fn lines(&self, h: &mut Html, name: &str, axes: &Axes, series: &[Series], caption: &str) -> Result<()> {
        plot::lines_png(axes, series, &self.file(name, "png"))?;
        self.plot(h, name, &plot::lines_svg(axes, series)?, caption)
    }

    /// A bar plot.
    pub(super) fn bars(&self, h: &mut Html, name: &str, axes: &Axes, bars: &[Bar], caption: &str) -> Result<()> {
        plot::bars_png(axes, bars, &self.file(name, "png"))?;
        self.plot(h, name, &plot::bars_svg(axes, bars)?, caption)
    }

    fn plot(&self, h: &mut Html, name: &str, svg: &str, caption: &str) -> Result<()> {
        let path = self.file(name, "svg");
        fs::write(&path, svg).map_err(|e| Error::io(&path, e))?;
        let mut full = Html::default();
        full.el("figure", &[], |h| {
            h.el("div", &[("class", "plot"), ("tabindex", "0"), ("role", "group"), ("aria-label", "Plot")], |h| {
                h.markup(svg);
            });
            h.leaf("figcaption", &[], caption);
        });
        h.optional(full, named(&path, caption), What::Figure);
        Ok(())
    }
}

/// A part of a file's name, and of an address: whatever runs and their folders are called.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' }).collect()
}

/// What stands in the place of a figure that is left out.
fn named(file: &Path, caption: &str) -> Html {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let address = format!("{FIGURES}/{name}");
    let mut h = Html::default();
    h.el("p", &[("class", "soft")], |h| {
        h.text("Left out: ").leaf("a", &[("href", &address)], &name).text(&format!(". {caption}"));
    });
    h
}
