//! The page in at most so many bytes: its JPEGs are compressed more, then what stands last is left out, and the page
//! says so.

use super::html::{Html, Part, What};
use crate::error::Result;

/// The most bytes of a page: what is sent by mail, and opened on a phone.
pub(super) const LIMIT: usize = 6_000_000;
/// Qualities of JPEGs that are tried in turn; [`visualize::jpeg`](crate::visualize::jpeg) has 88.
const QUALITIES: [u8; 3] = [75, 60, 45];
/// Bytes for the sentences that say what is missing.
const ROOM: usize = 3000;

/// The page's text, of at most `limit` bytes where that is possible by its pictures, plots and user photos.
///
/// # Errors
/// When a picture cannot be encoded.
pub(super) fn fit(mut page: Html, limit: usize) -> Result<String> {
    let mut is_compressed = false;
    // most pages need no sentences, and with their room some would need them
    if page.bytes() > limit || !left_out(&page).is_empty() {
        let room = limit.saturating_sub(ROOM);
        for quality in QUALITIES {
            if page.bytes() <= room {
                break;
            }
            is_compressed |= page.compress(quality)?;
        }
        leave_out(&mut page, room);
        let said = sentences(limit, is_compressed, &left_out(&page));
        tracing::warn!("{said}");
        page.say(&said);
    }
    Ok(page.finish())
}

/// Leaves out what stands last until the page has at most `limit` bytes.
fn leave_out(page: &mut Html, limit: usize) {
    let mut excess = page.bytes().saturating_sub(limit);
    for part in page.optional_parts().rev().filter(|part| part.shown) {
        if excess == 0 {
            break;
        }
        part.shown = false;
        excess = excess.saturating_sub(part.full.bytes().saturating_sub(part.instead.bytes()));
    }
}

/// What the page says of itself.
fn sentences(limit: usize, is_compressed: bool, left_out: &[&What]) -> String {
    let mut said = format!("This page has {} MB at most.", limit as f64 / 1e6);
    if is_compressed {
        said += " Its pictures are compressed more than those in the folder figures next to it.";
    }
    let photos = left_out.iter().filter_map(|what| match what {
        What::Photos(count, first) => Some((count, first)),
        What::Figure => None,
    });
    let count: usize = photos.clone().map(|(n, _)| n).sum();
    if let Some((_, first)) = photos.clone().next() {
        said += &match count {
            1 => format!(" One of your photos is left out, {first}."),
            n => format!(" {n} of your photos are left out, from {first} on."),
        };
    }
    match left_out.iter().filter(|what| matches!(what, What::Figure)).count() {
        0 => {}
        1 => said += " One of its pictures is left out; it is in the folder figures.",
        n => said += &format!(" {n} of its pictures and plots are left out; they are in the folder figures."),
    }
    said
}

/// What was left out, in the order of the page.
fn left_out(page: &Html) -> Vec<&What> {
    let left = page.parts().iter().filter_map(|part| match part {
        Part::Optional(part) if !part.shown => Some(&part.what),
        _ => None,
    });
    left.collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::visualize;
    use image::{Rgb, RgbImage};

    /// A JPEG of colors that a hash scatters, which compress badly.
    fn noise(seed: u32) -> Vec<u8> {
        let mixed = |n: u32| (n ^ (n >> 15)).wrapping_mul(0x2c1b_3c6d);
        let color = |x: u32, y: u32| mixed(mixed(x + 160 * y + 25_600 * seed + 1)).to_be_bytes();
        let picture = RgbImage::from_fn(160, 160, |x, y| {
            let [r, g, b, _] = color(x, y);
            Rgb([r, g, b])
        });
        visualize::jpeg(&picture).unwrap()
    }

    fn page(figures: u32, photos: u32) -> Html {
        let mut h = Html::default();
        h.leaf("h1", &[], "Title");
        h.note();
        for i in 0..figures {
            let (mut full, mut instead) = (Html::default(), Html::default());
            full.jpeg(noise(i), &[("alt", &format!("figure {i}"))]);
            instead.leaf("p", &[], &format!("no figure {i}"));
            h.optional(full, instead, What::Figure);
        }
        for i in 0..photos {
            let mut block = Html::default();
            block.leaf("h3", &[], &format!("<{i}>.jpg")).jpeg(noise(100 + i), &[("alt", "photo")]);
            h.optional(block, Html::default(), What::Photos(1, format!("<{i}>.jpg")));
        }
        h.leaf("p", &[], "end");
        h
    }

    fn pictures(text: &str) -> usize {
        text.matches("<img src=\"data:image/jpeg;base64,").count()
    }

    #[test]
    fn a_page_that_fits_stays_as_it_is() {
        let whole = page(2, 2).finish();
        assert_eq!(page(2, 2).bytes(), whole.len());
        assert_eq!(fit(page(2, 2), whole.len()).unwrap(), whole);
        assert!(pictures(&whole) == 4 && whole.starts_with("<h1>Title</h1>\n<img") && whole.ends_with("<p>end</p>\n"));
    }

    #[test]
    fn pictures_are_compressed_before_any_is_left_out() {
        let whole = page(2, 10).bytes();
        let text = fit(page(2, 10), whole * 9 / 10).unwrap();
        assert!(text.len() <= whole * 9 / 10 && pictures(&text) == 12, "{} of {whole}", text.len());
        assert!(text.contains("compressed more") && !text.contains("left out"));
    }

    #[test]
    fn what_stands_last_is_left_out_and_named() {
        let whole = page(2, 10).bytes();
        let text = fit(page(2, 10), whole / 5).unwrap();
        assert!(text.len() <= whole / 5, "{} of {whole}", text.len());
        // as many as fit: another one, of a tenth of the whole at most, would be too many
        assert!(text.len() + whole / 10 > whole / 5 && pictures(&text) > 2, "{} of {whole}", text.len());
        let shown = pictures(&text) - 2;
        let said = format!("{} of your photos are left out, from &lt;{shown}&gt;.jpg on.", 10 - shown);
        assert!(text.contains(&said) && !text.contains("no figure"), "{said}");

        let text = fit(page(3, 2), ROOM + 500).unwrap();
        assert!(text.len() <= ROOM + 500 && pictures(&text) == 0);
        for said in ["from &lt;0&gt;.jpg on", "3 of its pictures and plots are left out", "no figure 0", "no figure 2"]
        {
            assert!(text.contains(said), "{said}");
        }
    }

    #[test]
    fn photos_that_were_not_even_looked_at_are_said() {
        let mut h = page(1, 1);
        h.missing(What::Photos(7, "x.jpg".into()));
        let text = fit(h, 1_000_000).unwrap();
        assert!(text.contains("This page has 1 MB at most. 7 of your photos are left out, from x.jpg on."));
        assert_eq!(pictures(&text), 2);
    }
}
