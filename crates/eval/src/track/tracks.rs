//! The faces of a video from frame to frame: followed by their points, confirmed by the finder, lost and found.

use super::{
    TrackConfig,
    eyes::{Effort, Eyes},
    life::{Sighting, Track, UNCONFIRMED, UNSURE},
    matching::{SAME, is_among, pairs},
};
use crate::error::Result;
use crate::predict::{Located, Place};
use candle_vision_helpers::{Rect, Size};
use image::RgbImage;
use std::sync::Arc;

/// A track that is seen and a found face that share more than this part of their union are one.
const CONFIRMS: f64 = 0.3;
/// A track that is out of sight is where it is expected only roughly.
const FINDS_AGAIN: f64 = 0.15;

/// All tracks of a video.
#[derive(Debug)]
pub(super) struct Tracks {
    config: TrackConfig,
    tracks: Vec<Track>,
    next_id: u64,
    /// Frames since the finder looked, and since it searched.
    since_look: usize,
    since_search: usize,
}

/// A face of a frame.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub id: u64,
    pub is_new: bool,
    /// Its points are smoothed.
    pub seen: Located,
}

/// What became of the tracks in a frame.
#[derive(Clone, Debug, Default)]
pub(super) struct Step {
    /// By their ids.
    pub shown: Vec<Shown>,
    pub lost: Vec<u64>,
}

/// What the looks of one frame tell of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Sound,
    /// Its points are unsure, or it has none.
    Unsure,
    /// Its points are on a face that another track has.
    Covered,
}

impl Tracks {
    pub(super) fn new(config: TrackConfig) -> Self {
        Self { config, tracks: Vec::new(), next_id: 1, since_look: usize::MAX, since_search: usize::MAX }
    }

