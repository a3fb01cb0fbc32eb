//! The faces of a video from frame to frame: followed by their points, confirmed by the finder, lost and found.

use super::{
    TrackConfig,
    contact::{Contact, contacts},
    eyes::{Effort, Eyes},
    life::{COVERED, Sighting, Track, UNCONFIRMED, UNSURE},
    matching::{SAME, apart, is_among, pairs},
};
use crate::error::Result;
use crate::predict::{Located, Place};
use candle_vision_helpers::{Rect, Size};
use image::RgbImage;
use std::sync::Arc;

/// A track that is seen and a found face that are less than this apart, in sizes, are one.
const CONFIRMS: f64 = 0.5;
/// A track that is out of sight is where it is expected only roughly …
const FINDS_AGAIN: f64 = 0.75;
/// … and so much more roughly for each second.
const STRAYS: f64 = 0.5;
/// Points whose box shares less than this part of its union with the one that the finder gives to the face have been
/// drawn to another.
const AGREES: f64 = 0.6;

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

/// What the looks of one frame show of all tracks.
struct Looks {
    seen: Vec<Option<Sighting>>,
    /// Where each should be.
    due: Vec<Rect>,
    verdicts: Vec<Verdict>,
    contacts: Vec<Contact>,
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

        let mut looks = self.looks(eyes, frame, time)?;
        let found = match self.effort(&looks, eyes.follows()) {
            Some(effort) => Some(eyes.find(frame, effort)?),
            None => None,
        };
        let boxes: Vec<Rect> = found.iter().flatten().map(Place::bounds).collect();
        let matched = self.matched(&looks, &boxes, time);

        // what is certain by now, then what the finder's word makes worth a second look
        let mut taken: Vec<Rect> = Vec::new();
        let mut again: Vec<(Option<usize>, Place)> = Vec::new();
        for (i, track) in self.tracks.iter_mut().enumerate() {
            let place = matched[i].and_then(|j| found.as_ref()?.get(j));
            let (verdict, contact, seen) = (looks.verdicts[i], looks.contacts[i], &mut looks.seen[i]);
            // among other faces, sure points are not enough
            let is_doubled = contact == Contact::Touching && found.is_some();
            let is_off = |s: &Sighting| place.is_none_or(|place| s.bounds.overlap(place.bounds()) < AGREES);
            match (seen, place) {
                (Some(sighting), place)
                    if verdict == Verdict::Sound && !((track.is_hidden || is_doubled) && is_off(sighting)) =>
                {
                    sighting.seen.score = place.and_then(Place::score);
                    track.against = if found.is_some() && place.is_none() { track.against + UNCONFIRMED } else { 0 };
                    if track.is_hidden {
                        track.reappear(self.config.smooth);
                    }
                    track.see(sighting, place, contact, time);
                    taken.push(sighting.bounds);
                }
                (_, Some(place)) => {
                    if verdict == Verdict::Covered || contact == Contact::Touching {
                        track.hide();
                    }
                    again.push((Some(i), place.clone()));
                }
                (_, None) if verdict == Verdict::Unsure && contact == Contact::Clear && !track.is_hidden => {
                    track.against += UNSURE;
                }
                _ => {
                    track.hide();
                    track.against += if contact == Contact::Touching { COVERED } else { UNCONFIRMED };
                }
            }
        }
        let is_free = |j: &usize| !matched.contains(&Some(*j));
        let places = found.iter().flatten().enumerate().filter(|(j, _)| is_free(j)).map(|(_, place)| place);
        again.extend(places.filter(|place| !is_among(place.bounds(), &taken)).map(|place| (None, place.clone())));

