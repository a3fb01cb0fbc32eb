//! The header of a Y4M stream (YUV4MPEG2, of the MJPEG tools): one line of fields, each a letter and a value.

use super::{chroma::Along, rate::Rate};
use crate::{
    error::{Error, Result},
    picture::check_frame,
};
use candle_vision_helpers::Size;
use std::path::Path;

const MAGIC: &[u8] = b"YUV4MPEG2";
/// What was expected of a stream that does not begin as Y4M.
pub(super) const EXPECTED: &str = "a folder of frames or Y4M (as ffmpeg -i VIDEO -f yuv4mpegpipe - writes)";
const EXPECTED_COLORS: &str = "Y4M of 8 bits with colors 420jpeg, 420mpeg2, 420paldv, 420, 422, 444 or mono";

/// The levels that black to white take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Range {
    /// Luma 16 to 235, color differences 16 to 240, as nearly all videos have.
    Limited,
    /// 0 to 255.
    Full,
}

/// What a header says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Header {
    /// Both sides are above 0, and a picture of this size is allowed.
    pub size: Size,
    pub rate: Option<Rate>,
    /// Where the color samples lie, across and down; `None` of grey videos.
    pub colors: Option<(Along, Along)>,
    pub range: Range,
}

impl Header {
    /// Reads the first line, without its end.
    ///
    /// # Errors
    /// When it is no such line, or the video is of a kind that is not read or larger than a picture may be.
    pub(super) fn parse(path: &Path, line: &[u8]) -> Result<Self> {
        let wrong = |expected: &str, got: String| Error::format(path, None, expected, got);
        let fields = line.strip_prefix(MAGIC).filter(|rest| rest.first().is_none_or(|c| *c == b' '));
        let fields = fields.ok_or_else(|| wrong(EXPECTED, shown(line)))?;
        let (mut width, mut height, mut rate) = (None, None, None);
        let (mut colors, mut range) = (Some((Along::Between, Along::Between)), Range::Limited);
        for field in fields.split(|c| *c == b' ').filter(|field| !field.is_empty()) {
            let (letter, value) = (field[0], &field[1..]);
            match letter {
                b'W' => width = number(value),
                b'H' => height = number(value),
                b'F' => rate = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()),
                b'C' => colors = layout(value).ok_or_else(|| wrong(EXPECTED_COLORS, shown(value)))?,
                b'X' if value == b"COLORRANGE=FULL" => range = Range::Full,
                // how it is interlaced, the shape of its pixels, remarks
                _ => {}
            }
        }
        let (Some(width), Some(height)) = (width, height) else {
            return Err(wrong("a Y4M header with a width (W) and a height (H) above 0", shown(line)));
        };
        let header = Self { size: Size::new(width, height), rate, colors, range };
        check_frame(path, header.size)?;
        Ok(header)
    }

    /// How many bytes a frame has.
    pub(super) fn bytes(&self) -> usize {
        let Size { width, height } = self.size;
        let color = self.colors.map_or(0, |(across, down)| across.samples(width) * down.samples(height));
        width * height + 2 * color
    }
}

/// The layout of a color space's name.
fn layout(name: &[u8]) -> Option<Option<(Along, Along)>> {
    use Along::{Between, Every, OnFirst};
    Some(match name {
        // without more, as FFmpeg and JPEG have it
        b"420" | b"420jpeg" => Some((Between, Between)),
        b"420mpeg2" => Some((OnFirst, Between)),
        b"420paldv" => Some((OnFirst, OnFirst)),
        b"422" => Some((OnFirst, Every)),
        b"444" => Some((Every, Every)),
        b"mono" => None,
        _ => return None,
    })
}

/// A side's length; `None` of 0 and of what is no number of 32 bits.
fn number(digits: &[u8]) -> Option<usize> {
    let value: u32 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    usize::try_from(value).ok().filter(|v| *v > 0)
}

/// The beginning of a line that is not what it should be.
pub(super) fn shown(line: &[u8]) -> String {
    const MOST: usize = 40;
    let text = String::from_utf8_lossy(&line[..line.len().min(MOST)]).into_owned();
    format!("{text:?}{}", if line.len() > MOST { " …" } else { "" })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parsed(line: &str) -> Result<Header, String> {
        Header::parse(Path::new("a.y4m"), line.as_bytes()).map_err(|e| e.to_string())
    }

    #[test]
    fn a_header_as_ffmpeg_writes_it() {
        let header = parsed("YUV4MPEG2 W640 H360 F30000:1001 Ip A1:1 C420jpeg XYSCSS=420JPEG XCOLORRANGE=LIMITED");
        let colors = Some((Along::Between, Along::Between));
        let rate = Rate::new(30000, 1001);
        let expected = Header { size: Size::new(640, 360), rate, colors, range: Range::Limited };
        assert_eq!(header.unwrap(), expected);
        assert_eq!(expected.bytes(), 640 * 360 * 3 / 2);
    }

    #[test]
    fn layouts_have_their_sizes() {
        // 5 × 3 pixels: halves are rounded up
        let bytes = |color: &str| parsed(&format!("YUV4MPEG2 W5 H3 {color}")).unwrap().bytes();
        for (color, expected) in
            [("", 27), ("C420paldv", 27), ("C420mpeg2", 27), ("C422", 33), ("C444", 45), ("Cmono", 15)]
        {
            assert_eq!(bytes(color), expected, "{color}");
        }
        let full = parsed("YUV4MPEG2 W5 H3 F0:0 XCOLORRANGE=FULL").unwrap();
        assert_eq!((full.range, full.rate), (Range::Full, None));
    }

    #[test]
    fn what_is_not_read_is_refused_in_a_line() {
        for (line, words) in [
            ("RIFF", "expected"),
            ("YUV4MPEG2W5 H3", "expected"),
            ("YUV4MPEG2 W5", "a width (W) and a height (H)"),
            ("YUV4MPEG2 W0 H3", "a width (W) and a height (H)"),
            ("YUV4MPEG2 W5 H-3", "a width (W) and a height (H)"),
            ("YUV4MPEG2 W5 H3 C420p10", "got \"420p10\""),
            ("YUV4MPEG2 W5 H3 C411", "got \"411\""),
            ("YUV4MPEG2 W4294967295 H4294967295", "--max-pixels"),
        ] {
            let error = parsed(line).unwrap_err();
            assert!(error.starts_with("a.y4m: expected") && error.contains(words), "{line}: {error}");
        }
        assert_eq!(shown(&[0, b'a', 0xff]), "\"\\0a\u{fffd}\"");
    }
}