    /// Goes one frame on; `time` is in seconds and never goes back.
    pub(super) fn step(&mut self, eyes: &dyn Eyes, frame: &Arc<RgbImage>, time: f64) -> Result<Step> {
        let mut step = Step::default();
        let (stay, left): (Vec<_>, Vec<_>) =
            self.tracks.drain(..).partition(|track| track.is_inside(time, Size::of(frame)));
        self.tracks = stay;
        step.lost.extend(left.iter().map(|track| track.id));

        let expected: Vec<Place> = self.tracks.iter().map(|track| track.expected(time)).collect();
        let seen = if eyes.follows() { sightings(eyes, frame, &expected)? } else { Vec::new() };
        let mut seen: Vec<Option<Sighting>> = seen.into_iter().map(Some).collect();
        seen.resize_with(self.tracks.len(), || None);
        let verdicts = self.verdicts(&expected, &seen);
        let found = match self.effort(&verdicts, eyes.follows()) {
            Some(effort) => Some(eyes.find(frame, effort)?),
            None => None,
        };
        let matched = self.matched(&verdicts, (&expected, &seen), found.as_deref().unwrap_or_default());

        if let Ok(file) = std::env::var("TRACKDUMP") {
            use std::io::Write;
            let mut out = std::fs::OpenOptions::new().append(true).create(true).open(file).unwrap();
            let r = |r: Rect| format!("[{:.0},{:.0} {:.0}x{:.0}]", r.x, r.y, r.width, r.height);
            writeln!(out, "T {:.0}", time * 30.0).unwrap();
            for (i, t) in self.tracks.iter().enumerate() {
                let s = seen[i].as_ref().map(|s| {
                    format!(
                        "{} conf {:.2} agree {:.2} {:?}",
                        r(s.bounds),
                        s.seen.mean_confidence().unwrap_or(0.0),
                        s.seen.agreement.unwrap_or(0.0),
                        s.seen.doubts()
                    )
                });
                writeln!(
                    out,
                    "  {} hid {} against {} exp {} {:?} seen {:?} match {:?}",
                    t.id,
                    t.is_hidden,
                    t.against,
                    r(expected[i].bounds()),
                    verdicts[i],
                    s,
                    matched[i]
                )
                .unwrap();
            }
            for f in found.iter().flatten() {
                writeln!(out, "     found {} {:?}", r(f.bounds()), f.score()).unwrap();
            }
        }
        // what is certain by now, then what the finder's word makes worth a second look
        let mut taken: Vec<Rect> = Vec::new();
        let mut again: Vec<(Option<usize>, Place)> = Vec::new();
        for (i, track) in self.tracks.iter_mut().enumerate() {
            let place = matched[i].and_then(|j| found.as_ref()?.get(j));
            match (verdicts[i], place) {
                (Verdict::Sound, place) if !track.is_hidden || place.is_some() => {
                    let Some(sighting) = &mut seen[i] else { continue };
                    sighting.seen.score = place.and_then(Place::score);
                    track.against = if found.is_some() && place.is_none() { track.against + UNCONFIRMED } else { 0 };
                    if track.is_hidden {
                        track.reappear(self.config.smooth);
                    }
                    track.see(sighting, time);
                    taken.push(sighting.bounds);
                }
                (verdict, Some(place)) => {
                    track.is_hidden |= verdict == Verdict::Covered;
                    again.push((Some(i), place.clone()));
                }
                (Verdict::Unsure, None) if !track.is_hidden => track.against += UNSURE,
                _ => {
                    track.is_hidden = true;
                    track.against += UNCONFIRMED;
                }
            }
        }
        let is_free = |j: &usize| !matched.contains(&Some(*j));
        let places = found.iter().flatten().enumerate().filter(|(j, _)| is_free(j)).map(|(_, place)| place);
        again.extend(places.filter(|place| !is_among(place.bounds(), &taken)).map(|place| (None, place.clone())));

        let (owners, places): (Vec<_>, Vec<_>) = again.into_iter().unzip();
        let mut new = Vec::new();
        for (owner, sighting) in owners.into_iter().zip(sightings(eyes, frame, &places)?) {
            let is_taken = !sighting.is_sound || is_among(sighting.bounds, &taken);
            match owner {
                Some(i) if is_taken => {
                    let track = &mut self.tracks[i];
                    track.against += if track.is_hidden { UNCONFIRMED } else { UNSURE };
                }
                Some(i) => {
                    let track = &mut self.tracks[i];
                    track.against = 0;
                    if track.is_hidden {
                        track.reappear(self.config.smooth);
                    }
                    track.see(&sighting, time);
                    taken.push(sighting.bounds);
                    seen[i] = Some(sighting);
                }
                None if is_taken => {}
                None => {
                    taken.push(sighting.bounds);
                    new.push(Track::new(self.next_id, time, &sighting, self.config.smooth));
                    self.next_id += 1;
                    seen.push(Some(sighting));
                }
            }
        }
        let first_new = self.next_id - new.len() as u64;
        self.tracks.extend(new);
        self.show(seen, (time, first_new), &mut step);
        Ok(step)
    }

    /// Puts all that is seen into the step, and ends the tracks that too much speaks against.
    fn show(&mut self, seen: Vec<Option<Sighting>>, (time, first_new): (f64, u64), step: &mut Step) {
        let most = self.config.patience.saturating_mul(UNSURE);
        for (track, sighting) in self.tracks.iter_mut().zip(seen) {
            if track.against >= most {
                step.lost.push(track.id);
            } else if let Some(Sighting { mut seen, .. }) = sighting.filter(|_| !track.is_hidden) {
                seen.points = track.smoothed(&seen.points, time);
                step.shown.push(Shown { id: track.id, is_new: track.id >= first_new, seen });
            }
        }
        self.tracks.retain(|track| track.against < most);
        step.lost.sort_unstable();
    }

