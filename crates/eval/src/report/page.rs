//! The page as a whole: head, notices, the table of all runs, a section each.

use super::{
    PageInput, RunInput,
    album::Album,
    finding,
    fit::{LIMIT, fit},
    html::Html,
    numbers, photos,
    run::Run,
    section, strip,
    style::CSS,
};
use crate::error::Result;
use candle_core::Device;
use std::path::Path;

/// The HTML text, of [`LIMIT`] bytes at most; pictures go into the folder `figures`, too.
pub(crate) fn render(page: &PageInput, inputs: &[RunInput], figures: &Path, device: &Device) -> Result<String> {
    let runs = Run::all(inputs, device)?;
    let albums = runs
        .iter()
        .enumerate()
        .map(|(i, run)| {
            // Two runs of one recipe need two names.
            let same = runs[..i].iter().filter(|r| r.name() == run.name()).count();
            Album::new(figures, &if same == 0 { run.name().to_owned() } else { format!("{}-{}", run.name(), same + 1) })
        })
        .collect::<Result<Vec<_>>>()?;
    let mut head = Html::default();
    strip::render(&mut head, &runs, &Album::new(figures, "summary")?)?;
    let mut sections = Html::default();
    for (run, album) in runs.iter().zip(&albums) {
        tracing::info!(run = run.name(), "drawing its section of the report");
        section::render(&mut sections, run, album)?;
    }
    if let Some(found) = &page.finding {
        finding::render(&mut sections, found, &Album::new(figures, "finding")?)?;
    }
    if !page.photos.files.is_empty() {
        photos::render(&mut sections, &page.photos, &runs, &Album::new(figures, "photo")?)?;
    }
    fit(frame(page, &runs, &albums, [head, sections]), LIMIT)
}

fn frame(page: &PageInput, runs: &[Run], albums: &[Album], [head, sections]: [Html; 2]) -> Html {
    let mut h = Html::default();
    h.markup("<!doctype html>\n");
    h.el("html", &[("lang", "en")], |h| {
        h.el("head", &[], |h| {
            h.void("meta", &[("charset", "utf-8")]);
            h.void("meta", &[("name", "viewport"), ("content", "width=device-width, initial-scale=1")]);
            h.void("meta", &[("name", "generator"), ("content", "facekp")]);
            h.leaf("title", &[], &page.title);
            h.el("style", &[], |h| {
                h.markup(CSS);
            });
        });
        h.el("body", &[], |h| {
            h.el("main", &[], |h| {
                h.leaf("h1", &[], &page.title);
                intro(h, page);
                notices(h, page, runs);
                h.note();
                h.el("nav", &[("aria-label", "Networks")], |h| {
                    h.el("ul", &[], |h| {
                        for (run, album) in runs.iter().zip(albums) {
                            h.el("li", &[], |h| {
                                h.leaf("a", &[("href", &format!("#{}", album.prefix()))], run.name());
                            });
                        }
                        if page.finding.is_some() {
                            h.el("li", &[], |h| {
                                h.leaf("a", &[("href", "#finding")], "Finding faces");
                            });
                        }
                        if !page.photos.files.is_empty() {
                            h.el("li", &[], |h| {
                                h.leaf("a", &[("href", "#photos")], "Your photos");
                            });
                        }
                    });
                });
                h.leaf("h2", &[("class", "first")], "All networks");
                h.append(head);
                numbers::overview(h, runs);
                h.append(sections);
            });
            h.el("footer", &[], |h| {
                h.leaf(
                    "p",
                    &[("class", "soft")],
                    "Made by facekp. The pictures of this page are also in the folder figures next to it.",
                );
            });
        });
    });
    h
}

fn intro(h: &mut Html, page: &PageInput) {
    h.el("p", &[("class", "key")], |h| {
        h.text("In every picture with points, ");
        h.leaf("b", &[("class", "red")], "red");
        h.text(" is what the network predicts and ");
        h.leaf("b", &[("class", "blue")], "blue");
        h.text(" is the annotation. Errors are distances in pixels of the original pictures; NME is the mean distance divided by the distance between the outer eye corners.");
        if let Some(profile) = &page.profile {
            h.text(&format!(" Profile: {profile}."));
        }
    });
}

fn notices(h: &mut Html, page: &PageInput, runs: &[Run]) {
    let mut all = page.notices.clone();
    let rendered: Vec<&str> = runs.iter().filter(|r| r.input.data.is_synthetic()).map(Run::name).collect();
    if !rendered.is_empty() && !all.iter().any(|n| n.to_lowercase().contains("rendered")) {
        all.push(format!(
            "Rendered faces, not photographs, were used for {}: the numbers say nothing about real faces.",
            rendered.join(", ")
        ));
    }
    if !all.is_empty() {
        h.el("div", &[("class", "notice"), ("role", "note")], |h| {
            for notice in &all {
                h.leaf("p", &[], notice);
            }
        });
    }
}
