//! Which faces come near each other, where points are easily drawn from the one that is covered to the one in front.

use candle_vision_helpers::Rect;

/// A head reaches beyond the box of its points: boxes count as near that meet when they are so much larger.
const HEAD: f64 = 1.25;
/// Of a face that touches others, more than this part lies in their boxes.
const TOUCHES: f64 = 0.2;

/// How a face lies to those that are in sight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contact {
    Clear,
    /// Its points may be drawn to another.
    Near,
    /// Its points may be on another.
    Touching,
}

/// The contact of each box with those of the others that are in sight.
pub(super) fn contacts(boxes: &[(Rect, bool)]) -> Vec<Contact> {
    let one = |(i, &(own, _)): (usize, &(Rect, bool))| {
        let others = boxes.iter().enumerate().filter(|&(j, &(_, in_sight))| j != i && in_sight).map(|(_, b)| b.0);
        let shared: f64 = others.clone().map(|other| other.shared_area(own)).sum();
        if shared > TOUCHES * own.width * own.height {
            Contact::Touching
        } else if others.map(head).any(|other| other.shared_area(head(own)) > 0.0) {
            Contact::Near
        } else {
            Contact::Clear
        }
    };
    boxes.iter().enumerate().map(one).collect()
}

fn head(points: Rect) -> Rect {
    let (c, w, h) = (points.center(), points.width * HEAD, points.height * HEAD);
    Rect::new(c.x - w / 2.0, c.y - h / 2.0, w, h)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faces_are_near_before_they_touch_and_hidden_ones_count_for_nobody() {
        let at = |x: f64, in_sight: bool| (Rect::new(x, 0.0, 100.0, 100.0), in_sight);
        // heads of 125 pixels meet below a gap of 25, and 20 pixels of 100 are a fifth
        assert_eq!(contacts(&[at(0.0, true), at(126.0, true)]), [Contact::Clear; 2]);
        assert_eq!(contacts(&[at(0.0, true), at(124.0, true)]), [Contact::Near; 2]);
        assert_eq!(contacts(&[at(0.0, true), at(81.0, true)]), [Contact::Near; 2]);
        assert_eq!(contacts(&[at(0.0, true), at(79.0, true)]), [Contact::Touching; 2]);
        assert_eq!(contacts(&[at(0.0, true), at(79.0, false)]), [Contact::Clear, Contact::Touching]);
        // 15 pixels of it on either side
        assert_eq!(contacts(&[at(0.0, true), at(85.0, true), at(170.0, true)])[1], Contact::Touching);
        assert_eq!(contacts(&[]), []);
    }
}