    /// What the frame's looks tell of each track.
    fn verdicts(&self, expected: &[Place], seen: &[Option<Sighting>]) -> Vec<Verdict> {
        let is_sound = |sighting: &Option<Sighting>| sighting.as_ref().is_some_and(|s| s.is_sound);
        let first = |s: &Option<Sighting>| if is_sound(s) { Verdict::Sound } else { Verdict::Unsure };
        let mut verdicts: Vec<Verdict> = seen.iter().map(first).collect();
        let bounds = |i: usize| seen[i].as_ref().map(|s| s.bounds);
        for i in 0..verdicts.len() {
            for j in i + 1..verdicts.len() {
                let both = verdicts[i] == Verdict::Sound && verdicts[j] == Verdict::Sound;
                let (Some(a), Some(b)) = (bounds(i), bounds(j)) else { continue };
                if both && a.overlap(b) > SAME {
                    // the face is whose it was expected to be, the older track's where both expected it
                    let fit = |i: usize, seen: Rect| expected[i].bounds().overlap(seen);
                    let (p, q) = (&self.tracks[i], &self.tracks[j]);
                    let is_first = match (p.is_hidden, q.is_hidden) {
                        (false, false) | (true, true) => fit(i, a) >= fit(j, b),
                        (is_hidden, _) => !is_hidden,
                    };
                    verdicts[if is_first { j } else { i }] = Verdict::Covered;
                }
            }
        }
        // nor are unsure points shown on a face that is another's
        let taken = verdicts.iter().enumerate().filter(|(_, v)| **v == Verdict::Sound);
        let taken: Vec<Rect> = taken.filter_map(|(i, _)| bounds(i)).collect();
        for (i, verdict) in verdicts.iter_mut().enumerate() {
            if *verdict == Verdict::Unsure && bounds(i).is_some_and(|b| is_among(b, &taken)) {
                *verdict = Verdict::Covered;
            }
        }
        verdicts
    }

    /// Whether the finder looks at this frame, and how well.
    fn effort(&mut self, verdicts: &[Verdict], follows: bool) -> Option<Effort> {
        let every = self.config.find_every;
        (self.since_look, self.since_search) = (self.since_look.saturating_add(1), self.since_search.saturating_add(1));
        let is_doubtful = |track: &Track| track.is_hidden || track.against > 0;
        let is_needed = self.tracks.is_empty()
            || !follows
            || verdicts.iter().any(|v| *v != Verdict::Sound)
            || self.tracks.iter().any(is_doubtful);
        if !is_needed && self.since_look < every {
            return None;
        }
        self.since_look = 0;
        if !self.tracks.is_empty() || self.since_search < every {
            return Some(Effort::Glance);
        }
        self.since_search = 0;
        Some(Effort::Search)
    }

    /// The found face of each track: those in sight come first, by the boxes that they have; the others by the boxes
    /// that they should have.
    fn matched(
        &self,
        verdicts: &[Verdict],
        (expected, seen): (&[Place], &[Option<Sighting>]),
        found: &[Place],
    ) -> Vec<Option<usize>> {
        let found: Vec<Rect> = found.iter().map(Place::bounds).collect();
        let is_seen = |i: usize| verdicts[i] == Verdict::Sound && !self.tracks[i].is_hidden;
        let boxes = |wanted: bool| -> Vec<Option<Rect>> {
            let one = |i: usize| match &seen[i] {
                _ if is_seen(i) != wanted => None,
                Some(s) if verdicts[i] == Verdict::Sound => Some(s.bounds),
                _ => Some(expected[i].bounds()),
            };
            (0..self.tracks.len()).map(one).collect()
        };
        let mut matched = vec![None; self.tracks.len()];
        let mut free: Vec<Option<Rect>> = found.iter().copied().map(Some).collect();
        let visible = boxes(true);
        for (i, j) in pairs(&visible, &free, CONFIRMS) {
            (matched[i], free[j]) = (Some(j), None);
        }
        // a second box on a face that is in sight is nobody else's
        let visible: Vec<Rect> = visible.into_iter().flatten().collect();
        free.iter_mut().for_each(|face| *face = face.filter(|f| !is_among(*f, &visible)));
        for (i, j) in pairs(&boxes(false), &free, FINDS_AGAIN) {
            matched[i] = Some(j);
        }
        matched
    }
}

/// What is seen in some places; no look is taken where there are none.
fn sightings(eyes: &dyn Eyes, frame: &Arc<RgbImage>, places: &[Place]) -> Result<Vec<Sighting>> {
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let seen = eyes.look(frame, places)?;
    Ok(seen.into_iter().map(|face| Sighting::new(face, eyes.follows(), eyes.mirror())).collect())
}
