//! A small builder for HTML: text and attributes are always escaped, elements always closed.

use crate::markup::escape;

/// HTML in the making.
#[derive(Default)]
pub(crate) struct Html(String);

type Attributes<'a> = &'a [(&'a str, &'a str)];

impl Html {
    /// Adds text, escaped.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.0.push_str(&escape(text));
        self
    }

    /// Adds markup that was built here (an SVG plot, a style sheet), as it is.
    pub(crate) fn markup(&mut self, markup: &str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Adds an element and its contents.
    pub(crate) fn el(&mut self, tag: &str, attributes: Attributes, inner: impl FnOnce(&mut Self)) -> &mut Self {
        self.void(tag, attributes);
        inner(self);
        self.0.push_str(&format!("</{tag}>"));
        if matches!(tag, "p" | "h1" | "h2" | "h3" | "li" | "tr" | "figure" | "section" | "table" | "div") {
            self.0.push('\n');
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
        self.0.push('<');
        self.0.push_str(tag);
        for (name, value) in attributes {
            self.0.push_str(&format!(" {name}=\"{}\"", escape(value)));
        }
        self.0.push('>');
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

    /// The finished text.
    pub(crate) fn finish(self) -> String {
        self.0
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
