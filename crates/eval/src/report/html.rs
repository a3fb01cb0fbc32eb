//! A small builder for HTML: text and attributes are always escaped, elements always closed.

use crate::error::{Error, Result};
use crate::markup::escape;
use crate::visualize;
use base64::{Engine, encoded_len, engine::general_purpose::STANDARD};
use image::ImageFormat;

/// HTML in the making.
#[derive(Default)]
pub(crate) struct Html(Vec<Part>);

/// A part of a page.
pub(super) enum Part {
    Text(String),
    /// A picture as the address of an `img`: as it is in its file and, where that is too much, as it is in the page.
    Jpeg {
        file: Vec<u8>,
        page: Option<Vec<u8>>,
    },
    /// What may be left out.
    Optional(Optional),
    /// The place of a note on what was left out.
    Note,
}

/// What may be left out of the page.
pub(super) struct Optional {
    pub full: Html,
    /// What stands in its place when it is left out.
    pub instead: Html,
    pub what: What,
    pub shown: bool,
}

/// What is counted when it is left out.
pub(super) enum What {
    /// A picture or a plot, which is also a file.
    Figure,
    /// So many user photos, and the first one's name.
    Photos(usize, String),
}

impl Optional {
    /// What stands on the page.
    fn chosen(&self) -> &Html {
        if self.shown { &self.full } else { &self.instead }
    }
}

const JPEG: &str = "data:image/jpeg;base64,";

type Attributes<'a> = &'a [(&'a str, &'a str)];

impl Html {
    fn push(&mut self, text: &str) {
        match self.0.last_mut() {
            Some(Part::Text(all)) => all.push_str(text),
            _ => self.0.push(Part::Text(text.to_owned())),
        }
    }