        let (owners, places): (Vec<_>, Vec<_>) = again.into_iter().unzip();
        let mut new = Vec::new();
        for ((owner, place), sighting) in owners.into_iter().zip(&places).zip(sightings(eyes, frame, &places)?) {
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
                    track.see(&sighting, Some(place), looks.contacts[i], time);
                    taken.push(sighting.bounds);
                    looks.seen[i] = Some(sighting);
                }
                None if is_taken => {}
                None => {
                    taken.push(sighting.bounds);
                    new.push(Track::new(self.next_id, time, &sighting, self.config.smooth));
                    self.next_id += 1;
                    looks.seen.push(Some(sighting));
                }
            }
        }
        let first_new = self.next_id - new.len() as u64;
        self.tracks.extend(new);
        self.show(looks.seen, (time, first_new), &mut step);
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

    /// Looks where each track is expected.
    fn looks(&self, eyes: &dyn Eyes, frame: &Arc<RgbImage>, time: f64) -> Result<Looks> {
        let expected: Vec<Place> = self.tracks.iter().map(|track| track.expected(time)).collect();
        let seen = if eyes.follows() { sightings(eyes, frame, &expected)? } else { Vec::new() };
        let mut seen: Vec<Option<Sighting>> = seen.into_iter().map(Some).collect();
        seen.resize_with(self.tracks.len(), || None);
        let due: Vec<Rect> = self.tracks.iter().map(|track| track.due(time)).collect();
        let verdicts = self.verdicts(&due, &seen);
        let own = |(i, track): (usize, &Track)| {
            let sound = seen[i].as_ref().filter(|_| verdicts[i] == Verdict::Sound && !track.is_hidden);
            (sound.map_or(due[i], |s| s.bounds), !track.is_hidden)
        };
        let contacts = contacts(&self.tracks.iter().enumerate().map(own).collect::<Vec<_>>());
        Ok(Looks { seen, due, verdicts, contacts })
    }

    /// What the frame's looks tell of each track.
    fn verdicts(&self, due: &[Rect], seen: &[Option<Sighting>]) -> Vec<Verdict> {
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
                    let off = |i: usize, seen: Rect| apart(due[i], seen);
                    let (p, q) = (&self.tracks[i], &self.tracks[j]);
                    let is_first = match (p.is_hidden, q.is_hidden) {
                        (false, false) | (true, true) => off(i, a) <= off(j, b),
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
    fn effort(&mut self, looks: &Looks, follows: bool) -> Option<Effort> {
        let every = self.config.find_every;
        (self.since_look, self.since_search) = (self.since_look.saturating_add(1), self.since_search.saturating_add(1));
        let is_doubtful = |track: &Track| track.is_hidden || track.against > 0;
        let is_needed = self.tracks.is_empty()
            || !follows
            || looks.verdicts.iter().any(|v| *v != Verdict::Sound)
            || looks.contacts.contains(&Contact::Touching)
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

    /// The found face of each track: those in sight come first, by the boxes that they have and should have; the
    /// others by the boxes that they should have, the more roughly the longer they are out of sight.
    fn matched(&self, looks: &Looks, found: &[Rect], time: f64) -> Vec<Option<usize>> {
        let is_seen = |i: usize| looks.verdicts[i] == Verdict::Sound && !self.tracks[i].is_hidden;
        let bounds = |i: usize| looks.seen[i].as_ref().map(|s| s.bounds).filter(|_| is_seen(i));
        let mut matched = vec![None; self.tracks.len()];
        let visible = |i: usize, j: usize| {
            let (seen, due) = (apart(bounds(i)?, found[j]), apart(looks.due[i], found[j]));
            let cost = if looks.contacts[i] == Contact::Clear { seen } else { (seen + due) / 2.0 };
            Some(cost).filter(|cost| *cost < CONFIRMS)
        };
        for (i, j) in pairs(self.tracks.len(), found.len(), visible) {
            matched[i] = Some(j);
        }
        // a second box on a face that is in sight is nobody else's
        let taken: Vec<Rect> = (0..self.tracks.len()).filter_map(bounds).collect();
        let is_free = |j: usize| !matched.contains(&Some(j)) && !is_among(found[j], &taken);
        let hidden = |i: usize, j: usize| {
            let most = FINDS_AGAIN + STRAYS * self.tracks[i].age(time);
            let cost = apart(looks.due[i], found[j]);
            (!is_seen(i) && is_free(j) && cost < most).then_some(cost)
        };
        for (i, j) in pairs(self.tracks.len(), found.len(), hidden) {
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