    /// Adds text, escaped.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.push(&escape(text));
        self
    }

    /// Adds markup that was built here (an SVG plot, a style sheet), as it is.
    pub(crate) fn markup(&mut self, markup: &str) -> &mut Self {
        self.push(markup);
        self
    }

    /// Adds what another one holds.
    pub(super) fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Adds a JPEG, whose bytes are in the page.
    pub(super) fn jpeg(&mut self, file: Vec<u8>, attributes: Attributes) {
        self.push("<img src=\"");
        self.0.push(Part::Jpeg { file, page: None });
        self.push("\"");
        self.close(attributes);
    }

    /// Adds what may be left out, and what then stands `instead`.
    pub(super) fn optional(&mut self, full: Self, instead: Self, what: What) {
        self.0.push(Part::Optional(Optional { full, instead, what, shown: true }));
    }

    /// Adds nothing, for what was left out from the beginning.
    pub(super) fn missing(&mut self, what: What) {
        self.0.push(Part::Optional(Optional { full: Self::default(), instead: Self::default(), what, shown: false }));
    }

    /// Where the page says what was left out, if anything was.
    pub(super) fn note(&mut self) {
        self.0.push(Part::Note);
    }

    /// Adds an element and its contents.
    pub(crate) fn el(&mut self, tag: &str, attributes: Attributes, inner: impl FnOnce(&mut Self)) -> &mut Self {
        self.void(tag, attributes);
        inner(self);
        self.push(&format!("</{tag}>"));
        if matches!(tag, "p" | "h1" | "h2" | "h3" | "li" | "tr" | "figure" | "section" | "table" | "div") {
            self.push("\n");
        }
        self
    }

    /// Adds an element that holds text alone.
    pub(crate) fn leaf(&mut self, tag: &str, attributes: Attributes, text: &str) -> &mut Self {
        self.el(tag, attributes, |h| {
            h.text(text);
        })
    }

    /// Adds an element without an end tag, such as `img`.
    pub(crate) fn void(&mut self, tag: &str, attributes: Attributes) -> &mut Self {
        self.push(&format!("<{tag}"));
        self.close(attributes)
    }

    fn close(&mut self, attributes: Attributes) -> &mut Self {
        for (name, value) in attributes {
            self.push(&format!(" {name}=\"{}\"", escape(value)));
        }
        self.push(">");
        self
    }

    /// Adds a table that scrolls on its own where the page is narrow; columns after the first `words` are numbers, set
    /// to the right.
    pub(crate) fn table(&mut self, words: usize, head: &[&str], rows: &[Vec<String>]) -> &mut Self {
        let class = |i: usize| if i < words { "w" } else { "n" };
        let label = format!("Table: {}", head.iter().find(|cell| !cell.is_empty()).copied().unwrap_or_default());
        // what scrolls has to be reached by keys
        let scrolls = [("class", "wide"), ("tabindex", "0"), ("role", "group"), ("aria-label", label.as_str())];
        self.el("div", &scrolls, |h| {
            h.el("table", &[], |h| {
                h.el("thead", &[], |h| {
                    h.el("tr", &[], |h| {
                        for (i, cell) in head.iter().enumerate() {
                            h.leaf("th", &[("class", class(i)), ("scope", "col")], cell);
                        }
                    });
                });
                h.el("tbody", &[], |h| {
                    for row in rows {
                        h.el("tr", &[], |h| {
                            for (i, cell) in row.iter().enumerate() {
                                h.leaf("td", &[("class", class(i))], cell);
                            }
                        });
                    }
                });
            });
        })
    }

    /// The length of the finished text.
    pub(super) fn bytes(&self) -> usize {
        let bytes = |part: &Part| match part {
            Part::Text(text) => text.len(),
            Part::Jpeg { file, page } => {
                JPEG.len() + encoded_len(page.as_ref().unwrap_or(file).len(), true).unwrap_or(usize::MAX)
            }
            Part::Optional(part) => part.chosen().bytes(),
            Part::Note => 0,
        };
        self.0.iter().map(bytes).sum()
    }

    /// Stores the JPEGs with another quality where that is less; whether any is.
    ///
    /// # Errors
    /// When one cannot be encoded.
    pub(super) fn compress(&mut self, quality: u8) -> Result<bool> {
        let mut is_less = false;
        for part in &mut self.0 {
            match part {
                Part::Jpeg { file, page } => {
                    let picture = image::load_from_memory_with_format(file, ImageFormat::Jpeg);
                    let picture = picture.map_err(|e| Error::plot("a JPEG", e))?.into_rgb8();
                    *page = Some(visualize::jpeg_of(&picture, quality)?).filter(|page| page.len() < file.len());
                    is_less |= page.is_some();
                }
                Part::Optional(part) => is_less |= part.full.compress(quality)?,
                Part::Text(_) | Part::Note => {}
            }
        }
        Ok(is_less)
    }

    /// The parts, in the order of the page.
    pub(super) fn parts(&self) -> &[Part] {
        &self.0
    }

    /// What may be left out, in the order of the page.
    pub(super) fn optional_parts(&mut self) -> impl DoubleEndedIterator<Item = &mut Optional> {
        self.0.iter_mut().filter_map(|part| if let Part::Optional(part) = part { Some(part) } else { None })
    }

    /// Puts a sentence where [`Html::note`] stands.
    pub(super) fn say(&mut self, sentence: &str) {
        for part in self.0.iter_mut().filter(|part| matches!(part, Part::Note)) {
            let mut note = Self::default();
            note.el("div", &[("class", "notice"), ("role", "note")], |h| {
                h.leaf("p", &[], sentence);
            });
            *part = Part::Text(note.finish());
        }
    }

    /// The finished text.
    pub(crate) fn finish(self) -> String {
        let mut all = String::new();
        self.write(&mut all);
        all
    }

    fn write(self, to: &mut String) {
        for part in self.0 {
            match part {
                Part::Text(text) => to.push_str(&text),
                Part::Jpeg { file, page } => {
                    to.push_str(JPEG);
                    STANDARD.encode_string(page.unwrap_or(file), to);
                }
                Part::Optional(Optional { full, shown: true, .. }) => full.write(to),
                Part::Optional(Optional { instead, .. }) => instead.write(to),
                Part::Note => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_escapes_its_place() {
        let mut h = Html::default();
        h.el("p", &[("title", "a\"><script>")], |h| {
            h.text("<b> & 'c'");
        });
        assert_eq!(h.finish(), "<p title=\"a&quot;&gt;&lt;script&gt;\">&lt;b&gt; &amp; &#39;c&#39;</p>\n");
    }
}
